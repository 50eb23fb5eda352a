"""Annotations in a report: each pipeline shows its own."""

from typing import Any

import pytest

from elmobench.analysis.inspect.annotation_format import format_annotation

WORDS = ["Ann", "ran"]


@pytest.mark.parametrize(
    ("pipeline", "annotation", "tokens", "line"),
    [
        ("sentiment", "4", WORDS, "4"),
        ("nli", "neutral", None, "neutral"),
        ("qa", None, WORDS, "no answer"),
        ("qa", "in May", WORDS, "in May"),
        ("qa", ["in May", "in May", "May"], WORDS, "in May, May"),
        ("qa", ["in May", "May"], None, "in May, May"),
        ("coref", {"gender": "feminine", "label": "A"}, WORDS, "feminine A"),
        ("coref", [[[0, 0], [2, 2]]], ["Ann", "saw", "her"], "[1 Ann] saw [1 her]"),
        ("coref", [], WORDS, "Ann ran"),
        ("coref", [[[0, 0], [2, 2]]], None, "[[[0, 0], [2, 2]]]"),
        ("ner", ["B-PER", "O"], WORDS, "[PER Ann] ran"),
        ("srl", ["B-A0", "B-V"], WORDS, "[A0 Ann] [V ran]"),
        ("pos", ["PROPN", "VERB"], WORDS, "Ann/PROPN ran/VERB"),
        ("pos", ["PROPN", "VERB", "PROPN"], None, "PROPN, VERB"),
        ("pos", ["PROPN", "VERB", "PROPN"], WORDS, "PROPN, VERB"),
        (
            "wsd",
            [{"id": "a.1", "senses": ["x%1", "y%2"]}, {"id": "a.2", "senses": []}],
            WORDS,
            "a.1: x%1 y%2; a.2: –",
        ),
    ],
)
def test_one_line_for_every_kind_of_annotation(
    pipeline: str, annotation: Any, tokens: list[str] | None, line: str
) -> None:
    assert format_annotation(pipeline, annotation, tokens) == line


def test_a_pipeline_that_is_not_installed_is_shown_as_json() -> None:
    assert format_annotation("elsewhere", {"label": "é"}) == '{"label": "é"}'
