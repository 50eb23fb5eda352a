"""The result of one comparison of two systems, and its verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from elmobench.analysis.stats.resampling import PValue

Verdict = Literal["better", "worse", "tie", "undecided"]

ALPHA = 0.05
"""Level of the tests, after Holm's correction over the compared tasks."""


@dataclass(frozen=True)
class Difference:
    """Two systems on one task with one head, in percent.

    Attributes:
        task, head, axes: the compared point of the grid.
        metric: the score that is compared.
        left, right: names of the two systems.
        left_scores, right_scores: scores by seed.
        seeds: seeds that both have; runs with the same seed are paired.
        units: number of resampling units: examples, sentences, articles or documents.
        difference: mean of ``left`` minus mean of ``right``.
        low, high: 95 % interval of the hierarchical bootstrap over seeds and units.
        inner: the 90 % interval of the same bootstrap, for the equivalence test.
        p: of the approximate randomisation over units.
        p_corrected: ``p`` corrected by Holm over the rows of one comparison.
        margin: differences below it count as no difference; fixed before the run.
        cells: names of both cells, one pair per seed (and fold).
    """

    task: str
    head: str
    axes: dict[str, Any]
    metric: str
    left: str
    right: str
    left_scores: tuple[float, ...]
    right_scores: tuple[float, ...]
    seeds: tuple[int, ...]
    units: int
    difference: float
    low: float
    high: float
    inner: tuple[float, float]
    p: PValue
    p_corrected: float
    margin: float
    cells: tuple[tuple[str, str], ...]

    @property
    def verdict(self) -> Verdict:
        """``better``, ``worse``, ``tie`` or ``undecided``.

        ``better`` or ``worse``: the test rejects and the interval excludes zero. ``tie``: the
        difference is shown to lie within the margin (two one-sided tests, by the 90 % interval).
        ``undecided``: neither.
        """
        if self.p_corrected < ALPHA and (self.low > 0 or self.high < 0):
            return "better" if self.difference > 0 else "worse"
        if -self.margin < self.inner[0] and self.inner[1] < self.margin:
            return "tie"
        return "undecided"
