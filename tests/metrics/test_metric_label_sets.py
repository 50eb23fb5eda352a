"""Scores of label sets: independent formulas over all small cases, and scikit-learn's scores."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

from elmobench.core.errors import DataError
from elmobench.metrics.base import get_metric

SETS: tuple[list[str], ...] = ([], ["a"], ["b"], ["a", "b"])


def f1(pairs: list[tuple[bool, bool]]) -> Fraction:
    """F1 of (gold, predicted) decisions; 0 if there is neither a gold nor a predicted label."""
    both = sum(g and p for g, p in pairs)
    either = sum(g + p for g, p in pairs)
    return Fraction(2 * both, either) if either else Fraction(0)


@pytest.mark.slow
def test_equal_to_independent_formulas_and_scikit_learn_on_all_small_cases() -> None:
    metric = get_metric("label-set-micro-f1")
    for gold, predicted in product(product(SETS, repeat=2), repeat=2):
        scores = metric.compute(gold, predicted)
        decisions = {
            label: [(label in g, label in p) for g, p in zip(gold, predicted, strict=True)]
            for label in "ab"
        }
        occurring = [pairs for pairs in decisions.values() if any(map(any, pairs))]
        micro = f1([pair for pairs in occurring for pair in pairs])
        macro = sum(map(f1, occurring), Fraction(0)) / max(len(occurring), 1)
        exact = Fraction(sum(g == p for g, p in zip(gold, predicted, strict=True)), 2)
        got = [scores.values[key] for key in ("micro_f1", "macro_f1", "subset_accuracy")]
        assert got == pytest.approx([100 * float(value) for value in (micro, macro, exact)])
        if occurring:
            truth, answer = (
                np.array([[label in own for label in scores.per_class] for own in side], dtype=int)
                for side in (gold, predicted)
            )
            # scikit-learn reads a single column as two classes, of which label 1 is meant.
            one = len(scores.per_class) == 1
            sklearn = [
                f1_score(truth, answer, average="binary" if one else "micro", zero_division=0),
                f1_score(truth, answer, average="binary" if one else "macro", zero_division=0),
                accuracy_score(truth, answer),
            ]
            assert got == pytest.approx([100 * value for value in sklearn])


@pytest.mark.slow
@given(st.lists(st.tuples(*[st.sets(st.sampled_from("abcdefghijklm"))] * 2), min_size=1))
def test_equal_to_scikit_learn_to_the_bit(pairs: list[tuple[set[str], set[str]]]) -> None:
    gold, predicted = ([sorted(side) for side in sides] for sides in zip(*pairs, strict=True))
    scores = get_metric("label-set-micro-f1").compute(gold, predicted)
    labels = list(scores.per_class)
    # With a last column of zeros scikit-learn does not read one label as two classes.
    truth, answer = (
        np.array([[*(label in own for label in labels), False] for own in side], dtype=int)
        for side in (gold, predicted)
    )
    micro = precision_recall_fscore_support(truth, answer, average="micro", zero_division=0)
    columns = precision_recall_fscore_support(truth, answer, average=None, zero_division=0)
    assert scores.values == {
        "micro_f1": 100 * float(micro[2]) if labels else 0.0,
        "macro_f1": 100 * float(columns[2][:-1].mean()) if labels else 0.0,
        "subset_accuracy": pytest.approx(100 * accuracy_score(truth, answer)),
    }
    for label, *row in zip(labels, *(column[:-1] for column in columns), strict=True):
        *shares, support = map(float, row)
        expected = [*(100 * share for share in shares), support]
        assert list(scores.per_class[label].values()) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    # a: 1 right of 2 gold and 1 predicted, F1 2/3; b: 1 of 1 and 2, F1 2/3; c only predicted: 0.
    [
        ("label-set-micro-f1", 100 * 4 / 7),
        ("label-set-macro-f1", 100 * 4 / 9),
        ("subset-accuracy", 100 / 3),
    ],
)
def test_each_name_has_its_own_primary_score(name: str, expected: float) -> None:
    gold = [["a"], ["b", "a"], []]
    assert get_metric(name).compute(gold, [["a"], ["b"], ["b", "c"]]).score == pytest.approx(
        expected
    )


@pytest.mark.parametrize(
    ("gold", "predicted", "message"),
    [
        ([], [], "no examples"),
        ([["a"]], [], "1 gold label sets but 0 predictions"),
        (["a"], [["a"]], "gold 0.*list of labels"),
        ([["a"]], [[1]], "predicted 0.*list of labels"),
        ([["a"]], [["a", "a"]], "appears twice"),
    ],
)
def test_wrong_annotations(gold: Any, predicted: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        get_metric("label-set-micro-f1").compute(gold, predicted)
