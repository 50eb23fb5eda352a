"""The difference between two systems, and its variance over seeds and test units.

The model: the difference on a unit between two runs is the sum of the difference between the
systems, an effect of the seeds, an effect of the unit, and a rest. Seeds and units are samples: a
verdict about two systems is about other seeds and other test units of the same kind as well.

The variance is that of the mean of a two-way layout (Searle, Casella and McCulloch 1992, chapter
4): the variance between run means, plus that between unit means, minus what both contain of the
rest. Scores that are not means over units (F1, CoNLL) enter with the jackknife's pseudo-value of
each unit in each run (:func:`elmobench.metrics.influence.pseudo_values`).

All of it is arithmetic: no resampling, so that a p-value has no smallest value, however many
comparisons it is corrected for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from elmobench.analysis.stats.estimate import Estimate, Source, pooled
from elmobench.metrics.influence import CountInfluence, Floats, Influence

FEW_UNITS = 5
"""With fewer units on which two systems differ, the spread over units cannot be seen."""

# A variance below it, in squared points, is the rounding of equal differences.
_ROUNDING = 1e-18


@dataclass(frozen=True)
class FoldInfluence:
    """The influence of the test units on two systems, on the same test set.

    Attributes:
        left: in the runs of the first system.
        right: in those of the second system, which may have another number of runs.
    """

    left: Influence
    right: Influence

    @classmethod
    def of_counts(
        cls, left: Floats, right: Floats, score: Callable[[Floats], Floats]
    ) -> FoldInfluence:
        """From the counts that a score depends on.

        Args:
            left: (runs, units, K) counts of the first system.
            right: (runs, units, K) counts of the second system.
            score: maps sums (..., K) to scores (...) in percent.
        """
        return cls(CountInfluence(left, score), CountInfluence(right, score))


def estimate_difference(
    folds: Sequence[FoldInfluence],
    *,
    paired: bool,
    fixed: tuple[bool, bool] = (False, False),
) -> Estimate:
    """Estimate the mean score of one system minus that of another.

    Args:
        folds: the test set; or several disjoint ones, whose mean score is compared. Run i has the
            same seed in each.
        paired: whether run i of both systems has the same source of chance, so that their scores
            go up and down together; otherwise runs are independent.
        fixed: for each system, whether its training involves no chance, so that one run is all
            there is.

    Returns:
        The difference. If a system with chance in its training has a single run, the variance
        is that of the units alone: the estimate is about these runs. If there is a single unit,
        or the score is undefined without one of the units, the variance is unknown.
    """
    runs = [sum(scores) / len(folds) for scores in zip(*map(_run_scores, folds), strict=True)]
    differences = [runs[0] - runs[1]] if paired else [runs[0], -runs[1]]
    varies = [not all(fixed)] if paired else [not side for side in fixed]
    value = float(sum(group.mean() for group in differences))
    layouts = [_layouts(fold, paired) for fold in folds]
    largest = max(fold.left.largest for fold in folds)
    units = _unit_source(folds, layouts)
    random_runs = [group for group, vary in zip(differences, varies, strict=True) if vary]
    if units is None or not np.isfinite(units.variance):
        return Estimate(value, None, (), largest)
    if not random_runs or any(len(group) < 2 for group in random_runs):
        return Estimate(value, units.variance, (units,), largest)
    seeds = pooled([Source(_of_mean(scores), len(scores) - 1) for scores in random_runs])
    rest = (
        sum(
            _rest(group)
            for fold in layouts
            for group, vary in zip(fold, varies, strict=True)
            if vary
        )
        / len(folds) ** 2
    )
    # Each of the first two is an estimate of a smaller variance than the wanted one.
    variance = max(seeds.variance, units.variance, seeds.variance + units.variance - rest)
    return Estimate(value, variance, (seeds, units), largest)


def _run_scores(fold: FoldInfluence) -> tuple[Floats, Floats]:
    return fold.left.scores, fold.right.scores


def _layouts(fold: FoldInfluence, paired: bool) -> list[Floats]:
    """(runs, units) layouts whose means over runs add up to the difference on each unit."""
    left, right = fold.left.pseudo_values, fold.right.pseudo_values
    return [left - right] if paired else [left, -right]


def _of_mean(values: Floats) -> float:
    """The variance of the mean of independent values."""
    return float(values.var(ddof=1)) / len(values)


def _unit_source(
    folds: Sequence[FoldInfluence], layouts: Sequence[Sequence[Floats]]
) -> Source | None:
    """The variance of the mean over folds that is due to the units; None if it is unknown."""
    by_unit = [np.sum([group.mean(axis=0) for group in fold], axis=0) for fold in layouts]
    if min(map(len, by_unit)) < 2:
        if len(by_unit) < 2:
            return None
        # A fold of one unit has no spread of its own: the folds serve as units.
        by_unit = [np.array([float(units.mean()) for units in by_unit])]
    # Folds may have few units and unequal spread: each has degrees of freedom of its own.
    of_folds = [Source(_of_mean(units) / len(by_unit) ** 2, len(units) - 1) for units in by_unit]
    total, count = pooled(of_folds), sum(map(len, by_unit))
    variance = total.variance
    freedom = total.freedom if variance > 0 else float(count - len(by_unit))
    if sum(map(_differing_units, folds)) < FEW_UNITS or variance < _ROUNDING:
        # The spread over units cannot be seen. As Bonett and Price 2012 do for paired
        # proportions, add a unit that only one system gets right, and one for the other system.
        largest = max(fold.left.largest for fold in folds)
        variance += 2 * (largest / count) ** 2
    return Source(variance, freedom)


def _differing_units(fold: FoldInfluence) -> int:
    """Number of units on which the mean rows of the two systems differ."""
    left, right = fold.left.rows.mean(axis=0), fold.right.rows.mean(axis=0)
    # Means of equal rows over three runs and over five differ by rounding.
    differs = ~np.isclose(left, right, rtol=1e-9, atol=1e-9)
    return int(np.any(differs, axis=-1).sum())


def _rest(layout: Floats) -> float:
    """The variance of the mean of a layout that neither runs nor units explain."""
    runs, units = layout.shape
    if units < 2:
        return 0.0
    of_runs, of_units = layout.mean(axis=1, keepdims=True), layout.mean(axis=0, keepdims=True)
    residual = layout - of_runs - of_units + layout.mean()
    squares = float(np.sum(residual**2))
    return squares / float((runs - 1) * (units - 1) * runs * units)
