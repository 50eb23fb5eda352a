"""The one system that is better than all others: against all comparisons at once."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from elmobench.analysis.stats.difference_row import Difference
from elmobench.analysis.stats.differences import corrected
from elmobench.analysis.stats.estimate import Estimate, Source
from elmobench.analysis.stats.shown_best import shown_best
from elmobench.core.errors import ConfigError


def row(left: str, right: str, value: float, variance: float, scope: str = "systems") -> Difference:
    estimate = Estimate(value, variance, (Source(variance, 5),))
    return Difference(
        task="pos/t",
        head="linear",
        axes={},
        metric="accuracy",
        left=left,
        right=right,
        left_scores=(),
        right_scores=(),
        left_seeds=(1, 2),
        right_seeds=(1, 2),
        paired=False,
        scope=scope,  # type: ignore[arg-type]
        units=10,
        estimate=estimate,
        p_corrected=estimate.p_value(),
        p_within_corrected=estimate.p_within(1.0),
        margin=1.0,
        left_cells=(),
        right_cells=(),
    )


def all_at_once(best: str, rows: Sequence[Difference]) -> str | None:
    """Every comparison is made, and corrected; each must be won by more than the margin."""
    wins = [
        one.verdict == "better" if one.left == best else one.verdict == "worse"
        for one in corrected(rows)
    ]
    return best if wins and all(wins) else None


@pytest.mark.slow
def test_it_is_the_same_as_with_all_comparisons() -> None:
    draw = random.Random(1)
    outcomes = set()
    for _ in range(150):
        names = [f"s{i}" for i in range(draw.randint(1, 5))]
        means = {name: 10 * draw.random() for name in names}
        best = max(names, key=means.__getitem__)
        rows = {}
        for other in names:
            gap, spread = means[best] - means[other], draw.choice([0.01, 0.2, 1.0, 4.0])
            turned = draw.random() < 0.5
            pair = (other, best) if turned else (best, other)
            scope = "runs" if draw.random() < 0.05 else "systems"
            rows[other] = row(*pair, -gap if turned else gap, spread, scope)
        expected = all_at_once(best, [rows[name] for name in names if name != best])
        found = shown_best(means, lambda _, other, rows=rows: [rows[other]])
        assert found == expected
        outcomes.add((len(names), found is None))
    assert {(n, none) for n in (2, 3, 4, 5) for none in (True, False)} <= outcomes
    assert (1, False) not in outcomes


def test_nothing_is_compared_after_one_that_shows_nothing() -> None:
    asked = []

    def differences(best: str, other: str) -> list[Difference]:
        asked.append((best, other))
        return [row(best, other, 1.0 if other == "far" else 0.1, 0.2)]

    assert shown_best({"far": 1.0, "top": 9.0, "near": 8.0}, differences) is None
    assert asked == [("top", "near")]


def test_what_cannot_be_compared_shows_nothing() -> None:
    def differences(best: str, other: str) -> list[Difference]:
        raise ConfigError("the same runs")

    assert shown_best({"a": 1.0, "b": 2.0}, differences) is None
    with pytest.raises(KeyError):
        shown_best({"a": 1.0, "b": 2.0}, lambda best, other: {}[best])
