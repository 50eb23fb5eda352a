"""Error rates, coverage and power in one setting, of the procedure and of the earlier one."""

from __future__ import annotations

import zlib
from dataclasses import astuple, dataclass
from functools import partial

import numpy as np

from benchmarks.calibration.earlier import bootstrap_differences, interval, randomization_test
from benchmarks.calibration.simulation import Setting, score, simulate
from elmobench.analysis.stats.difference_row import ALPHA, Verdict, verdict_of
from elmobench.analysis.stats.hierarchical import FoldInfluence, estimate_difference

MARGIN = 1.0
"""Margin of negligible differences, in points."""
EFFECT = 3.0
"""Difference whose detection is the power, in points."""
RESAMPLES = 500
"""Resamples of the earlier procedure."""


@dataclass(frozen=True)
class Rates:
    """Shares of simulated experiments, in percent.

    Attributes:
        type_one: equal systems of which one is called better, negligibly or not.
        coverage: 95 % intervals that contain the difference, for equal systems and for systems
            that differ by :data:`EFFECT`.
        power: systems that differ by :data:`EFFECT` of which the right one is called better.
        small_p: equal systems with a p-value below 0.05.
        false_tie: differences as large as the margin that are called negligible.
    """

    type_one: float
    coverage: float
    power: float
    small_p: float
    false_tie: float


def measure(setting: Setting, experiments: int, *, earlier: bool) -> Rates:
    """Simulate ``experiments`` for each of three differences: none, :data:`EFFECT`, the margin.

    Args:
        setting: what is simulated.
        experiments: number of experiments.
        earlier: whether to judge them by the earlier procedure.
    """
    rng = np.random.default_rng(zlib.crc32(repr(astuple(setting)).encode()))
    judge = _earlier if earlier else _verdict
    equal = [judge(setting, 0.0, rng) for _ in range(experiments)]
    effect = [judge(setting, EFFECT, rng) for _ in range(experiments)]
    margin = [judge(setting, MARGIN, rng) for _ in range(experiments)]
    return Rates(
        type_one=_percent([o.better or o.worse for o in equal]),
        coverage=_percent([o.covers for o in (*equal, *effect)]),
        power=_percent([o.better for o in effect]),
        small_p=_percent([o.small_p for o in equal]),
        false_tie=_percent([o.negligible for o in margin]),
    )


@dataclass(frozen=True)
class _Outcome:
    """What one simulated experiment was found to show."""

    covers: bool
    small_p: bool
    better: bool
    worse: bool
    negligible: bool


def _verdict(setting: Setting, difference: float, rng: np.random.Generator) -> _Outcome:
    left, right = simulate(setting, difference, rng)
    counts = FoldInfluence.of_counts(left, right, partial(score, setting.metric))
    estimate = estimate_difference([counts], paired=False)
    low, high = estimate.interval()
    p = estimate.p_value()
    verdict: Verdict = "undecided"
    if setting.seeds > 1:
        verdict = verdict_of(estimate.value, p, estimate.p_within(MARGIN))
    return _Outcome(
        covers=low <= difference <= high,
        small_p=p < ALPHA,
        better=verdict.startswith("better"),
        worse=verdict.startswith("worse"),
        negligible=verdict == "tie" or verdict.endswith("negligible"),
    )


def _earlier(setting: Setting, difference: float, rng: np.random.Generator) -> _Outcome:
    left, right = simulate(setting, difference, rng)
    score_of = partial(score, setting.metric)
    draws = bootstrap_differences(left, right, score_of, resamples=RESAMPLES)
    low, high = interval(draws)
    inner = interval(draws, 1 - 2 * ALPHA)
    p = randomization_test(left, right, score_of, resamples=RESAMPLES).two_sided
    return _Outcome(
        covers=low <= difference <= high,
        small_p=p < ALPHA,
        better=p < ALPHA and low > 0,
        worse=p < ALPHA and high < 0,
        negligible=inner[0] > -MARGIN and inner[1] < MARGIN,
    )


def _percent(outcomes: list[bool]) -> float:
    return 100 * sum(outcomes) / len(outcomes)
