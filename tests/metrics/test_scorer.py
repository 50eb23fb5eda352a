"""Scores for model selection equal those that are reported, and bad predictions are refused."""

from __future__ import annotations

import random
from typing import Any

import pytest

from elmobench.core.errors import DataError
from elmobench.metrics.base import get_metric

LABELS = ["a", "b", "c"]
TAGS = ["O", "B-X", "I-X", "B-Y", "I-Y", "I-Z"]
TEXTS = ["the Cat", "a cat sat", "dog", "Dogs, and a dog", ""]


def _problem(name: str, rng: random.Random) -> tuple[list[Any], list[Any]]:
    """Gold and predictions of 1 to 9 examples."""
    count = rng.randint(1, 9)
    if name in ("accuracy", "macro-f1"):
        return rng.choices(LABELS, k=count), rng.choices([*LABELS, "d"], k=count)
    if name in ("squad", "exact-match"):
        gold = [rng.choices(TEXTS, k=rng.randint(1, 3)) for _ in range(count)]
        return gold, [rng.choice([*TEXTS, None, ["dog", "cat"]]) for _ in range(count)]
    lengths = [rng.randint(1, 6) for _ in range(count)]
    return (
        [rng.choices(TAGS[:-1], k=n) for n in lengths],
        [rng.choices(TAGS, k=n) for n in lengths],
    )


@pytest.mark.parametrize(
    "name", ["accuracy", "macro-f1", "token-accuracy", "span-f1", "squad", "exact-match"]
)
def test_equal_to_the_reported_score(name: str) -> None:
    metric, rng = get_metric(name), random.Random(5)
    values = set()
    for _ in range(40):
        gold, predicted = _problem(name, rng)
        score = metric.scorer(gold)
        # A scorer is used again and again.
        for answers in (predicted, predicted[::-1]) if "-" not in name else (predicted, predicted):
            values.add(score(answers))
            assert score(answers) == metric.compute(gold, answers).score
        with pytest.raises(DataError):
            score(predicted[1:])
        with pytest.raises(DataError):
            score([3, *predicted[1:]])
    assert len(values) > 4


@pytest.mark.parametrize("name", ["token-accuracy", "span-f1"])
def test_another_number_of_tokens_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="1 gold tags but 2"):
        get_metric(name).scorer([["O"]])([["O", "O"]])


def test_a_tag_that_is_none_is_refused() -> None:
    with pytest.raises(DataError, match="'X' is not a BIO tag"):
        get_metric("span-f1").scorer([["O"]])([["X"]])
