"""Tests and intervals for a difference between two systems on the same examples.

Approximate randomisation: Noreen 1989; Yeh, COLING 2000. Bootstrap: Efron and Tibshirani 1993.
McNemar's test with the mid-p value: Fagerland, Lydersen and Laake 2013. Holm 1979.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Score = Callable[[Floats], Floats]

_EXACT_UNITS = 14
_CHUNK = 512
# Differences of scores that are equal but for the order of their sums.
_EQUAL = 1e-9


def p_text(p: float) -> str:
    """A p-value as people write it: ``0.013``, ``< 0.001``."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


@dataclass(frozen=True)
class PValue:
    """A p-value and where it comes from.

    Attributes:
        two_sided: of the difference in either direction.
        one_sided: of a difference at least as large in the observed direction.
        resamples: how many assignments were drawn; 0 if all were enumerated.
    """

    two_sided: float
    one_sided: float
    resamples: int


def randomization_test(
    left: Floats, right: Floats, score: Score, *, resamples: int = 10_000, seed: int = 1
) -> PValue:
    """How often swapping the two systems' outputs at random gives as large a difference.

    A unit is swapped in all runs at once. All assignments are enumerated where there are at
    most 14 units; otherwise p is ``(c + 1) / (resamples + 1)``. Differences that are equal to
    the observed one count, as scores are discrete.

    Args:
        left, right: (runs, units, K) counts of each system; run i is paired with run i.
        score: sums (..., K) to scores (...).
        resamples: assignments to draw.
        seed: of the random numbers.

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
    large = large_side = total = 0
    for swapped in source:
        # sums of the first system: right where swapped, else left
        first = ours + np.einsum("su,ruk->srk", swapped, change, optimize=True)
        found = np.mean(score(first) - score(both - first), axis=1)
        large += int(np.sum(np.abs(found) >= abs(observed) - _EQUAL))
        large_side += int(np.sum(np.sign(observed or 1.0) * found >= abs(observed) - _EQUAL))
        total += len(found)
    if exact:
        return PValue(large / total, large_side / total, 0)
    return PValue((large + 1) / (total + 1), (large_side + 1) / (total + 1), total)


def bootstrap_differences(
    left: Floats,
    right: Floats,
    score: Score,
    *,
    paired_runs: bool = True,
    resamples: int = 10_000,
    seed: int = 1,
) -> Floats:
    """Differences between the systems in resampled test sets and resampled runs.

    The hierarchical bootstrap: each resample draws test units with replacement, the same for
    both systems, and runs (seeds) with replacement, so that the spread holds both sources of
    chance. With few runs it is too narrow about them: three say little about a fourth.

    Args:
        left: (R, units, K) counts of the first system's runs.
        right: (S, units, K) counts of the second's.
        score: sums (..., K) to scores (...).
        paired_runs: draw the same runs for both; needs R = S.
        resamples: how many.
        seed: of the random numbers.

    Returns:
        (resamples,) mean over the drawn runs of the scores of ``left`` less those of ``right``.
    """
    rng = np.random.default_rng(seed)
    units = left.shape[1]
    kinds, sizes = _kinds(np.concatenate([left, right]))
    left, right = kinds[: len(left)], kinds[len(left) :]
    found = []
    for first in range(0, resamples, _CHUNK):
        size = min(_CHUNK, resamples - first)
        weights = rng.multinomial(units, sizes / units, size=size).astype(np.float64)
        ours = _drawn(score, weights, left)
        theirs = _drawn(score, weights, right)
        picks = rng.integers(len(left), size=(size, len(left)))
        others = picks if paired_runs else rng.integers(len(right), size=(size, len(right)))
        found.append(
            np.take_along_axis(ours, picks, axis=1).mean(axis=1)
            - np.take_along_axis(theirs, others, axis=1).mean(axis=1)
        )
    return np.concatenate(found)


def interval(draws: Floats, level: float = 0.95) -> tuple[float, float]:
    """The percentile interval of bootstrap draws."""
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def mean_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float] | None:
    """Student's interval for the mean of a few runs; None for fewer than two."""
    if len(values) < 2:
        return None
    half = float(stats.sem(values) * stats.t.ppf((1 + level) / 2, len(values) - 1))
    mean = float(np.mean(values))
    return mean - half, mean + half


@dataclass(frozen=True)
class McNemar:
    """McNemar's test on ``b`` examples that only one system has right and ``c`` only the other.

    Attributes:
        exact: two-sided exact conditional p.
        midp: the mid-p, which is less conservative.
        chi2, p_chi2: the statistic without correction and its p; NaN without a difference.
        chi2_cc, p_cc: with continuity correction.
    """

    exact: float
    midp: float
    chi2: float
    p_chi2: float
    chi2_cc: float
    p_cc: float


def mcnemar(b: int, c: int) -> McNemar:
    """McNemar's test of ``b`` against ``c`` discordant examples."""
    total, few = b + c, min(b, c)
    if total == 0:
        nan = float("nan")
        return McNemar(1.0, 1.0, nan, nan, nan, nan)
    exact = min(1.0, 2 * float(stats.binom.cdf(few, total, 0.5)))
    midp = exact - float(stats.binom.pmf(few, total, 0.5))
    if b == c:
        midp = 1 - float(stats.binom.pmf(few, total, 0.5))
    chi2 = (b - c) ** 2 / total
    corrected = max(0, abs(b - c) - 1) ** 2 / total
    return McNemar(
        exact,
        midp,
        chi2,
        float(stats.chi2.sf(chi2, 1)),
        corrected,
        float(stats.chi2.sf(corrected, 1)),
    )


def holm(pvalues: Sequence[float]) -> list[float]:
    """P-values corrected for their number, in the given order, by Holm's step-down method."""
    corrected = [0.0] * len(pvalues)
    largest = 0.0
    for rank, i in enumerate(sorted(range(len(pvalues)), key=pvalues.__getitem__)):
        largest = max(largest, min(1.0, (len(pvalues) - rank) * pvalues[i]))
        corrected[i] = largest
    return corrected


def _drawn(score: Score, weights: Floats, counts: Floats) -> Floats:
    """(resamples, runs) scores of the weighted units."""
    return np.stack([score(weights @ run) for run in counts], axis=1)


def _kinds(counts: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Units whose counts are equal throughout, as one: (runs, kinds, K), and units of each.

    To draw how many of a kind are taken is the same as to draw them one by one, and quicker.
    """
    flat = counts.transpose(1, 0, 2).reshape(counts.shape[1], -1)
    distinct, sizes = np.unique(flat, axis=0, return_counts=True)
    shape = (len(distinct), counts.shape[0], counts.shape[2])
    return distinct.reshape(shape).transpose(1, 0, 2), sizes


def _all_swaps(units: int) -> Iterator[Floats]:
    every = itertools.product((0.0, 1.0), repeat=units)
    while chunk := list(itertools.islice(every, _CHUNK)):
        yield np.array(chunk)


def _random_swaps(sizes: NDArray[np.int64], resamples: int, seed: int) -> Iterator[Floats]:
    """How many units of each kind are swapped."""
    rng = np.random.default_rng(seed)
    for first in range(0, resamples, _CHUNK):
        size = min(_CHUNK, resamples - first)
        yield rng.binomial(sizes, 0.5, size=(size, len(sizes))).astype(np.float64)
