"""What people's files of columns, roles, coreference, nested spans and trees hold besides data."""

from __future__ import annotations

import gzip
import itertools
import random

import pytest

from elmobench.core.errors import DataError
from elmobench.data.readers import read_bytes
from elmobench.data.readers.base import READERS, SourceText
from elmobench.data.readers.column_detection import span_column_options
from elmobench.data.readers.propbank import ROLE
from elmobench.data.tag_schemes import spans

# Characters at which str.split() cuts and str.strip() cuts off.
SPACES = ["\u00a0", "\u0085", "\u2028", "\u3000", "\x1c", "\x0c"]
SPACE_NAMES = [f"U+{ord(char):04X}" for char in SPACES]


def columns(text: str | bytes, **options):
    data = text if isinstance(text, bytes) else text.encode()
    return read_bytes("conll-columns", data, "f", {"scheme": "bio", **options})


def blanks(text: str | bytes, **options):
    return columns(text, separator="whitespace", tag=-1, **options)


def coref(text: str | bytes, **options):
    data = text if isinstance(text, bytes) else text.encode()
    return read_bytes("conll-coref", data, "f", options)


def nested(text: str | bytes):
    return read_bytes("nested-columns", text if isinstance(text, bytes) else text.encode(), "f")


def props(text: str | bytes):
    data = text if isinstance(text, bytes) else text.encode()
    return read_bytes("conll-2005", data, "f", {"word": 0, "target": 1})


def conll_2012(text: str | bytes):
    return read_bytes("conll-2012-srl", text if isinstance(text, bytes) else text.encode(), "f")


def trees(text: str | bytes):
    return read_bytes("sst", text if isinstance(text, bytes) else text.encode(), "f")


def propbank(words: str | bytes, skeleton: str | bytes | None = None):
    """The treebank ``words`` with an annotation of its one sentence ``a b``."""
    if skeleton is None:
        verb, noun = "V * a a.01 (V*)", "N * - - (A1*)"
        skeleton = f"x/g/00/d.xml 0 0 [WORD] {verb}\nx/g/00/d.xml 0 1 [WORD] {noun}\n"
    reader = READERS.get("propbank-ud")
    data = [part if isinstance(part, bytes) else part.encode() for part in (words, skeleton)]
    beside = {ROLE: (SourceText(data[1], "s"),)}
    return reader.read(SourceText(data[0], "f", beside=beside), reader.options({}, "card"))


def conll_u(word: str) -> str:
    rest = "\t_" * 8
    return f"# newdoc id = g-d\n# sent_id = s\n1\t{word}{rest}\n2\tb{rest}\n\n"


def document(word: str, marks: str = "(1)") -> str:
    return f"#begin document (d); part 0\nd 0 0 {word} {marks}\n#end document\n"


ROLES_2012 = "d 0 0 {} V * a 01 - - * (V*) -\n"

# One file of every reader, with a gap for its first word.
READERS_OF_WORDS = {
    "tabs": (columns, "{}\tO\n"),
    "blanks": (blanks, "{} O\n"),
    "coref": (coref, document("{}")),
    "coref with tabs": (
        lambda text: coref(text, separator="tab"),
        document("{}").replace("d 0 0 ", "d\t0\t0\t").replace(" (1)", "\t(1)"),
    ),
    "nested": (nested, "{}\tO\tB-A\n"),
    "props": (props, "{} a (V*)\n"),
    "2012": (conll_2012, ROLES_2012),
    "propbank": (propbank, conll_u("{}")),
    "trees": (trees, "(2 {})\n"),
}
every_reader = pytest.mark.parametrize(
    ("read", "file"), READERS_OF_WORDS.values(), ids=READERS_OF_WORDS.keys()
)


def first_word(result) -> str:
    return result.examples[0].tokens[0]


@every_reader
@pytest.mark.parametrize("space", SPACES, ids=SPACE_NAMES)
def test_words_are_not_cut_at_other_white_space(read, file: str, space: str) -> None:
    """The rule of the case ``ner-no-break-space.conll``, for every reader and every character."""
    for word in (f"10{space}000", f"{space}x", f"x{space}"):
        assert first_word(read(file.format(word))) == word
    # On its own it is no word: heads and vectors need something to see.
    with pytest.raises(DataError, match=r"^f:\d: the \w+ is empty"):
        read(file.format(space))


