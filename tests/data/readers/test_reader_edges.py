"""Edges in the JSON lines of edge probing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from elmobench.core.errors import DataError
from elmobench.data.examples import Edge, EdgeText
from elmobench.data.readers.base import READERS, SourceText, read_bytes

# The layout that jiant's scripts write; the sentences are made up.
SRL = {
    "text": "Ann saw the old bridge .",
    "info": {"document_id": "d", "sentence_id": 3},
    "targets": [
        {"span1": [1, 2], "span2": [0, 1], "label": "ARG0", "info": {"height": 1}},
        {"span1": [1, 2], "span2": [2, 5], "label": "ARG1"},
    ],
}


def lines(*records: Any) -> bytes:
    return "\n".join(map(json.dumps, records)).encode()


def read(*records: Any, **options: Any) -> list[EdgeText]:
    return read_bytes("edge-probing-json", lines(*records), "f.json", options).examples


def test_pairs_of_spans() -> None:
    (text,) = read(SRL)
    assert text.sentences == (("Ann", "saw", "the", "old", "bridge", "."),)
    assert text.edges == (
        Edge(((1, 1), (0, 0)), ("ARG0",)),
        Edge(((1, 1), (2, 4)), ("ARG1",)),
    )


def test_labels_of_every_published_form() -> None:
    targets = [
        {"span1": [0, 1], "label": label} for label in ("NNP", 1, True, ["sentient", "aware"], [])
    ]
    (text,) = read({"text": "Ann", "targets": targets}, map={"1": "yes", "true": "yes"})
    assert [edge.labels for edge in text.edges] == [
        ("NNP",),
        ("yes",),
        ("yes",),
        ("sentient", "aware"),
        (),
    ]


def test_texts_without_targets_are_counted() -> None:
    result = read_bytes("edge-probing-json", lines(SRL, {"text": "x", "targets": []}), "f")
    assert len(result.examples) == 1
    assert result.dropped["texts without a target"] == 1
    assert not result.lost


def with_target(**fields: Any) -> dict[str, Any]:
    target = {**SRL["targets"][0], **fields}  # type: ignore[index]
    return {**SRL, "targets": [{k: v for k, v in target.items() if v is not ...}]}


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"targets": []}, "text in the field 'text', got null"),
        ({"text": " ", "targets": []}, "text is empty"),
        ({"text": "a"}, "list of objects in the field 'targets', got null"),
        ({"text": "a", "targets": [1]}, "list of objects in the field 'targets'"),
        (with_target(span1=[0, 7]), r"span '\[0, 7\]' in the field 'span1'.*6 tokens"),
        (with_target(span2=[2, 2]), "no part of the text"),
        (with_target(span2=[-1, 2]), "no part of the text"),
        (with_target(span2=[0, 1, 2]), "two whole numbers in the field 'span2'"),
        (with_target(span2=[0, True]), "two whole numbers"),
        (with_target(span2=None), "two whole numbers in the field 'span2', got 'None'"),
        (with_target(label=...), "field 'label' is missing"),
        (with_target(label=None), "expected labels .*, got null"),
        (with_target(label=[["a"]]), "expected labels .*, got a list"),
        (with_target(label=1.5), "expected labels .*, got a number"),
        (with_target(label=["a", "a"]), "'a' appears twice"),
        (with_target(label=""), "label is empty"),
        (with_target(span2=...), "lacks the field 'span2', unlike the first"),
    ],
)
def test_records_that_are_wrong(record: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read(SRL, record)
    assert str(caught.value.where).startswith("f.json:2")


def test_a_second_span_where_the_first_target_has_one() -> None:
    single = {"text": "a b", "targets": [{"span1": [0, 1], "label": "x"}]}
    with pytest.raises(DataError, match="has the field 'span2', unlike the first"):
        read(single, SRL)


def test_problems_that_may_be_dropped() -> None:
    reader = READERS.get("edge-probing-json")
    text = SourceText(lines(SRL, with_target(label=""), {**SRL, "text": ""}), "f")
    result = reader.read_all(text, reader.options({}, "card"), ["empty-label", "empty-text"])
    assert len(result.examples) == 1
    assert result.lost == {"empty-label": 1, "empty-text": 1}
