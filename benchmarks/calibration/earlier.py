"""The procedure that comparisons used up to version 0.1, as a peer in the calibration.

P-value: approximate randomisation over test units, all runs of a system together (Noreen 1989; Yeh,
COLING 2000). Interval: percentile bootstrap over paired seeds and test units (Efron and Tibshirani
1993). A system was called better if p was below 0.05 and the interval excluded zero.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Score = Callable[[Floats], Floats]

_EXACT_UNITS = 14
_CHUNK = 512
# Equal differences of scores differ by less than this, as they are summed in different orders.
_EQUAL = 1e-9


@dataclass(frozen=True)
class PValue:
    """P-values of one test.

    Attributes:
        two_sided: for a difference at least as large in either direction.
        one_sided: for a difference at least as large in the observed direction.
        resamples: number of assignments drawn; 0 if all were enumerated.
    """

    two_sided: float
    one_sided: float
    resamples: int


def randomization_test(
    left: Floats, right: Floats, score: Score, *, resamples: int = 10_000, seed: int = 1
) -> PValue:
    """Approximate randomisation test: swap the two systems' outputs at random.

    A unit is swapped in all runs at once. With at most 14 units all assignments are enumerated;
    otherwise p is ``(c + 1) / (resamples + 1)``, where c assignments give a difference as large as
    the observed one. Equal differences count as well, since scores are discrete.

    Args:
        left, right: (runs, units, K) counts of each system; run i is paired with run i.
        score: maps sums (..., K) to scores (...).
        resamples: number of assignments to draw.
        seed: seed of the random numbers.

    Returns:
        The p-value of the mean over runs of ``score(left) - score(right)``.
    """
    ours = left.sum(axis=1)
    both = ours + right.sum(axis=1)
    observed = float(np.mean(score(ours) - score(both - ours)))
    exact = left.shape[1] <= _EXACT_UNITS
    kinds, sizes = _kinds(np.concatenate([left, right]))
    if exact:
        source = _all_swaps(left.shape[1])
        change = right - left
    else:
        source = _random_swaps(sizes, resamples, seed)
        change = kinds[len(left) :] - kinds[: len(left)]
    large = large_one_sided = total = 0
    for swapped in source:
        # sums of the first system: right where swapped, else left
        first = ours + np.einsum("su,ruk->srk", swapped, change, optimize=True)
        differences = np.mean(score(first) - score(both - first), axis=1)
        in_direction = np.sign(observed or 1.0) * differences
        large += int(np.sum(np.abs(differences) >= abs(observed) - _EQUAL))
        large_one_sided += int(np.sum(in_direction >= abs(observed) - _EQUAL))
        total += len(differences)
    if exact:
        return PValue(large / total, large_one_sided / total, 0)
    return PValue((large + 1) / (total + 1), (large_one_sided + 1) / (total + 1), total)


def bootstrap_differences(
    left: Floats,
    right: Floats,
    score: Score,
    *,
    resamples: int = 10_000,
    seed: int = 1,
) -> Floats:
    """Hierarchical bootstrap of the difference between two systems, over test units and runs.

    Each resample draws test units with replacement, the same for both systems, and paired runs
    (seeds) with replacement. With few runs the interval is too narrow: the variance of n resampled
    runs is (n - 1) / n of theirs, and percentiles ignore that it is estimated.

    Args:
        left, right: (runs, units, K) counts of each system; run i is paired with run i.
        score: maps sums (..., K) to scores (...).
        resamples: number of resamples.
        seed: seed of the random numbers.

    Returns:
        (resamples,) mean over the drawn runs of the scores of ``left`` minus those of ``right``.
    """
    rng = np.random.default_rng(seed)
    units = left.shape[1]
    kinds, sizes = _kinds(np.concatenate([left, right]))
    left, right = kinds[: len(left)], kinds[len(left) :]
    differences = []
    for first in range(0, resamples, _CHUNK):
        size = min(_CHUNK, resamples - first)
        weights = rng.multinomial(units, sizes / units, size=size).astype(np.float64)
        ours = _drawn(score, weights, left)
        theirs = _drawn(score, weights, right)
        picks = rng.integers(len(left), size=(size, len(left)))
        differences.append(
            np.take_along_axis(ours, picks, axis=1).mean(axis=1)
            - np.take_along_axis(theirs, picks, axis=1).mean(axis=1)
        )
    return np.concatenate(differences)


def interval(draws: Floats, level: float = 0.95) -> tuple[float, float]:
    """The percentile interval of bootstrap draws."""
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _drawn(score: Score, weights: Floats, counts: Floats) -> Floats:
    """(resamples, runs) scores when each unit counts as often as its weight."""
    return np.stack([score(weights @ run) for run in counts], axis=1)


def _kinds(counts: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Merge units with equal counts: (runs, kinds, K) counts, and the number of units per kind.

    Drawing how many units of a kind are taken equals drawing them one by one, and is faster.
    """
    flat = counts.transpose(1, 0, 2).reshape(counts.shape[1], -1)
    distinct, sizes = np.unique(flat, axis=0, return_counts=True)
    shape = (len(distinct), counts.shape[0], counts.shape[2])
    return distinct.reshape(shape).transpose(1, 0, 2), sizes


def _all_swaps(units: int) -> Iterator[Floats]:
    """Yield (chunk, units) zeros and ones: every assignment of swaps."""
    every = itertools.product((0.0, 1.0), repeat=units)
    while chunk := list(itertools.islice(every, _CHUNK)):
        yield np.array(chunk)


def _random_swaps(sizes: NDArray[np.int64], resamples: int, seed: int) -> Iterator[Floats]:
    """Yield (chunk, kinds) numbers of units of each kind to swap."""
    rng = np.random.default_rng(seed)
    for first in range(0, resamples, _CHUNK):
        size = min(_CHUNK, resamples - first)
        yield rng.binomial(sizes, 0.5, size=(size, len(sizes))).astype(np.float64)
