"""Tables as people's programs write them, and as no program should."""

import csv

import pytest

from elmobench.core.errors import DataError
from elmobench.data.readers import rows
from elmobench.data.readers.base import READERS, SourceText, read_bytes

TABLE = {"text": "text", "label": "label", "delimiter": ",", "quoting": "csv"}
PLAIN = {"text": 0, "label": 1}


def read(text: str | bytes, options=TABLE, reader="table", **more):
    data = text.encode() if isinstance(text, str) else text
    return read_bytes(reader, data, "a.csv", {**options, **more})


@pytest.mark.parametrize("size", [131_073, 1_000_000])
def test_long_fields_are_read_with_and_without_quotes(size: int):
    long = "x" * size
    for text, options in (
        (f"text,label\n{long},pos\n", TABLE),
        (f'text,label\n"{long}\n,""",pos\n', TABLE),
        (f"{long}\tpos\n", PLAIN),
    ):
        (example,) = read(text, options, tokenizer="spaces").examples
        assert example.label == "pos"
        assert example.tokens[0].startswith(long)


def test_a_field_beyond_the_limit_is_an_error_with_its_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rows, "MAX_QUOTED_CHARACTERS", 200_000)
    before = csv.field_size_limit(131_072)
    try:
        text = 'text,label\na,pos\n"' + "x" * 200_001 + '",pos\n'
        with pytest.raises(DataError, match=r"a\.csv:3: not a table: field larger .*200000"):
            read(text)
    finally:
        csv.field_size_limit(before)


@pytest.mark.parametrize(
    ("text", "options", "where"),
    [
        ('text,label\n"a,pos\nb,neg\n', TABLE, "a.csv:2: not a table"),
        ('text,label\na"b,"pos" x\n', TABLE, "a.csv:2: not a table"),
        (
            "text,label\na,pos\nb,neg,more\n",
            TABLE,
            "a.csv:3: has 3 fields, but the first row has 2",
        ),
        ("a\tpos\nb\n", PLAIN, "a.csv:2: has 1 field, but the first row has 2"),
        ("a\tpos\nb\tpos \n", PLAIN, "a.csv:2: the label 'pos ' has blanks around it"),
        ("a\tpos\nb\tpos\r\r\n", PLAIN, "a.csv:2: the label 'pos\\r' has blanks around it"),
        ("a\tpos\nb\tp\x01s\n", PLAIN, "a.csv:2: the label 'p\\x01s' has the control character"),
        (b"a\tpos\nb\xff\tneg\n", PLAIN, "a.csv:2: is not UTF-8"),
    ],
)
def test_bad_rows_name_file_and_line(text: str | bytes, options, where: str):
    with pytest.raises(DataError) as error:
        read(text, options)
    assert str(error.value).startswith(where)


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_the_data():
    text = "\ufefftext,label\r\na,pos\r\n"
    (example,) = read(text).examples
    assert (example.tokens, example.label) == (("a",), "pos")


@pytest.mark.parametrize("text", ["", "\n", "text,label\n"])
def test_an_empty_table_has_no_examples(text: str):
    assert read(text).examples == []


@pytest.mark.parametrize(
    ("reader", "options", "text"),
    [
        ("table", PLAIN, "good\tpos\nfine\t pos \n"),
        ("lines", {"label_field": "last"}, "good\tpos\nfine\tpos \n"),
        (
            "pair-table",
            {"premise": 0, "hypothesis": 1, "label": 2, "tokenizer": "spaces"},
            "a\tb\tpos\na\tb\tpos\u00a0\n",
        ),
        (
            "pair-jsonl",
            {"id": None},
            '{"sentence1": "a", "sentence2": "b", "gold_label": "pos"}\n'
            '{"sentence1": "a", "sentence2": "b", "gold_label": " pos"}\n',
        ),
    ],
)
def test_blanks_around_labels_are_an_error_or_are_cut_and_counted(reader, options, text):
    with pytest.raises(DataError, match=r"a\.csv:2: the label .* has blanks around it") as error:
        read(text, options, reader)
    assert "strip: true" in str(error.value)
    result = read(text, options, reader, strip=True)
    assert [example.label for example in result.examples] == ["pos", "pos"]
    assert sum(result.dropped.values()) == 1


def test_blanks_in_a_file_of_labels():
    reader = READERS.get("pair-lines")
    beside = {
        "hypothesis": (SourceText(b"b\nb\n", "s2"),),
        "label": (SourceText(b"pos\npos \n", "labels"),),
    }
    text = SourceText(b"a\na\n", "s1", beside=beside)
    with pytest.raises(DataError, match="s1:2: the label 'pos ' has blanks around it"):
        reader.read(text, reader.options({"tokenizer": "spaces"}, "card"))
    result = reader.read(text, reader.options({"tokenizer": "spaces", "strip": True}, "card"))
    assert [example.label for example in result.examples] == ["pos", "pos"]
    assert result.dropped == {"labels with blanks around them, cut": 1}


def test_a_label_may_be_renamed_instead_of_cut():
    result = read("a\tpos\nb\tpos \n", PLAIN, map={"pos ": "pos"})
    assert [example.label for example in result.examples] == ["pos", "pos"]
