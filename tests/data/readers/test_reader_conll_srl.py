"""CoNLL-2005 and CoNLL-2012 columns, on small files of the same form."""

from __future__ import annotations

import pytest

from elmobench.core.errors import ConfigError, DataError
from elmobench.data.examples import Proposition
from elmobench.data.readers.base import READERS, SourceText
from elmobench.data.readers.role_columns import bio_of_brackets

WORDS = "The\ncat\n-LRB-\nsat\nand\nran\n\nStop\n\n"
PROPS = """\
-     (A0*   (A0*
-     *      *)
-     *)     *
sit   (V*)   *
-     *      *
run   *      (V*)

-

"""


def read_2005(words: str = WORDS, props: str | None = PROPS, **options):
    reader = READERS.get("conll-2005")
    beside = {} if props is None else {"props": (SourceText(props.encode(), "t.props"),)}
    text = SourceText(words.encode(), "t.words", "train", beside=beside)
    return reader.read(text, reader.options(options, "card"))


def test_2005_words_and_props():
    tokens = ("The", "cat", "-LRB-", "sat", "and", "ran")
    expected = [
        Proposition("train-000001#1", tokens, 3, ("B-A0", "I-A0", "I-A0", "B-V", "O", "O")),
        Proposition("train-000001#2", tokens, 5, ("B-A0", "I-A0", "O", "O", "O", "B-V")),
    ]
    assert read_2005().examples == expected
    assert read_2005(unescape=True).examples[0].tokens[2] == "("
    pasted = "\n".join(
        f"{w} X {p}" if w else "" for w, p in zip(WORDS.split("\n"), PROPS.split("\n"), strict=True)
    )
    assert read_2005(pasted, None, target=2).examples == expected


def test_2005_continued_and_referring_arguments_keep_their_labels():
    words = "a\nb\nc\nd\ne\n"
    props = "- (A1*\n- *)\nv (V*)\n- (C-A1*)\n- (R-A1*)\n"
    (example,) = read_2005(words, props).examples
    assert example.tags == ("B-A1", "I-A1", "B-V", "B-C-A1", "B-R-A1")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("*)     *\n", "(A1*   *\n", r"t\.props:3.*A1 opens inside A0"),
        ("*)     *\n", "*      *\n", r"t\.props:4.*V opens inside A0"),
        ("*)     *\n", "*))    *\n", r"t\.props:3.*'\*\)\)' is not a cell of an argument column"),
        ("*)     *\n", "(A1(A2* *\n", r"(?s)t\.props:3.*nest or cross"),
        ("*)     *\n", "*)\n", r"t\.props:3: the row has 2 fields, but the sentence's first has 3"),
        ("      (V*)\n", "      (V*\n", r"t\.props:6: V is not closed at the end"),
        ("run ", "-   ", r"t\.props:1: the sentence marks 1 predicates but has 2"),
        (
            "\n-\n",
            "\n-\n-\n",
            r"t\.props:8: the sentence has 2 rows, but 1 words in t\.words:8",
        ),
        ("\n-\n\n", "\n", r"t\.props: 1 sentences, but t\.words has 2"),
    ],
)
def test_2005_bad_props(old: str, new: str, message: str):
    assert old in PROPS
    with pytest.raises(DataError, match=message):
        read_2005(props=PROPS.replace(old, new, 1))


def test_2005_bad_columns():
    with pytest.raises(ConfigError, match="the same column"):
        read_2005(props=None)
    with pytest.raises(DataError, match=r"t\.words:1: no word column 4"):
        read_2005(word=4)
    with pytest.raises(DataError, match=r"t\.props:1: the row has 3 fields, at least 8"):
        read_2005(target=7)
    with pytest.raises(DataError, match=r"t\.words:2: no word column 1"):
        read_2005("The x\ncat\n", "- *\nv (V*)\n", word=1)


CONLL = """\
#begin document (bc/x/00/x_0000); part 000
bc/x/00/x_0000 0 0 Dogs NNS (S* - - - A * (ARG0*) (ARG0*) (1)
bc/x/00/x_0000 0 1 run VBP * run 02 1 A * (V*) * -
bc/x/00/x_0000 0 2 /. . * - - - A * * * -
bc/x/00/x_0000 0 3 bite VBP *) bite 01 - A * * (V*) -

bc/x/00/x_0000 0 0 Yes UH (S*) - - - A * -

#end document
#begin document (bc/x/00/x_0000); part 001
bc/x/00/x_0000 1 0 Go VB (S* go 01 - A * (V*) -
bc/x/00/x_0000 1 1 on RP *) - - - A * (C-V*) -
#end document
"""


def read_2012(text: str = CONLL, **options):
    reader = READERS.get("conll-2012-srl")
    return reader.read(SourceText(text.encode(), "x_conll"), reader.options(options, "card"))


def test_2012():
    tokens = ("Dogs", "run", "/.", "bite")
    assert read_2012().examples == [
        Proposition("bc/x/00/x_0000-0-0001#1", tokens, 1, ("B-ARG0", "B-V", "O", "O"), "run.02"),
        Proposition("bc/x/00/x_0000-0-0001#2", tokens, 3, ("B-ARG0", "O", "O", "B-V"), "bite.01"),
        Proposition("bc/x/00/x_0000-1-0001#1", ("Go", "on"), 0, ("B-V", "B-C-V"), "go.01"),
    ]


def test_2012_predicates_by_label():
    """A column without its frameset is an error unless the option is set."""
    damaged = CONLL.replace("bite 01", "- -")
    with pytest.raises(DataError, match=r"(?s)x_conll:2: .*marks 1 predicates.*predicate: label"):
        read_2012(damaged)
    second = read_2012(damaged, predicate="label").examples[1]
    assert (second.predicate, second.roleset) == (3, None)
    assert read_2012(predicate="label").examples == read_2012().examples
    with pytest.raises(DataError, match="x_conll:2: argument column 2 labels no token V"):
        read_2012(CONLL.replace("* (V*) -\n\n", "* (ARG1*) -\n\n"), predicate="label")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("A * -\n\n#end", "-\n\n#end", "x_conll:7: the row has 10 fields, at least 12"),
        (
            "A * (V*) * -",
            "A * (V*) -",
            "x_conll:3: the row has 13 fields, but the sentence's first",
        ),
        ("(C-V*)", "(C-V*", "x_conll:12: C-V is not closed"),
    ],
)
def test_2012_bad_rows(old: str, new: str, message: str):
    assert old in CONLL
    with pytest.raises(DataError, match=message):
        read_2012(CONLL.replace(old, new))


def test_brackets_give_back_what_bio_says():
    def brackets(tags: list[str]) -> list[str]:
        cells = []
        for tag, following in zip(tags, [*tags[1:], "O"], strict=False):
            start = f"({tag[2:]}" if tag[0] == "B" else ""
            end = ")" if tag != "O" and following[0] != "I" else ""
            cells.append(f"{start}*{end}")
        return cells

    for tags in (
        [],
        ["O", "O"],
        ["B-A0"],
        ["B-A0", "B-A0", "I-A0", "O", "B-R-A0", "I-R-A0", "B-C-A0"],
    ):
        assert bio_of_brackets(brackets(tags), str) == tuple(tags)
