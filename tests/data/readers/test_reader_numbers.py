"""Labels that are numbers, in every reader of texts and pairs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from elmobench.core.errors import ConfigError, DataError, ElmobenchError
from elmobench.data.examples import RatedPair, RatedText
from elmobench.data.label_kinds import number_of
from elmobench.data.readers.base import READERS, SourceText, read_bytes

TEXTS: dict[str, tuple[str, dict[str, Any]]] = {
    "table": ("text\tscore\na b\t3.5\nc\t-2\n", {"text": "text", "label": "score"}),
    "lines": ("3.5\ta b\n-2\tc\n", {"label_field": "first"}),
    "jsonl": (
        '{"text": "a b", "score": 3.5}\n{"text": "c", "score": "-2"}\n',
        {"text": "text", "label": "score"},
    ),
}
PAIRS: dict[str, tuple[str, dict[str, Any]]] = {
    "pair-table": (
        "a b\tc\t3.5\nd\te\t-2\n",
        {"premise": 0, "hypothesis": 1, "label": 2, "tokenizer": "words"},
    ),
    "pair-jsonl": (
        '{"s1": "a b", "s2": "c", "y": 3.5}\n{"s1": "d", "s2": "e", "y": "-2"}\n',
        {"premise": "s1", "hypothesis": "s2", "label": "y", "id": None},
    ),
    "jsonl": (
        '[{"s1": "a b", "s2": "c", "y": 3.5}, {"s1": "d", "s2": "e", "y": -2}]',
        {"premise": "s1", "hypothesis": "s2", "label": "y"},
    ),
}


def read(reader: str, content: str, options: dict[str, Any]) -> list[Any]:
    return read_bytes(reader, content.encode(), "a", options, labels="number").examples


@pytest.mark.parametrize("reader", TEXTS)
def test_texts(reader: str) -> None:
    first, second = read(reader, *TEXTS[reader])
    assert isinstance(first, RatedText)
    assert (first.tokens, first.value) == (("a", "b"), 3.5)
    assert (second.tokens, second.value) == (("c",), -2.0)


@pytest.mark.parametrize("reader", PAIRS)
def test_pairs(reader: str) -> None:
    first, second = read(reader, *PAIRS[reader])
    assert isinstance(first, RatedPair)
    assert (first.first, first.second, first.value) == (("a", "b"), ("c",), 3.5)
    assert (second.first, second.second, second.value) == (("d",), ("e",), -2.0)
    assert first.tokens == ("a", "b", "c")


def test_files_with_equal_lines() -> None:
    reader = READERS.get("pair-lines")
    beside = {
        "hypothesis": (SourceText(b"c\nd\n", "h"),),
        "label": (SourceText(b"1\n2.25\n", "y"),),
    }
    text = SourceText(b"a\nb\n", "p", beside=beside, labels="number")
    examples = reader.read_all(text, reader.options({"tokenizer": "spaces"}, "card")).examples
    assert [example.value for example in examples] == [1.0, 2.25]


@pytest.mark.parametrize("cases", [TEXTS, PAIRS], ids=["texts", "pairs"])
def test_labels_that_are_no_numbers_name_file_and_line(
    cases: dict[str, tuple[str, dict[str, Any]]],
) -> None:
    for reader, (content, options) in cases.items():
        wrong = content.replace('"-2"', '"two"').replace("-2", '"two"' if "{" in content else "two")
        wrong = wrong.replace('""two""', '"two"')
        with pytest.raises(DataError, match="'two' is no number") as caught:
            read(reader, wrong, options)
        assert str(caught.value.where).startswith("a"), reader
        assert any(place in str(caught.value.where) for place in ("2", "3")), reader


@pytest.mark.parametrize(
    ("label", "value"),
    [("3", 3.0), ("+.5", 0.5), ("5.", 5.0), ("-1e-3", -0.001), ("1E5", 1e5), ("007", 7.0)],
)
def test_numbers(label: str, value: float) -> None:
    assert number_of(label, "a:1") == value


@pytest.mark.parametrize(
    "label",
    ["3,5", "nan", "inf", "-Infinity", "1_000", "0x10", "\u0663", "1e999", "1e101", "", "."],
)
def test_no_numbers(label: str) -> None:
    with pytest.raises(DataError, match="a:1"):
        number_of(label, "a:1")


@pytest.mark.parametrize(
    ("value", "message"),
    [(None, "null"), (True, "true or false"), ([1.0], "a list"), (" 3", "blanks"), ("", "empty")],
    ids=["null", "bool", "list", "blanks", "empty"],
)
def test_json_values_that_are_no_numbers(value: Any, message: str) -> None:
    content = json.dumps({"text": "a", "y": value}) + "\n"
    with pytest.raises(DataError, match=message):
        read("jsonl", content, {"text": "text", "label": "y"})


def test_missing_numbers_can_be_left_out() -> None:
    reader = READERS.get("table")
    text = SourceText(b"a\t1\nb\t\nc\t3\n", "f", labels="number")
    options = reader.options({"text": 0, "label": 1}, "card")
    result = reader.read_all(text, options, ["empty-label"])
    assert [example.value for example in result.examples] == [1.0, 3.0]
    assert result.lost == {"empty-label": 1}


def test_names_of_classes_are_refused_and_a_map_is_applied() -> None:
    content = '{"t": "a", "y": "low"}\n{"t": "b", "y": 2}\n'
    options: dict[str, Any] = {"text": "t", "label": "y", "map": {"low": "0.5", "2": "3"}}
    assert [example.value for example in read("jsonl", content, options)] == [0.5, 3.0]
    with pytest.raises(ConfigError, match="predicts numbers"):
        read("jsonl", content, {"text": "t", "label": "y", "names": ["a", "b"]})


def test_rows_of_different_lengths_as_in_the_sts_benchmark() -> None:
    """Score, first and second sentence are the fifth to seventh of seven to nine fields."""
    row = "main-news\tMSRvid\t2012\t0001\t{}\tA man.\tA boy.{}\n"
    content = row.format("5.000", "") + row.format("0.8", "\thttp://a\thttp://b")
    options = {"premise": 5, "hypothesis": 6, "label": 4, "tokenizer": "words"}
    ragged = {**options, "ragged": True}
    assert [e.value for e in read("pair-table", content, ragged)] == [5.0, 0.8]
    with pytest.raises(DataError, match="has 9 fields, but the first row has 7"):
        read("pair-table", content, options)
    with pytest.raises(DataError, match="has 3 fields"):
        read("pair-table", content + "a\tb\tc\n", ragged)


def test_readers_of_classes_read_the_same_texts_as_before() -> None:
    content, options = TEXTS["table"]
    (first, _) = read_bytes("table", content.encode(), "a", options).examples
    assert first.label == "3.5"
    with pytest.raises(ElmobenchError, match="expected a string"):
        read_bytes("jsonl", *[TEXTS["jsonl"][0].encode(), "a", TEXTS["jsonl"][1]])
