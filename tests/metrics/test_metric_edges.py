"""Micro-F1, macro-F1 and accuracy of edges against scikit-learn and by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score
from sklearn.preprocessing import MultiLabelBinarizer

from elmobench.core.errors import DataError
from elmobench.metrics.base import get_metric

sets = st.lists(st.sampled_from(["a", "b", "c", "d"]), unique=True)
texts = st.lists(st.lists(st.tuples(sets, sets), min_size=1, max_size=4), min_size=1, max_size=6)


@pytest.mark.slow
@given(texts)
def test_equal_to_scikit_learn_on_all_edges(rows: list[list[tuple[list[str], list[str]]]]) -> None:
    gold = [[truth for truth, _ in row] for row in rows]
    predicted = [[answer for _, answer in row] for row in rows]
    flat = [pair for row in rows for pair in row]
    # Two labels that occur nowhere keep a matrix of one column from being read as classes.
    labels = [*sorted({label for pair in flat for side in pair for label in side}), "-", "--"]
    binarizer = MultiLabelBinarizer(classes=labels)
    truth, answer = (binarizer.fit_transform([pair[side] for pair in flat]) for side in (0, 1))
    values = get_metric("edge-micro-f1").compute(gold, predicted).values
    micro = f1_score(truth, answer, average="micro", zero_division=0)
    macro = f1_score(truth, answer, average=None, zero_division=0)[:-2]
    assert values["micro_f1"] == pytest.approx(100 * micro)
    assert values["macro_f1"] == pytest.approx(100 * macro.mean() if len(macro) else 0.0)
    assert values["accuracy"] == pytest.approx(100 * accuracy_score(truth, answer))
    assert values["edges"] == len(flat)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1))
def test_single_labels_have_equal_micro_f1_and_accuracy(pairs: list[tuple[str, str]]) -> None:
    gold, predicted = ([[[pair[side]] for pair in pairs]] for side in (0, 1))
    values = get_metric("edge-accuracy").compute(gold, predicted).values
    truth, answer = zip(*pairs, strict=True)
    assert values["accuracy"] == pytest.approx(100 * accuracy_score(truth, answer))
    assert values["micro_f1"] == pytest.approx(values["accuracy"])


def test_a_case_by_hand() -> None:
    gold = [[["a"], ["b"]], [["a", "b"]]]
    predicted = [[["a"], []], [["a"]]]
    scores = get_metric("edge-micro-f1").compute(gold, predicted)
    assert scores.score == pytest.approx(100 * 2 * 2 / (4 + 2))
    assert scores.values["accuracy"] == pytest.approx(100 / 3)
    assert scores.per_class["b"]["recall"] == 0.0
    assert get_metric("edge-accuracy").compute(gold, predicted).primary == "accuracy"


@pytest.mark.parametrize(
    ("gold", "predicted", "message"),
    [
        ([[["a"]]], [], "1 gold texts but 0"),
        ([], [], "no texts"),
        ([[["a"]]], [[["a"], ["b"]]], "text 0.*1 gold edges but 2"),
        ([["a"]], [[["a"]]], "gold text 0.*list of labels"),
        ([[["a"]]], [[["a", "a"]]], "predicted text 0.*twice"),
        ([[["a"]]], [[[1]]], "predicted text 0.*list of labels"),
        ([[]], [[]], "gold text 0.*labels of each edge"),
    ],
)
def test_annotations_of_another_form(gold: Any, predicted: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        get_metric("edge-micro-f1").compute(gold, predicted)
