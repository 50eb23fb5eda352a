from __future__ import annotations

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from elmobench.core.errors import DataError
from elmobench.metrics.base import get_metric
from elmobench.metrics.classification import ACCURACY, MACRO_F1

PAIRS = st.lists(st.tuples(*[st.sampled_from(["neg", "neutral", "pos"])] * 2), min_size=1)


@given(PAIRS)
def test_equal_to_counting(pairs) -> None:
    gold, predicted = [g for g, _ in pairs], [p for _, p in pairs]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = ACCURACY.compute(gold, predicted)
    assert scores.score == pytest.approx(100 * sum(g == p for g, p in pairs) / len(pairs))
    f1s = []
    for label in {*gold, *predicted}:
        tp = sum(g == p == label for g, p in pairs)
        support, found = gold.count(label), predicted.count(label)
        f1s.append(200 * tp / (support + found))
        row = scores.per_class[label]
        assert row["f1"] == pytest.approx(f1s[-1])
        assert row["precision"] == pytest.approx(100 * tp / found if found else 0)
        assert row["recall"] == pytest.approx(100 * tp / support if support else 0)
        assert row["support"] == support
    assert len(scores.per_class) == len(f1s)
    assert MACRO_F1.compute(gold, predicted).score == pytest.approx(sum(f1s) / len(f1s))


@pytest.mark.parametrize(
    ("gold", "predicted"), [(["a"], []), ([], []), (["a"], [1]), (["a"], [None])]
)
def test_bad_input(gold, predicted) -> None:
    with pytest.raises(DataError):
        ACCURACY.compute(gold, predicted)


def test_registered() -> None:
    assert get_metric("accuracy") is ACCURACY
    assert get_metric("macro-f1") is MACRO_F1
    assert ACCURACY.compute(["a"], ["a"]).primary == "accuracy"
    assert MACRO_F1.compute(["a"], ["a"]).primary == "macro_f1"


@given(st.lists(st.tuples(*[st.integers(0, 12).map(str)] * 2), min_size=1, max_size=60))
def test_equal_to_scikit_learn_to_the_bit(pairs) -> None:
    gold, predicted = [g for g, _ in pairs], [p for _, p in pairs]
    scores = ACCURACY.compute(gold, predicted)
    labels = sorted({*gold, *predicted})
    columns = precision_recall_fscore_support(
        gold, predicted, labels=labels, average=None, zero_division=0
    )
    assert scores.values == {
        "accuracy": 100 * float(accuracy_score(gold, predicted)),
        "macro_f1": 100 * float(columns[2].mean()),
    }
    assert list(scores.per_class) == labels
    for label, *row in zip(labels, *columns, strict=True):
        *shares, support = map(float, row)
        expected = [*(100 * share for share in shares), support]
        assert list(scores.per_class[label].values()) == expected