@every_reader
def test_zero_width_words_are_words(read, file: str) -> None:
    """WNUT 2017 has tokens that are a variation selector."""
    for word in ("\u200b", "\ufe0f", "\u200d"):
        assert first_word(read(file.format(word))) == word


@every_reader
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda file: (file + file).replace("\n", "\r"), "f: its lines end in CR only"),
        (lambda file: file.replace("w", "w\r"), r"f:\d: holds a carriage return"),
        (lambda file: file.replace("\n", "\r\r\n"), r"f:1: holds a carriage return"),
        (lambda file: "\ufeff\ufeff" + file, "f:1: begins with a byte-order mark"),
        (lambda file: file.replace("w", "w\0"), r"f:\d: holds a NUL byte"),
        (lambda file: b"\xff\xfe" + file.encode("utf-16-le"), "f: is not UTF-8: .* of UTF-16"),
        (lambda file: b"\xfe\xff" + file.encode("utf-16-be"), "f: is not UTF-8: .* of UTF-16"),
        (lambda file: file.encode("utf-32"), "f: is not UTF-8: .* of UTF-32"),
        (lambda file: b"PK\x03\x04" + bytes(9), "f: is no text file: it is a ZIP archive"),
        (lambda file: b"\xd0\xcf\x11\xe0" + bytes(9), "f: is no text file: it is an old Excel"),
        (lambda file: gzip.compress(file.encode()), "f: is no text file: it is compressed by"),
        (lambda file: file.encode("utf-16-le"), "f:1: holds a NUL byte"),
        (lambda file: file.replace("w", "caf\u00e9").encode("latin-1"), r"f:\d: is not UTF-8"),
        (lambda file: "", "f: the file is empty"),
        (lambda file: " \n\t\n\n", "f: (the file is empty|has 4 problems\n    line 1: not a tree)"),
        (lambda file: "\ufeff", "f: the file is empty"),
    ],
    ids="",
)
def test_what_is_no_file_of_lines_is_an_error(read, file: str, change, message: str) -> None:
    with pytest.raises(DataError, match=f"^{message}"):
        read(change(file.format("w")))


@every_reader
def test_marks_and_windows_line_ends_change_nothing(read, file: str) -> None:
    good = file.format("w")
    expected = read(good)
    assert read("\ufeff" + good) == read(good.replace("\n", "\r\n")) == expected


@every_reader
def test_long_words_are_read_and_never_printed(read, file: str) -> None:
    word = "x" * 1_000_000
    assert first_word(read(file.format(word))) == word
    with pytest.raises(DataError) as error:
        read(word)
    assert len(str(error.value)) < 500


LONG = "x" * 1_000_000


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (columns, f"a\t{LONG}\n"),
        (columns, f"a\tI-{LONG}\n"),
        (columns, f"a\tB-{LONG}\nb\tI-A\n"),
        (lambda text: columns(text, scheme="bioes"), f"a\tB-{LONG}\nb\tS-A\n"),
        (lambda text: columns(text, scheme="bioes"), f"a\tB-{LONG}\n"),
        (columns, f"a\tB-{LONG} \n"),
        (columns, f"{LONG} \tO\n"),
        (nested, f"a\tI-{LONG}\n"),
        (coref, document("a", LONG)),
        (coref, f"#begin document ({LONG})\n#end document\n"),
        (coref, f"#begin document ({LONG})\n#begin document (b)\n"),
        (lambda text: coref(text, genre=True), document("a").replace("(d)", LONG)),
        (props, f"a a (A0{LONG}*\n"),
        (props, f"a a {LONG}\n"),
        (propbank, conll_u("a").replace("\t", LONG)),
        (trees, f"(2 {LONG}) {LONG}"),
    ],
    ids=range(16),
)
def test_errors_show_the_beginning_of_long_fields(read, text: str) -> None:
    with pytest.raises(DataError, match=r"^f") as error:
        read(text)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("read", [columns, nested], ids=["columns", "nested"])
