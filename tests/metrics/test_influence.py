"""Pseudo-values against leaving out one unit after the other."""

from __future__ import annotations

import numpy as np
import pytest

from elmobench.metrics.base import get_metric
from elmobench.metrics.influence import pseudo_values


@pytest.mark.parametrize(
    ("metric", "gold", "systems"),
    [
        ("accuracy", ["a", "b", "a", "a"], [["a", "a", "a", "b"], ["a", "b", "b", "a"]]),
        (
            "span-f1",
            [["B-P", "O"], ["O", "O"], ["B-P", "B-L", "I-L"], ["O", "B-R"]],
            [
                [["B-P", "O"], ["B-L", "O"], ["O", "B-L", "I-L"], ["O", "O"]],
                [["O", "O"], ["O", "O"], ["B-P", "B-R", "I-R"], ["O", "B-R"]],
            ],
        ),
    ],
    ids=["accuracy", "f1"],
)
def test_pseudo_values_leave_out_one_unit(metric: str, gold: list, systems: list) -> None:
    scorer = get_metric(metric)
    tally = scorer.tally(gold, systems)
    values = pseudo_values(tally.counts, tally.score)
    assert values.shape == (2, 4)
    for run, predicted in enumerate(systems):
        whole = scorer.compute(gold, predicted).score
        for j in range(4):
            rest = [x for i, x in enumerate(gold) if i != j]
            without = scorer.compute(rest, [x for i, x in enumerate(predicted) if i != j]).score
            assert values[run, j] == pytest.approx(4 * whole - 3 * without)


def test_a_single_unit_has_the_score() -> None:
    counts = np.array([[[3.0, 4.0]]])
    assert pseudo_values(counts, lambda s: 100 * s[..., 0] / s[..., 1]).tolist() == [[75.0]]
