"""Pearson's and Spearman's correlation of numbers, computed by SciPy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from elmobench.core.errors import DataError
from elmobench.metrics.base import Metric, Scores
from elmobench.metrics.influence import (
    PERCENT,
    ComputedInfluence,
    Floats,
    Influence,
    leave_one_out,
    summed_by_unit,
    unit_numbers,
)

# SciPy calls numbers with a smaller spread, relative to their mean, as good as constant.
_CONSTANT = 1e-13
# Sums of squares without a unit that are a smaller share of the whole are computed anew: in the
# difference too few digits are left.
_CANCELLED = 1e-6


class Pearson(Metric):
    """Gold and predicted annotations are one finite number per example.

    Scores are correlations times 100, between -100 and 100. So tables show the four decimals that
    are reported for semantic textual similarity.

    A correlation is undefined for fewer than two examples, or if all gold or all predicted numbers
    are equal. SciPy and SentEval then return NaN, which no record can hold. Here the score is 0,
    which is that of numbers that say nothing about the gold ones, and no difference to such a run
    is ever shown: its influence is undefined.
    """

    name: ClassVar[str] = "pearson"
    version: ClassVar[int] = 1
    primary: ClassVar[str] = "pearson"

    def compute(self, gold: Sequence[Any], predicted: Sequence[Any]) -> Scores:
        """``pearson`` and ``spearman``, times 100; ``mse``, the mean squared error.

        The error is in squared units of the gold numbers. Spearman's correlation is Pearson's of
        ranks, with mean ranks for ties.

        >>> from elmobench.metrics.base import get_metric
        >>> scores = get_metric("pearson").compute([1.0, 2.0, 4.0], [1.5, 2.0, 2.5])
        >>> {name: round(value, 2) for name, value in scores.values.items()}
        {'pearson': 98.2, 'spearman': 100.0, 'mse': 0.83}

        Raises:
            DataError: for a different number of examples, no examples, or annotations that are not
                finite numbers.
        """
        x, y = self._numbers(gold, "gold"), self._numbers(predicted, "predicted")
        if len(x) != len(y):
            raise DataError(f"{len(x)} gold numbers but {len(y)} predictions", where=self.name)
        if len(x) == 0:
            raise DataError("there are no examples to score", where=self.name)
        values = {
            "pearson": _or_zero(_pearson(x, y)),
            "spearman": _or_zero(_spearman(x, y)),
            "mse": float(np.mean((x - y) ** 2)),
        }
        return Scores(primary=self.primary, values=values)

    def influence(
        self, gold: Sequence[Any], systems: Sequence[Sequence[Any]], units: Sequence[str]
    ) -> Influence:
        """See :meth:`Metric.influence`: the score is computed without each unit, exactly."""
        for predicted in systems:
            self.compute(gold, predicted)
        x = self._numbers(gold, "gold")
        numbers = unit_numbers(units)
        whole, without, rows = [], [], []
        for predicted in systems:
            y = self._numbers(predicted, "predicted")
            whole.append(self._score(x, y))
            without.append(self._without(x, y, numbers))
            rows.append(self._rows(x, y))
        values = leave_one_out(np.array(whole), np.array(without))
        return ComputedInfluence(
            rows=summed_by_unit(np.array(rows), units),
            scores=np.nan_to_num(np.array(whole)),
            pseudo_values=values,
            largest=2 * PERCENT,
        )

    def example_scores(self, gold: Sequence[Any], systems: Sequence[Sequence[Any]]) -> Floats:
        """See :meth:`Metric.example_scores`: minus the absolute error of each example."""
        x = self._numbers(gold, "gold")
        return -np.abs(np.array([self._numbers(y, "predicted") for y in systems]) - x)

    def _score(self, x: Floats, y: Floats) -> float:
        return _pearson(x, y)

    def _without(self, x: Floats, y: Floats, numbers: NDArray[np.int64]) -> Floats:
        """(units,) the score without each unit; NaN where it is undefined.

        The sums of squares and products without a unit are those of all examples minus the unit's.
        """
        zx, zy = _standardized(x), _standardized(y)
        columns = np.stack([np.ones_like(zx), zx, zy, zx * zx, zy * zy, zx * zy], axis=-1)
        sums = np.zeros((int(numbers.max()) + 1, columns.shape[-1]))
        np.add.at(sums, numbers, columns)
        n, sx, sy, sxx, syy, sxy = (columns.sum(axis=0) - sums).T
        size = np.maximum(n, 1)
        vx, vy = sxx - sx * sx / size, syy - sy * sy / size
        safe = (vx > _CANCELLED * len(x)) & (vy > _CANCELLED * len(x))
        with np.errstate(divide="ignore", invalid="ignore"):
            without: Floats = PERCENT * (sxy - sx * sy / size) / np.sqrt(vx * vy)
        for unit in np.flatnonzero(~safe):
            rest = numbers != unit
            without[unit] = self._score(x[rest], y[rest])
        return without

    def _rows(self, x: Floats, y: Floats) -> Floats:
        """(examples, 2) what the score reads of the predictions."""
        zx, zy = _standardized(x), _standardized(y)
        return np.stack([zy, zx * zy], axis=-1)

    def _numbers(self, annotations: Sequence[Any], side: str) -> Floats:
        for i, value in enumerate(annotations):
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not is_number or not math.isfinite(value):
                raise DataError(
                    f"must be a finite number, got {value!r}", where=f"{self.name}, {side} {i}"
                )
        return np.array(annotations, dtype=np.float64)


class Spearman(Pearson):
    """The same scores; Spearman's correlation is the primary score."""

    name: ClassVar[str] = "spearman"
    primary: ClassVar[str] = "spearman"

    def _score(self, x: Floats, y: Floats) -> float:
        return _spearman(x, y)

    def _without(self, x: Floats, y: Floats, numbers: NDArray[np.int64]) -> Floats:
        """(units,) the score without each unit, whose ranks are those among the rest.

        Leaving out an example lowers the rank of each larger one by 1 and that of each equal one
        by 1/2. All ranks are multiples of 1/2, so they are exact. The time grows with the square of
        the number of examples: half a second for 5,000.
        """
        ranks = [_ranks(x), _ranks(y)]
        members: list[list[int]] = [[] for _ in range(int(numbers.max()) + 1)]
        for i, unit in enumerate(numbers):
            members[unit].append(i)
        without = np.empty(len(members))
        for unit, own in enumerate(members):
            rest = numbers != unit
            lowered = []
            for values, rank in zip((x, y), ranks, strict=True):
                left, rank_of_rest = values[rest], rank[rest]
                for i in own:
                    rank_of_rest = rank_of_rest - (left > values[i]) - 0.5 * (left == values[i])
                lowered.append(rank_of_rest)
            without[unit] = _correlation(lowered[0], lowered[1])
        return without

    def _rows(self, x: Floats, y: Floats) -> Floats:
        """See :class:`Pearson`."""
        return super()._rows(_ranks(x), _ranks(y))