@pytest.mark.parametrize("tag", ["B-LOC ", " B-LOC", "B-LOC\u00a0", "B-LOC\u200b", "B-\u3000LOC"])
def test_tags_are_what_they_look_like(read, tag: str) -> None:
    """The case ``ner-trailing-blank.conll``: a second entity type that cannot be seen."""
    with pytest.raises(DataError, match=r"^f:2: the tag '.*(blanks around|white space or a)"):
        read(f"Rome\tB-LOC\nOslo\t{tag}\n")


def test_blanks_around_fields_are_cut_and_counted_if_the_card_says_so() -> None:
    with pytest.raises(DataError, match=r"(?s)^f:1: the token 'Oslo ' has blanks.*strip: true"):
        columns("Oslo \tB-LOC\n")
    result = columns("Oslo \tB-LOC  \n Rome\tB-LOC\n", strip=True)
    assert [(e.tokens, e.tags) for e in result.examples] == [(("Oslo", "Rome"), ("B-LOC", "B-LOC"))]
    assert result.dropped == {"blanks around a token, cut": 2, "blanks around a tag, cut": 1}


@pytest.mark.parametrize(
    "file",
    ["Mira B-PER\nsleeps O\n-DOCSTART- O\nOslo B-LOC\nwakes O\n\n-DOCSTART- O\nEgon B-PER\n"],
)
def test_a_document_begins_with_a_sentence(file: str) -> None:
    result = blanks(file)
    assert [e.tokens for e in result.examples] == [("Mira", "sleeps"), ("Oslo", "wakes"), ("Egon",)]
    assert [e.id for e in result.examples] == ["text-000001", "text-000004", "text-000008"]
    assert result.dropped == {"-DOCSTART- rows": 2}
    # A span does not go on in the next document.
    with pytest.raises(DataError, match=r"^f:3: I-PER does not follow"):
        blanks("Mira B-PER\n-DOCSTART- O\nB. I-PER\n")


def test_number_signs_are_words_in_files_with_comments() -> None:
    text = "# sent_id = s1\n#newpar\n#\tO\n#tag\tB-X\na\tO\n\n#text\n#\tO\n"
    result = columns(text, comment="#")
    assert [(e.id, e.tokens) for e in result.examples] == [
        ("s1", ("#", "#tag", "a")),
        ("text-000008", ("#",)),
    ]
    assert not result.dropped


def test_comments_that_could_be_rows_are_counted() -> None:
    """With blanks between columns, ``# O`` may be a comment or a word: the loss is visible."""
    text = "-DOCSTART-\n\n# a comment\n#newdoc id = x\n#tag O\na O\n# O\n\n# sent_id = s2\nb B-X\n"
    result = blanks(text, comment="#")
    assert [(e.id, e.tokens) for e in result.examples] == [
        ("text-000005", ("#tag", "a")),
        ("s2", ("b",)),
    ]
    assert result.dropped == {
        "-DOCSTART- rows": 1,
        "comment lines with as many fields as a row": 1,
    }


@pytest.mark.parametrize(
    ("read", "text", "line"),
    [
        (blanks, "a O\nNew York B-LOC\n", 2),
        (lambda text: columns(text, tag=-1), "a\tO\nb\tO\tx\n", 2),
        (coref, "#begin document (d); part 0\nd 0 0 a -\nd 0 1 New York -\n#end document\n", 3),
        (
            lambda text: coref(text, separator="tab"),
            "#begin document (d)\nd\t0\t0\ta\t_\nd\t0\t1\tb\t_\t_\n#end document\n",
            3,
        ),
        (nested, "a\tO\tO\nb\tO\n", 2),
        (props, "a a (V*)\nNew York - *\n", 2),
        (conll_2012, ROLES_2012.format("a") + ROLES_2012.format("New York"), 2),
    ],
)
def test_rows_of_a_sentence_have_one_width(read, text: str, line: int) -> None:
    with pytest.raises(DataError, match=rf"^f:{line}: .*\b(fields|columns), "):
        read(text)


