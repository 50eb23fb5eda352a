from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from elmobench.core.errors import DataError
from elmobench.metrics import spans
from elmobench.metrics.base import get_metric
from elmobench.metrics.spans import SPAN_F1

TAGS = ["O", "B-A", "I-A", "B-B", "I-B"]
SENTENCE = st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(TAGS)), max_size=7)


def conll_spans(tags: list[str]) -> set[tuple[str, int, int]]:
    """Spans by the rule of conlleval, with the type and start of the open span as state."""
    spans = set()
    kind, start = None, 0
    for i, tag in enumerate([*tags, "O"]):
        prefix, _, this = tag.partition("-")
        goes_on = prefix == "I" and this == kind
        if kind is not None and not goes_on:
            spans.add((kind, start, i - 1))
            kind = None
        if prefix != "O" and not goes_on:
            kind, start = this, i
    return spans


@settings(max_examples=300)
@given(st.lists(st.lists(st.sampled_from([*TAGS, "I-A-B", "B-A-B", "I--"]), max_size=9)))
def test_the_spans_are_those_of_seqeval(sentences: list[list[str]]) -> None:
    """Tokens are counted over the corpus there, with one more after each sentence."""
    starts = [0]
    for tags in sentences:
        starts.append(starts[-1] + len(tags) + 1)
    ours = {(kind, starts[i] + a, starts[i] + b) for i, (kind, a, b) in spans._spans(sentences)}
    assert ours == set(get_entities(sentences))


def percent(a: int, b: int) -> float:
    return 100 * a / b if b else 0.0


@settings(max_examples=300)
@given(st.lists(SENTENCE, max_size=4))
def test_equal_to_a_state_machine(sentences) -> None:
    gold = [[g for g, _ in s] for s in sentences]
    predicted = [[p for _, p in s] for s in sentences]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = SPAN_F1.compute(gold, predicted)
    g = {(i, *span) for i, tags in enumerate(gold) for span in conll_spans(tags)}
    p = {(i, *span) for i, tags in enumerate(predicted) for span in conll_spans(tags)}
    tokens = sum(map(len, gold))
    equal = sum(a == b for s in sentences for a, b in s)
    precision, recall = percent(len(g & p), len(p)), percent(len(g & p), len(g))
    assert scores.values["precision"] == pytest.approx(precision)
    assert scores.values["recall"] == pytest.approx(recall)
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0
    assert scores.values["f1"] == scores.score == pytest.approx(f1)
    assert scores.values["token_accuracy"] == pytest.approx(percent(equal, tokens))
    assert set(scores.per_class) == {span[1] for span in g | p}
    for kind, row in scores.per_class.items():
        gk, pk = {s for s in g if s[1] == kind}, {s for s in p if s[1] == kind}
        assert row["support"] == len(gk)
        assert row["found"] == len(pk)
        assert row["precision"] == pytest.approx(percent(len(gk & pk), len(pk)))
        assert row["recall"] == pytest.approx(percent(len(gk & pk), len(gk)))


@pytest.mark.parametrize(
    ("gold", "predicted", "correct"),
    [
        (["O", "B-A"], ["O", "I-A"], 1),  # I- after O begins a span
        (["B-A", "B-B"], ["B-A", "I-B"], 2),  # so does I- of another type
        (["B-A", "B-A"], ["B-A", "I-A"], 0),
        (["I-A", "I-A"], ["B-A", "I-A"], 1),
    ],
)
def test_spans_without_b(gold: list[str], predicted: list[str], correct: int) -> None:
    assert SPAN_F1.compute([gold], [predicted]).values["correct"] == correct


def test_a_span_never_crosses_sentences() -> None:
    scores = SPAN_F1.compute([["B-A"], ["I-A"]], [["B-A"], ["I-A"]])
    assert scores.values["support"] == 2


@pytest.mark.shared
def test_equal_to_conlleval(shared: Path) -> None:
    cases = json.loads((shared / "fixtures/scorers/conlleval_cases.json").read_text())
    assert len(cases) == 100
    for case in cases:
        gold = [[g for g, _ in s] for s in case["sents"]]
        predicted = [[p for _, p in s] for s in case["sents"]]
        scores, perl = SPAN_F1.compute(gold, predicted), case["perl"]
        values = scores.values
        assert [values[k] for k in ("tokens", "support", "found", "correct")] == [
            perl[k] for k in ("tokens", "gold", "found", "correct")
        ]
        for ours, theirs in (
            ("token_accuracy", "acc"), ("precision", "p"), ("recall", "r"), ("f1", "f")
        ):  # fmt: skip
            assert f"{values[ours]:.2f}" == f"{perl[theirs]:.2f}"
        assert set(scores.per_class) == set(perl["per_type"])
        for kind, row in scores.per_class.items():
            ours_row = [f"{row[k]:.2f}" for k in ("precision", "recall", "f1", "found")]
            assert ours_row == [f"{v:.2f}" for v in perl["per_type"][kind]]


@pytest.mark.parametrize(
    ("gold", "predicted"),
    [
        ([["O"]], []),
        ([["O"]], [["O", "O"]]),
        ([["O"]], [["PER"]]),
        ([["O"]], [["U-PER"]]),
        ([["B-"]], [["O"]]),
        ([["O"]], ["O"]),
        ([["O"]], [[1]]),
    ],
)
def test_shapes_and_tags_are_checked(gold, predicted) -> None:
    with pytest.raises(DataError):
        SPAN_F1.compute(gold, predicted)


def test_registered() -> None:
    assert get_metric("span-f1") is SPAN_F1
