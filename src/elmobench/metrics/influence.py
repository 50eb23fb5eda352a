"""The influence of single test units on a score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PERCENT = 100.0
"""No two scores in percent differ by more, unless they can be negative."""


class Influence(Protocol):
    """Scores of several runs on one test set, and what each test unit contributes to them."""

    @property
    def rows(self) -> Floats:
        """(runs, units, K) what the metric reads of each unit.

        Two runs whose rows for a unit are equal do not differ on it.
        """

    @property
    def scores(self) -> Floats:
        """(runs,) the primary score of each run, in percent."""

    @property
    def pseudo_values(self) -> Floats:
        """(runs, units) pseudo-values; see :func:`pseudo_values`.

        NaN where the score is undefined without the unit, or as a whole.
        """

    @property
    def largest(self) -> float:
        """No two scores differ by more."""


@dataclass(frozen=True)
class CountInfluence:
    """The influence on a score that depends on sums of counts.

    Attributes:
        rows: (runs, units, K) counts of each unit.
        score: maps sums (..., K) to scores (...) in percent.
        largest: see :class:`Influence`.
    """

    rows: Floats
    score: Callable[[Floats], Floats]
    largest: float = PERCENT

    @cached_property
    def scores(self) -> Floats:
        """See :class:`Influence`."""
        return self.score(self.rows.sum(axis=1))

    @cached_property
    def pseudo_values(self) -> Floats:
        """See :class:`Influence`."""
        return pseudo_values(self.rows, self.score)


@dataclass(frozen=True)
class ComputedInfluence:
    """The influence on a score that does not depend on sums, computed by leaving out each unit.

    Attributes:
        rows, scores, pseudo_values, largest: see :class:`Influence`.
    """

    rows: Floats
    scores: Floats
    pseudo_values: Floats
    largest: float = PERCENT


def leave_one_out(scores: Floats, without: Floats) -> Floats:
    """Pseudo-values from the scores of whole runs, and those without each unit.

    >>> leave_one_out(np.array([50.0]), np.array([[100.0, 0.0]])).tolist()
    [[0.0, 100.0]]

    Args:
        scores: (runs,) scores; NaN for an undefined one.
        without: (runs, units) scores without each unit. With a single unit it is ignored.
    """
    units = without.shape[1]
    if units < 2:
        return scores[:, None]
    values: Floats = units * scores[:, None] - (units - 1) * without
    return values


def stack_influences(influences: Sequence[Influence]) -> Influence:
    """The influence on the runs of all ``influences``, which are on the same test units.

    Args:
        influences: at least one, all of one metric.
    """
    first = influences[0]
    rows = np.concatenate([one.rows for one in influences])
    if isinstance(first, CountInfluence):
        return CountInfluence(rows, first.score, first.largest)
    scores = np.concatenate([one.scores for one in influences])
    values = np.concatenate([one.pseudo_values for one in influences])
    return ComputedInfluence(rows, scores, values, first.largest)


def pseudo_values(sums: Floats, score: Callable[[Floats], Floats]) -> Floats:
    """The jackknife's pseudo-value of each test unit (Tukey 1958; Miller 1974).

    With m units, the pseudo-value of unit j is m times the score minus (m - 1) times the score
    without unit j. For accuracy it is the unit's own score. For F1 and others that are not means,
    the mean of the pseudo-values is the score up to a term of order 1 / m, and their variance
    divided by m is that of the score.

    >>> counts = np.array([[[1.0, 1.0], [0.0, 1.0], [1.0, 1.0]]])  # correct, all
    >>> pseudo_values(counts, lambda sums: 100 * sums[..., 0] / sums[..., 1]).round(9).tolist()
    [[100.0, 0.0, 100.0]]

    Args:
        sums: (runs, units, K) counts of at least two units; a single unit gets the score.
        score: maps sums (..., K) to scores (...) in percent.

    Returns:
        (runs, units) pseudo-values, in percent.
    """
    total = sums.sum(axis=1, keepdims=True)
    units = sums.shape[1]
    whole = score(total)
    if units < 2:
        return whole
    values: Floats = units * whole - (units - 1) * score(total - sums)
    return values


def summed_by_unit(counts: Floats, units: Sequence[str]) -> Floats:
    """Add up the counts of the examples of each unit.

    Args:
        counts: (systems, examples, K) counts.
        units: the unit of each example.

    Returns:
        (systems, units, K) counts, units in the order of their first examples.
    """
    sums = np.zeros((counts.shape[0], len(dict.fromkeys(units)), counts.shape[2]))
    example_to_unit = unit_numbers(units)
    for system, own in zip(sums, counts, strict=True):
        np.add.at(system, example_to_unit, own)
    return sums


def unit_numbers(units: Sequence[str]) -> NDArray[np.int64]:
    """The number of each example's unit, counted from 0 in the order of first examples."""
    unit_index = {unit: i for i, unit in enumerate(dict.fromkeys(units))}
    return np.array([unit_index[unit] for unit in units], dtype=np.int64)