def test_words_files_have_one_width_too() -> None:
    reader = READERS.get("conll-2005")
    text = SourceText(b"a\nNew York\n", "w", beside={"props": (SourceText(b"a (V*)\n- *\n", "p"),)})
    with pytest.raises(DataError, match=r"^w:2: the row has 2 fields"):
        reader.read(text, reader.options({}, "card"))


def test_further_columns_of_some_rows_are_ignored_where_that_is_safe() -> None:
    """Universal NER has notes at the end of some rows."""
    assert columns("a\tO\nb\tB-X\tnote\n").examples[0].tags == ("O", "B-X")


@pytest.mark.parametrize("token_id", ["a-b", "x.y", "1-", "-", "1.2.3"])
def test_only_ranges_and_empty_nodes_are_dropped(token_id: str) -> None:
    result = columns(f"1\ta\tO\n{token_id}\tb\tO\n", id=0, token=1, tag=2)
    assert result.examples[0].tokens == ("a", "b")
    assert not result.dropped


def test_an_unusual_separator_in_a_tag_is_an_error() -> None:
    for tag in ("B_LOC", "B:LOC", "B\u2013LOC", "LOC-B", "b-LOC", "B-", "-LOC", "LOC"):
        with pytest.raises(DataError, match=r"^f:2: '.*' is not a BIO tag"):
            columns(f"a\tO\nb\t{tag}\n")


def test_detection_passes_over_documents_and_comments() -> None:
    text = "-DOCSTART-\n\n# text = New York\nNew York\tB-LOC\nis\tO\n"
    options = span_column_options(SourceText(text.encode(), "f"))
    assert options == {"token": 0, "tag": -1, "separator": "tab", "scheme": "bio", "comment": "#"}
    assert columns(text, **options).examples[0].tokens == ("New York", "is")
    # The comment has as many fields as the rows.
    text = "# sent_id = s1\nEU NNP B-NP B-ORG\n"
    options = span_column_options(SourceText(text.encode(), "f"))
    assert options["comment"] == "#"
    result = columns(text, **options)
    assert [e.id for e in result.examples] == ["s1"]
    assert not result.dropped


class TestCoreference:
    def test_documents_without_a_part(self) -> None:
        """The case ``coref-begin-without-part.conll``, and what other tools write."""
        rows = "a 0 0 Mira (0)\n\na 0 0 She (0)\n"
        for begin, name in [
            ("#begin document (a)", "a"),
            ("#begin document a", "a"),
            ("#begin document (a) ", "a"),
            ("# begin document (a); part 0", "a.0"),
            ("#begin document (a); part 007\t", "a.7"),
            ("#begin document (a;b (c)); part 1", "a;b (c).1"),
            ("#begin document (a; part 1; part 2", "a; part 1.2"),
        ]:
            for end in ("#end document", "# end document", "#end document (a)"):
                (found,) = coref(f"{begin}\n{rows}{end}\n").examples
                assert found.id == name
                assert found.clusters == (((0, 0), (1, 1)),)

    @pytest.mark.parametrize(
        "begin", ["#begin document", "#begin document ()", "# begin document  "]
    )
    def test_documents_have_names(self, begin: str) -> None:
        with pytest.raises(DataError, match=r"^f:1: the document has no name"):
            coref(f"{begin}\nd 0 0 a -\n#end document\n")

    @pytest.mark.parametrize(
        "digits", ["1" * 19, "1" * 5000, "\u0661"], ids=["19", "5000", "Arabic"]
    )
    def test_numbers_are_numbers(self, digits: str) -> None:
        """Python converts Arabic digits, and refuses numbers of 4,300 digits."""
        with pytest.raises(DataError, match=r"^f:2: .* marks no mention"):
            coref(document("a", f"({digits})"))
        with pytest.raises(DataError, match=r"^f:1: 'part .* no number"):
            coref(document("a").replace("part 0", f"part {digits}"))

    def test_mentions_across_sentences_are_counted(self) -> None:
        rows = "d 0 0 a (1\nd 0 1 b 1)\n\nd 0 0 c (1\n\nd 0 0 d 1)\n"
        result = coref(f"#begin document (d)\n{rows}#end document\n")
        assert result.examples[0].clusters == (((0, 1), (2, 3)),)
        assert result.dropped == {"mentions across sentences, kept": 1}

    def test_a_document_without_words_is_refused(self) -> None:
        with pytest.raises(DataError, match=r"^f:1: d\.0 has no tokens"):
            coref("#begin document (d); part 0\n\n#end document\n")


