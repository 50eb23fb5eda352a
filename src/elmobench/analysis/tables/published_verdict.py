"""Whether scores reproduce a published score: the interval of the difference, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from elmobench.analysis.stats.estimate import Estimate, Source, pooled

PublishedVerdict = Literal["reproduced", "missed", "undecided", "not comparable"]

Interval = tuple[float, float]


@dataclass(frozen=True)
class Decision:
    """The verdict on a published score, and the numbers that it follows from.

    Attributes:
        verdict: ``reproduced``, ``missed`` or ``undecided``; see :func:`decide`.
        reason: what a reader of the verdict should know, if there is something.
        difference: mean of our scores minus the published score, in points.
        interval: 95 % interval of the difference; None if it is unknown.
    """

    verdict: PublishedVerdict
    reason: str | None
    difference: float
    interval: Interval | None


def decide(
    ours: Sequence[float],
    score: float,
    *,
    sd: float | None = None,
    seeds: int | None = None,
    margin: float,
    exact: bool = False,
) -> Decision:
    """Compare our scores with a published one.

    ``reproduced``: the 90 % interval of the difference lies within the margin, which is the
    equivalence test by two one-sided tests at 5 %. ``missed``: it does not, and the 95 % interval
    excludes zero. ``undecided``: neither. A difference that is shown to be both unequal to zero and
    smaller than the margin counts as reproduced, and the reason says so.

    The intervals are Student's, or Welch's if the published score has a spread: they treat the
    seeds as the sample. One score, or several equal ones, do not show the spread of a system whose
    training depends on chance, so they decide nothing.

    >>> decide([53.1, 52.9, 53.0], 53.0, margin=1.0).verdict
    'reproduced'
    >>> decide([53.1], 53.0, margin=1.0).reason
    'one seed'

    Args:
        ours: our scores, one per seed, in percent.
        score: the published score, in percent.
        sd, seeds: sample standard deviation of the published score and its number of seeds. Unless
            both are known, the published score counts as exact.
        margin: differences below it count as none, in points.
        exact: whether our score does not depend on chance: it has no spread then.
    """
    difference = float(np.mean(ours)) - score
    equal = len(set(ours)) == 1
    if not (exact and equal):
        if len(ours) == 1:
            return Decision("undecided", "one seed", difference, None)
        if equal:
            reason = f"{len(ours)} equal scores do not show the spread between seeds"
            return Decision("undecided", reason, difference, None)
    sources = []
    if not equal:
        sources.append(Source(float(np.var(ours, ddof=1)) / len(ours), len(ours) - 1))
    if sd and seeds is not None and seeds > 1:
        sources.append(Source(sd**2 / seeds, seeds - 1))
    low, high = _interval(difference, sources, 0.95)
    inner_low, inner_high = _interval(difference, sources, 0.90)
    unequal = low > 0 or high < 0
    if -margin < inner_low and inner_high < margin:
        remark = f"different, but within the margin of {margin} points" if unequal else None
        return Decision("reproduced", remark, difference, (low, high))
    if unequal:
        return Decision("missed", None, difference, (low, high))
    reason = "the interval includes zero and reaches beyond the margin"
    return Decision("undecided", reason, difference, (low, high))


def _interval(difference: float, sources: Sequence[Source], level: float) -> Interval:
    """Interval of a difference of independent means, given the variance of each one with a spread.

    With two, the degrees of freedom are Welch and Satterthwaite's.
    """
    if not sources:
        return difference, difference
    total = pooled(sources)
    return Estimate(difference, total.variance, (total,)).interval(level)
