"""Sets of labels in every reader of texts."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest

from elmobench.core.errors import ConfigError, DataError
from elmobench.data.examples import LabelledText
from elmobench.data.readers.base import READERS, SourceText, read_bytes

EXPECTED = [(("a", "b"), ("joy", "love")), (("c",), ()), (("d",), ("joy",))]
NAMES = {"names": ["joy", "love"]}
CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "table": ("table", "text\tlabels\na b\tjoy,love\nc\t\nd\tjoy\n", {"label": "labels"}),
    "semicolons": (
        "table",
        "text\tlabels\na b\tjoy; love\nc\t\nd\tjoy\n",
        {"label": "labels", "label_separator": ";", "strip": True},
    ),
    "numbers": (
        "table",
        "text\tlabels\na b\t0,1\nc\t\nd\t0\n",
        {"label": "labels", "map": {"0": "joy", "1": "love"}},
    ),
    "indicators": (
        "indicator-table",
        "text,joy,love\na b,1,1\nc,0,0\nd,1,0\n",
        {"labels": ["joy", "love"], "delimiter": "comma"},
    ),
    "lists": (
        "jsonl",
        '{"text": "a b", "y": ["joy", "love"]}\n{"text": "c", "y": []}\n'
        '{"text": "d", "y": ["joy"]}\n',
        {"label": "y"},
    ),
    "numbers in lists": (
        "jsonl",
        '{"text": "a b", "y": [0, 1]}\n{"text": "c", "y": null}\n{"text": "d", "y": [0]}\n',
        {"label": "y", **NAMES},
    ),
    "texts in JSON": (
        "jsonl",
        '{"text": "a b", "y": "joy,love"}\n{"text": "c", "y": ""}\n{"text": "d", "y": "joy"}\n',
        {"label": "y"},
    ),
}


def read(reader: str, content: str, **options: Any) -> list[Any]:
    return read_bytes(reader, content.encode(), "f", options, labels="set").examples


@pytest.mark.parametrize("case", CASES)
def test_sets(case: str) -> None:
    reader, content, options = CASES[case]
    examples = read(reader, content, text="text", **options)
    assert all(isinstance(example, LabelledText) for example in examples)
    assert [(example.tokens, example.labels) for example in examples] == EXPECTED


def test_lines_may_begin_with_no_label() -> None:
    examples = read("lines", "joy,love\ta b\n\tc\njoy\td\n", label_field="first")
    assert [(example.tokens, example.labels) for example in examples] == EXPECTED


def test_parquet_lists() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    rows = [{"text": " ".join(words), "y": [0, 1][: len(labels)]} for words, labels in EXPECTED]
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(rows), buffer)
    options = {"text": "text", "label": "y", **NAMES}
    examples = read_bytes("parquet", buffer.getvalue(), "f", options, labels="set").examples
    assert [(example.tokens, example.labels) for example in examples] == EXPECTED


@pytest.mark.parametrize(
    ("reader", "content", "options", "message"),
    [
        ("table", "a\tb\nx\tjoy,joy\n", {"text": "a", "label": "b"}, "f:2.*'joy' appears twice"),
        ("table", "a\tb\nx\tjoy, love\n", {"text": "a", "label": "b"}, "f:2.*blanks around"),
        ("table", "a\tb\nx\tjoy,,love\n", {"text": "a", "label": "b"}, "f:2.*label is empty"),
        ("table", "a\tb\n\tjoy\n", {"text": "a", "label": "b"}, "f:2.*text is empty"),
        ("jsonl", '{"a": "x", "b": 3}', {"text": "a", "label": "b"}, "f:1.*expected a list"),
        ("jsonl", '{"a": "x", "b": [1.5]}', {"text": "a", "label": "b"}, "f:1.*expected a string"),
        ("jsonl", '{"a": "x"}', {"text": "a", "label": "b"}, "f:1.*missing"),
        (
            "indicator-table",
            "a\tjoy\nx\t0.5\n",
            {"text": "a", "labels": ["joy"]},
            "f:2.*'joy' holds '0.5', expected 0 or 1",
        ),
        ("indicator-table", "a\tjoy\nx\t1\n", {"text": "a", "labels": ["lov"]}, "'lov' is missing"),
    ],
    ids=[
        *("twice", "blanks", "empty label", "empty text", "number", "decimal", "missing"),
        *("mark", "column"),
    ],
)
def test_what_is_wrong(reader: str, content: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        read(reader, content, **options)
    assert re.search(message, f"{caught.value.where} {caught.value.what}"), str(caught.value)


def test_options_that_do_not_fit() -> None:
    content = json.dumps({"a": "x", "b": []})
    with pytest.raises(ConfigError, match="no_label"):
        read("jsonl", content, text="a", label="b", no_label="-")
    with pytest.raises(ConfigError, match="listed twice"):
        read("indicator-table", "", text="a", labels=["x", "x"])
    with pytest.raises(ConfigError, match="label_separator"):
        read("jsonl", content, premise="a", hypothesis="a", label="b", label_separator=";")


def test_indicators_keep_ids_and_groups() -> None:
    reader = READERS.get("indicator-table")
    options = reader.options(
        {"text": "t", "labels": ["y"], "id": "i", "group": "g", "delimiter": "comma"}, "card"
    )
    text = SourceText(b"i,g,y,t\n7,doc,1,a b\n", "f", labels="set")
    result = reader.read_all(text, options)
    assert result.examples == [LabelledText("7", ("a", "b"), ("y",))]
    assert result.groups == {"7": "doc"}