def _layers(random_: random.Random) -> list[list[str]]:
    """Three columns of BIO tags for six words, at random."""
    result = []
    for _ in range(3):
        tags: list[str] = []
        for _ in range(6):
            inside = [f"I-{tags[-1][2:]}"] if tags and tags[-1] != "O" else []
            tags.append(random_.choice(["O", "O", "B-A", "B-B", *inside, *inside]))
        result.append(tags)
    return result


def test_layers_of_nested_spans_by_the_definition() -> None:
    """Compare with the rule itself: spans in no other one, or spans that contain no other one."""
    random_ = random.Random(3)
    crossed = read = 0
    for _ in range(600):
        layers = _layers(random_)
        # (start, end, column): of equal spans the leftmost column is the inner one.
        found = [(s, e, c, k) for c, tags in enumerate(layers) for s, e, k in spans(tags)]
        text = "".join(
            f"w{i}\t" + "\t".join(row) + "\n" for i, row in enumerate(zip(*layers, strict=True))
        )
        crossing = any(a[0] < b[0] < a[1] < b[1] for a, b in itertools.permutations(found, 2))
        if crossing:
            crossed += 1
            with pytest.raises(DataError, match="cross"):
                nested(text)
            continue
        read += 1

        def contains(a, b) -> bool:
            if a[:2] == b[:2]:
                return a[2] > b[2]
            return a[0] <= b[0] and b[1] <= a[1]

        nestings = [(a, b) for a in found for b in found if contains(a, b)]
        for layer in ("outermost", "innermost"):
            lost = {inner if layer == "outermost" else outer for outer, inner in nestings}
            result = read_bytes("nested-columns", text.encode(), "f", {"layer": layer})
            kept = sorted((s, e, k) for s, e, c, k in found if (s, e, c, k) not in lost)
            assert list(spans(result.examples[0].tags)) == kept
            assert sum(result.dropped.values()) == len(lost)
    assert crossed > 50
    assert read > 50


@pytest.mark.slow
def test_a_sentence_of_a_hundred_thousand_spans_is_read() -> None:
    """In time that grows with its length; the pairs of its spans would take hours."""
    result = nested("w\tB-A\tB-B\n" * 100_000)
    assert sum(result.dropped.values()) == 100_000


def test_deep_trees_are_read() -> None:
    depth = 20_000
    (example,) = trees("(2 (3 a) " * depth + "(1 b)" + ")" * depth).examples
    assert len(example.tokens) == depth + 1
    assert example.phrases[-1].end == depth + 1
    with pytest.raises(DataError, match="20000 brackets are not closed"):
        trees("(2 (3 a) " * depth + "(1 b)")


@pytest.mark.parametrize(
    "line",
    [
        "(2 " * 50_000,
        "(2 a" * 25_000,
        " " * 100_000 + "(2 a)",
        "(2 " + "a" * 100_000,
        "()" * 50_000,
    ],
    ids=["open", "words", "blanks", "word", "empty"],
)
def test_lines_that_are_no_trees(line: str) -> None:
    with pytest.raises(DataError, match=r"^f:1: not a tree") as error:
        trees(line)
    assert len(str(error.value)) < 300


def test_roles_have_at_most_one_column_per_token() -> None:
    many = r"^f:1: the sentence has 2 argument columns, but 1 tokens"
    with pytest.raises(DataError, match=many):
        props("a a (V*) *\n")
    with pytest.raises(DataError, match=many):
        conll_2012(ROLES_2012.format("a").replace("(V*)", "(V*) *"))


@pytest.mark.parametrize(
    "cell", ["(A0", "A0*)", "(A0*(A1*)", "(*)", "((A0*)", "*))", "", "(A\u00a00*)"]
)
def test_brackets_of_roles(cell: str) -> None:
    with pytest.raises(DataError, match=r"^f:1: "):
        props(f"a a {cell}\n")