def _pearson(x: Floats, y: Floats) -> float:
    """Pearson's correlation times 100; NaN if it is undefined."""
    if len(x) < 2 or _is_constant(x) or _is_constant(y):
        return math.nan
    from scipy import stats

    # A sum may exceed the largest float although no single number does.
    return PERCENT * float(stats.pearsonr(_standardized(x), _standardized(y)).statistic)


def _correlation(x: Floats, y: Floats) -> float:
    """The same as :func:`_pearson`, in less time."""
    if len(x) < 2 or _is_constant(x) or _is_constant(y):
        return math.nan
    return PERCENT * float(np.mean(_standardized(x) * _standardized(y)))


def _spearman(x: Floats, y: Floats) -> float:
    """Spearman's correlation times 100; NaN if it is undefined."""
    if len(x) < 2 or _is_constant(x) or _is_constant(y):
        return math.nan
    from scipy import stats

    return PERCENT * float(stats.spearmanr(x, y).statistic)


def _ranks(values: Floats) -> Floats:
    """Ranks from 1, the mean rank for equal values."""
    from scipy import stats

    return np.asarray(stats.rankdata(values))


def _is_constant(values: Floats) -> bool:
    return bool(np.ptp(values) <= _CONSTANT * np.abs(values).max(initial=0.0))


def _standardized(values: Floats) -> Floats:
    """``values`` with mean 0 and variance 1; zeros if they are constant."""
    if len(values) == 0 or _is_constant(values):
        return np.zeros_like(values)
    # Scaled first, so that squares neither overflow nor vanish.
    scaled = values / np.abs(values).max()
    centred = scaled - scaled.mean()
    return np.asarray(centred / centred.std())


def _or_zero(value: float) -> float:
    return 0.0 if math.isnan(value) else value


PEARSON = Pearson()
SPEARMAN = Spearman()
