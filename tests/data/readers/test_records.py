"""JSON lines, JSON lists and Parquet files of texts, pairs and tagged tokens."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from elmobench.core.errors import ConfigError, DataError
from elmobench.data.examples import ClassifiedText, SentencePair, TaggedSentence
from elmobench.data.readers.base import READERS, ReadResult, SourceText, read_bytes

TEXTS = {"text": "text", "label": "label"}
PAIRS = {"premise": "a", "hypothesis": "b", "label": "label"}
TAGS = {"tokens": "tokens", "tags": "ner_tags", "scheme": "bio"}
FORMATS = ("jsonl", "list", "parquet")


def encoded(records: Sequence[Mapping[str, Any]], form: str) -> bytes:
    if form == "jsonl":
        return "".join(json.dumps(record) + "\n" for record in records).encode()
    if form == "list":
        return json.dumps(records, indent=1).encode()
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    out = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist([dict(record) for record in records]), out)
    return out.getvalue()


def read(records: Sequence[Mapping[str, Any]], form: str, options: dict[str, Any]) -> ReadResult:
    name = "parquet" if form == "parquet" else "jsonl"
    return read_bytes(name, encoded(records, form), "f", options)


@pytest.mark.parametrize("form", FORMATS)
def test_texts(form: str) -> None:
    records = [{"text": "So good.", "label": 1, "n": 3}, {"text": "Bad", "label": 0, "n": 4}]
    result = read(records, form, {**TEXTS, "names": ["negative", "positive"]})
    assert result.examples == [
        ClassifiedText("text-000001", ("So", "good", "."), "positive"),
        ClassifiedText("text-000002", ("Bad",), "negative"),
    ]


@pytest.mark.parametrize("form", FORMATS)
def test_pairs_with_ids_groups_and_a_label_that_is_dropped(form: str) -> None:
    records = [
        {"a": "x y", "b": "z", "label": "yes", "key": "p1", "doc": {"id": 7}},
        {"a": "x", "b": "y", "label": "-", "key": "p2", "doc": {"id": 8}},
    ]
    options = {**PAIRS, "id": "key", "group": "doc.id", "no_label": "-", "map": {"yes": "entails"}}
    result = read(records, form, options)
    assert result.examples == [SentencePair("p1", ("x", "y"), ("z",), "entails")]
    assert result.groups == {"p1": "7"}
    assert result.dropped == {"examples with the label -": 1, "label yes renamed entails": 1}


@pytest.mark.parametrize("form", FORMATS)
def test_tags_by_number_in_a_nested_field_become_bio(form: str) -> None:
    records = [{"s": {"tokens": ["Ann", "Lee", "left"], "tags": [1, 2, 0]}}]
    names = ["O", "B-PER", "E-PER"]
    options = {"tokens": "s.tokens", "tags": "s.tags", "scheme": "bioes", "names": names}
    result = read(records, form, options)
    assert result.examples == [
        TaggedSentence("text-000001", ("Ann", "Lee", "left"), ("B-PER", "I-PER", "O"))
    ]


def test_a_list_and_lines_are_the_same() -> None:
    records = [{"tokens": ["a", "b"], "ner_tags": ["O", "B-X"]}] * 3
    results = [read(records, form, TAGS).examples for form in FORMATS]
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize(
    ("record", "options", "message"),
    [
        ({"text": "a"}, TEXTS, "the field 'label' is missing"),
        ({"text": 3, "label": "x"}, TEXTS, "the text is a number, expected a string"),
        ({"text": "a", "label": 1}, TEXTS, r"the label is a number \('1'\).*\n.*names:"),
        ({"text": "a", "label": True}, TEXTS, "the label is true or false"),
        ({"text": "a", "label": None}, TEXTS, "the label is null"),
        ({"text": "a", "label": 2}, {**TEXTS, "names": ["x"]}, "is 2, but 'names' has 1"),
        ({"text": "a", "label": -1}, {**TEXTS, "names": ["x"]}, "is -1, but 'names'"),
        ({"text": "a", "label": "x "}, TEXTS, "blank"),
        ({"text": " ", "label": "x"}, TEXTS, "the text is empty"),
        ({"text": "a", "label": ""}, TEXTS, "the label is empty"),
        ({"tokens": ["a"], "ner_tags": []}, TAGS, "has 1 tokens but 0 tags"),
        ({"tokens": "a b", "ner_tags": ["O", "O"]}, TAGS, "tokens: holds a string"),
        ({"tokens": ["a", ""], "ner_tags": ["O", "O"]}, TAGS, "token 2 is empty"),
        ({"tokens": ["a", 4], "ner_tags": ["O", "O"]}, TAGS, "token 2 is a number"),
        ({"tokens": ["a"], "ner_tags": ["I-X"]}, TAGS, "does not follow"),
        ({"tokens": ["a"], "ner_tags": ["X"]}, TAGS, "not a BIO tag"),
        ({"tokens": [], "ner_tags": []}, TAGS, "has no tokens"),
    ],
)
def test_wrong_records_are_errors_with_their_place(
    record: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message) as error:
        read([record], "jsonl", options)
    assert "f:1" in str(error.value)
    with pytest.raises(DataError, match="f, record 1"):
        read([record], "list", options)


def test_problems_are_told_together_or_dropped() -> None:
    records = [{"text": "a", "label": ""}, {"text": "", "label": "x"}, {"text": "b", "label": "y"}]
    data = encoded(records, "jsonl") + b"[1]\n\n{\n"
    reader = READERS.get("jsonl")
    options = reader.options(TEXTS, "card")
    with pytest.raises(DataError, match="4 problems"):
        reader.read_all(SourceText(data, "f", "text"), options)
    good = SourceText(encoded(records, "jsonl"), "f", "text")
    result = reader.read_all(good, options, drop=("empty-label", "empty-text"))
    assert [example.label for example in result.examples] == ["y"]
    assert result.lost == {"empty-label": 1, "empty-text": 1}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"text": "t"},
        {"text": "t", "label": "l", "tokens": "x"},
        {"tokens": "t", "tags": "g"},
        {"premise": "p", "label": "l"},
    ],
)
def test_options_that_name_no_kind_of_example(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="expected one of these sets of options"):
        read_bytes("jsonl", b"{}\n", "f", options)


def test_keys_stated_twice_and_surrogates_are_errors() -> None:
    for line in (b'{"text": "a", "text": "b", "label": "x"}', b'{"text": "\\ud800", "label": "x"}'):
        with pytest.raises(DataError, match="f:1"):
            read_bytes("jsonl", line + b"\n", "f", TEXTS)


def test_damaged_parquet_files_are_errors() -> None:
    data = encoded([{"text": f"text {i}", "label": "x"} for i in range(50)], "parquet")
    for damaged in (b"", b"PAR1", data[:-9], data[: len(data) // 2], data[4:]):
        with pytest.raises(DataError, match="Parquet"):
            read_bytes("parquet", damaged, "f", TEXTS)
    with pytest.raises(DataError, match="'label' is missing"):
        read([{"text": "a", "other": "b"}], "parquet", TEXTS)


def test_parquet_files_that_grow_as_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value is stored once for many rows, and missing values take no space at all."""
    data = encoded([{"text": "word " * 2_000, "label": "x"}] * 500, "parquet")
    assert len(data) < 50_000
    assert len(read_bytes("parquet", data, "f", TEXTS).examples) == 500
    monkeypatch.setattr("elmobench.data.readers.parquet.MAX_BYTES", 1 << 20)
    with pytest.raises(DataError, match="f: unpacks to more than 1,048,576 bytes"):
        read_bytes("parquet", data, "f", TEXTS)
    monkeypatch.setattr("elmobench.data.readers.parquet.MAX_VALUES", 900)
    with pytest.raises(DataError, match="f: holds 1,000 values, at most 900 are read"):
        read_bytes("parquet", data, "f", TEXTS)
