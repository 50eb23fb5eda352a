"""Intervals and tests of an estimate, against SciPy's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from elmobench.analysis.stats.estimate import Estimate, Source, mean_estimate, mean_interval


def test_one_source_is_student() -> None:
    values = [1.0, 2.5, 0.5, 3.0]
    estimate = mean_estimate(values)
    expected = stats.ttest_1samp(values, 0.0)
    assert estimate.p_value() == pytest.approx(expected.pvalue)
    assert estimate.interval(0.9) == pytest.approx(tuple(expected.confidence_interval(0.9)))
    within = max(
        stats.ttest_1samp(values, 4.0, alternative="less").pvalue,
        stats.ttest_1samp(values, -4.0, alternative="greater").pvalue,
    )
    assert estimate.p_within(4.0) == pytest.approx(within)
    # Outside the margin the p-value is above one half.
    outside = stats.ttest_1samp(values, 1.0, alternative="less").pvalue
    assert estimate.p_within(1.0) == pytest.approx(outside)
    assert outside > 0.5


def test_two_sources_have_a_critical_value_between_theirs() -> None:
    estimate = Estimate(3.0, 1.0, (Source(0.75, 2), Source(0.25, 500)))
    critical = 0.75 * stats.t.isf(0.025, 2) + 0.25 * stats.t.isf(0.025, 500)
    assert estimate.interval() == pytest.approx((3 - critical, 3 + critical))
    # The p-value is the one at which the interval ends at zero.
    p = estimate.p_value()
    assert estimate.interval(1 - p)[0] == pytest.approx(0.0, abs=1e-8)


@pytest.mark.parametrize("value", [-2.0, 0.3, 1.0, 4.0])
@pytest.mark.parametrize("freedom", [2.0, 9.0, 1999.0])
def test_intervals_and_p_values_agree(value: float, freedom: float) -> None:
    estimate = Estimate(value, 0.4, (Source(0.3, freedom), Source(0.2, 30.0)))
    low, high = estimate.interval(0.95)
    assert (estimate.p_value() < 0.05) == (low > 0 or high < 0)
    low, high = estimate.interval(0.90)
    assert (estimate.p_within(2.0) < 0.05) == (low > -2.0 and high < 2.0)


@pytest.mark.parametrize("freedom", [1, 2, 3, 5, 9, 14, 50, 99, 1999, 1e6])
def test_p_values_fall_with_the_difference(freedom: float) -> None:
    """SciPy's quantiles fail for extreme probabilities; no ratio may reach them."""
    ratios = [0.0, 0.5, 1, 2, 5, 10, 30, 100, 1e4, 1e8]
    ps = [Estimate(ratio, 1.0, (Source(1.0, freedom),)).p_value() for ratio in ratios]
    expected = [min(1.0, 2 * stats.t.sf(ratio, freedom)) for ratio in ratios]
    assert ps == pytest.approx(expected, rel=1e-6, abs=1e-99)


def test_an_unknown_variance_shows_nothing() -> None:
    for estimate in (mean_estimate([2.0]), mean_estimate([2.0, 2.0, 2.0])):
        assert estimate.value == 2.0
        assert estimate.interval() == (-100.0, 100.0)
        assert (estimate.p_value(), estimate.p_within(50.0)) == (1.0, 1.0)


def test_rounded_values_have_a_smallest_variance() -> None:
    estimate = mean_estimate([3.0, 3.0, 3.0], smallest_variance=1 / 6)
    half = stats.t.isf(0.025, 2) * math.sqrt(1 / 18)
    assert estimate.interval() == pytest.approx((3 - half, 3 + half))


def test_interval_of_a_few_runs() -> None:
    assert mean_interval([1.0]) is None
    assert mean_interval([1.0, 1.0, 1.0]) is None
    expected = stats.t.interval(0.95, 2, 2.0, 1 / np.sqrt(3))
    assert mean_interval([1.0, 2.0, 3.0]) == pytest.approx(expected)
