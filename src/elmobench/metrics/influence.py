"""The influence of single test units on a score."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


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
    unit_index = {unit: i for i, unit in enumerate(dict.fromkeys(units))}
    sums = np.zeros((counts.shape[0], len(unit_index), counts.shape[2]))
    example_to_unit = np.array([unit_index[unit] for unit in units], dtype=np.int64)
    for system, own in zip(sums, counts, strict=True):
        np.add.at(system, example_to_unit, own)
    return sums
