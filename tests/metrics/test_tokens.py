from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from elmobench.core.errors import DataError
from elmobench.metrics.base import get_metric
from elmobench.metrics.tokens import TOKEN_ACCURACY

TAG = st.sampled_from(["NN", "VB", "JJ"])
SENTENCES = st.lists(st.lists(st.tuples(TAG, TAG), max_size=5), min_size=1, max_size=6).filter(any)


@given(SENTENCES)
def test_equal_to_counting_tokens_and_to_scikit_learn(sentences) -> None:
    gold = [[g for g, _ in s] for s in sentences]
    predicted = [[p for _, p in s] for s in sentences]
    scores = TOKEN_ACCURACY.compute(gold, predicted)
    pairs = [pair for s in sentences for pair in s]
    assert scores.score == pytest.approx(100 * sum(g == p for g, p in pairs) / len(pairs))
    flat = [g for g, _ in pairs], [p for _, p in pairs]
    assert scores.score == pytest.approx(100 * accuracy_score(*flat))
    assert scores.values["macro_f1"] == pytest.approx(100 * f1_score(*flat, average="macro"))
    assert scores.values["tokens"] == len(pairs)
    for tag, row in scores.per_class.items():
        right, support = sum(g == p == tag for g, p in pairs), flat[0].count(tag)
        assert row["support"] == support
        assert row["recall"] == pytest.approx(100 * right / support if support else 0)
    assert sum(row["support"] for row in scores.per_class.values()) == len(pairs)


@pytest.mark.parametrize(
    ("gold", "predicted", "message"),
    [
        ([["A"]], [], "1 gold sentences"),
        ([["A"]], [["A", "B"]], "sentence 0: 1 gold tags"),
        ([["A"], ["A"]], [["A"], "A"], "sentence 1: expected a list"),
        ([["A"]], [[None]], "must be a string"),
        ([[]], [[]], "no examples to score"),
    ],
)
def test_bad_input(gold, predicted, message: str) -> None:
    with pytest.raises(DataError, match=message):
        TOKEN_ACCURACY.compute(gold, predicted)


def test_registered() -> None:
    assert get_metric("token-accuracy") is TOKEN_ACCURACY
