"""Cards that are proposed for column files in the layouts of public data sets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from elmobench.core.errors import DataError
from elmobench.data.cards.catalog import load_card
from elmobench.data.readers.base import read_bytes
from elmobench.tasks.from_files.card import proposed_card
from elmobench.tasks.from_files.proposal import propose
from elmobench.tasks.task import Task

TOKENS = ["Ann", "saw", "New", "York", "in", "May"]
TAGS = ["B-PER", "O", "B-LOC", "I-LOC", "O", "O"]
SPANS = ("B-PER", "O", "B-LOC", "I-LOC", "O", "O")
Row = Callable[[int, str, str], str]


def column_file(row: Row, start: str = "", number: int = 120) -> bytes:
    """Sentences with a different second word each; ``{}`` in ``start`` is their number."""
    text = ""
    for i in range(number):
        tokens = [token if at != 1 else f"saw{i}" for at, token in enumerate(TOKENS)]
        rows = [row(at, *pair) for at, pair in enumerate(zip(tokens, TAGS, strict=True), start=1)]
        text += start.format(i) + "".join(f"{one}\n" for one in rows) + "\n"
    return text.encode()


def read(folder: Path, data: bytes, pipeline: str | None = None, name: str = "a.txt") -> Task:
    (folder / name).write_bytes(data)
    card = proposed_card("mine", propose([str(folder / name)], pipeline), folder / "mine.yaml")
    assert card.problem is None, str(card.problem)
    assert card.missing == []
    (folder / "mine.yaml").write_text(card.text)
    return Task(load_card(folder / "mine.yaml"))


def untyped(at: int, token: str, tag: str) -> str:
    return f"{token}\t{tag[0]}"


@pytest.mark.parametrize(
    ("data", "renamed"),
    [
        (column_file(lambda at, token, tag: f"{tag}\t{token}"), {}),
        (column_file(lambda at, token, tag: f"{token}\t{tag.removeprefix(tag[:2]) or tag}"), {}),
        (column_file(untyped), {"PER": "ENTITY", "LOC": "ENTITY"}),
        (column_file(lambda at, token, tag: f"en:{token}\t{tag}"), {}),
        (
            column_file(
                lambda at, token, tag: (
                    f"{at}\t{token}\t{tag}\tO" if at > 1 else f"{at}\t{token}\t{tag}\tB-LOC"
                ),
                "#\thttp://de.wikipedia.org/wiki/{} [2010-01-20]\n",
            ),
            {},
        ),
        (column_file(lambda at, token, tag: f"{token}\t{tag}", "###MEDLINE:{}\n\n"), {}),
        (
            column_file(lambda at, token, tag: f"{token} _ _ {tag}", "\n# id a{}-1\tdomain=en\n"),
            {},
        ),
        (column_file(lambda at, token, tag: f"{token}\t{tag}", "#\tO\n"), None),
    ],
    ids=["tag first", "IO", "no types", "prefix", "outer", "marks", "ids", "# as a word"],
)
def test_spans_in_columns(data: bytes, renamed: dict[str, str] | None, tmp_path: Path) -> None:
    task = read(tmp_path, data)
    assert task.id == "ner/mine"
    examples = [one for part in task.examples().values() for one in part]
    assert len(examples) == 120
    if renamed is None:  # a word of one sign is no comment
        assert {one.tokens[:2] for one in examples} == {("#", "Ann")}
        assert {one.tags for one in examples} == {("O", *SPANS)}
        return
    assert {one.tokens[1] for one in examples} == {f"saw{i}" for i in range(120)}
    expected = [f"{tag[:2]}{renamed.get(tag[2:], tag[2:])}" for tag in SPANS]
    assert {one.tags for one in examples} == {tuple(expected)}


def test_a_word_that_is_the_mark_of_comments_is_a_row(tmp_path: Path) -> None:
    start = "# id a{}-1\tdomain=en\n# _ _ O\n"
    data = column_file(lambda at, token, tag: f"{token} _ _ {tag}", start)
    task = read(tmp_path, data)
    assert task.split("train")[0].tokens[:2] == ("#", "Ann")
    assert task.split("train")[0].tags == ("O", *SPANS)


def test_spans_that_begin_with_i_are_kept_and_counted(tmp_path: Path) -> None:
    data = column_file(lambda at, token, tag: f"{token}\t{tag}")
    data += b"Ann\tI-PER\nsaw\tB-LOC\n\n"
    task = read(tmp_path, data)
    found = {one.tags for part in task.examples().values() for one in part}
    assert found == {SPANS, ("B-PER", "B-LOC")}


def test_word_classes_without_a_scheme_are_no_spans(tmp_path: Path) -> None:
    classes = {"B-PER": "^", "O": "O", "B-LOC": "N", "I-LOC": "V"}
    task = read(tmp_path, column_file(lambda at, token, tag: f"{token}\t{classes[tag]}"), "pos")
    assert task.labels == ["N", "O", "V", "^"]


def test_neighbours_of_one_type_are_one_span_without_prefixes() -> None:
    data = b"a\tX\nb\tX\nc\tY\nd\tO\ne\tY\n"
    options = {"scheme": "io", "convert": "bio"}
    (one,) = read_bytes("conll-columns", data, "f", options).examples
    assert one.tags == ("B-X", "I-X", "B-Y", "O", "B-Y")
    with pytest.raises(DataError, match=r"(?s)legal IO.*'scheme: io'"):
        read_bytes("conll-columns", data, "f", {"scheme": "io"})
    record = b'{"tokens": ["a", "b", "c"], "tags": ["X", "X", "O"]}'
    fields = {"tokens": "tokens", "tags": "tags", "scheme": "io"}
    (other,) = read_bytes("jsonl", record, "f", fields).examples
    assert other.tags == ("B-X", "I-X", "O")


def test_a_prefix_that_a_token_lacks_is_an_error() -> None:
    options = {"scheme": "bio", "token_prefix": "en:"}
    (one,) = read_bytes("conll-columns", b"en:a\tO\nen::\tO\n", "f", options).examples
    assert one.tokens == ("a", ":")
    for word, message in ((b"a", "does not begin with 'en:'"), (b"en:", "is empty")):
        with pytest.raises(DataError, match=message):
            read_bytes("conll-columns", b"en:a\tO\n" + word + b"\tO\n", "f", options)


def coreference(i: int) -> str:
    rows = [("(0)", f"Ann{i}"), ("-", "saw"), ("(0)", "her"), ("-", ".")]
    body = "".join(f"d{i}\t0\t{n}\t{word}\tNN\t{m}\n" for n, (m, word) in enumerate(rows))
    return f"#begin document d{i}\n{body}\n#end document\n"


def test_coreference_in_columns(tmp_path: Path) -> None:
    task = read(tmp_path, "".join(map(coreference, range(30))).encode(), name="key-OntoNotes")
    assert task.id == "coref/mine"
    assert sum(map(len, task.examples().values())) == 30
    with pytest.raises(DataError, match="state --pipeline coref or srl"):
        propose([str(tmp_path / "key-OntoNotes")], "ner")


def test_roles_in_columns_of_conll_2009(tmp_path: Path) -> None:
    def row(at: int, token: str, tag: str) -> str:
        predicate = "Y\tsee.01" if at == 2 else "_\t_"
        more = {1: "A0", 3: "A1"}.get(at, "_")
        return "\t".join([str(at), token, *["_"] * 10, predicate, more])

    task = read(tmp_path, column_file(row))
    assert task.id == "srl/mine"
    assert task.split("train")[0].predicate == 1


def test_coreference_in_json_lines_is_named(tmp_path: Path) -> None:
    line = '{"doc_key": "a", "sentences": [["a", "b"]], "clusters": [[[0, 0]]]}\n'
    (tmp_path / "train.jsonlines").write_text(line * 3)
    with pytest.raises(DataError, match="coreference in JSON lines"):
        propose([str(tmp_path / "train.jsonlines")])
