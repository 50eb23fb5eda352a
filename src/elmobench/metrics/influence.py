"""The influence of single test units on a score."""

from __future__ import annotations

from collections.abc import Callable

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
