"""Verdicts on published scores, held against scipy's t tests."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from elmobench.analysis.tables.published_verdict import decide

SPREAD = {"sd": 0.5, "seeds": 5}


def verdict(scores: list[float], margin: float = 1.0, **published: float | int | bool) -> str:
    return decide(scores, 53.0, margin=margin, **published).verdict  # type: ignore[arg-type]


def test_reproduced_needs_an_interval_within_the_margin() -> None:
    assert verdict([53.1, 52.9, 53.0]) == "reproduced"
    # The mean is the same, but three such seeds do not show it.
    decision = decide([51.0, 53.0, 55.0], 53.0, margin=1.0)
    assert decision.verdict == "undecided"
    assert decision.reason == "the interval includes zero and reaches beyond the margin"
    assert verdict([50.0, 50.2, 49.9]) == "missed"
    assert verdict([56.0, 56.2, 55.9]) == "missed"


def test_different_within_the_margin_is_reproduced_and_says_so() -> None:
    decision = decide([53.3, 53.31, 53.29], 53.0, margin=1.0)
    assert decision.verdict == "reproduced"
    assert decision.interval is not None
    assert decision.interval[0] > 0
    assert decision.reason == "different, but within the margin of 1.0 points"
    assert decide([53.1, 52.9, 53.0], 53.0, margin=1.0).reason is None
    assert verdict([53.3, 53.31, 53.29], margin=0.2) == "missed"


def test_one_seed_decides_nothing() -> None:
    for score in (53.0, 20.0):
        decision = decide([score], 53.0, margin=1.0)
        assert (decision.verdict, decision.reason) == ("undecided", "one seed")
        assert decision.difference == score - 53.0
        assert decision.interval is None


def test_equal_scores_do_not_show_a_spread() -> None:
    # 54.7 three times has a variance that is not exactly zero in floating point.
    for scores in ([53.0] * 3, [54.7] * 3, [20.0] * 5):
        for published in ({}, SPREAD):
            decision = decide(scores, 53.0, margin=1.0, **published)
            assert decision.verdict == "undecided"
            assert decision.reason is not None
            assert decision.reason.startswith(f"{len(scores)} equal scores")
            assert decision.interval is None


def test_a_head_without_chance_has_no_spread() -> None:
    for scores in ([53.4], [53.4] * 3):
        decision = decide(scores, 53.0, margin=1.0, exact=True)
        assert decision.verdict == "reproduced"
        assert decision.interval == pytest.approx((0.4, 0.4))
    assert verdict([55.0], exact=True) == "missed"
    assert verdict([53.0], exact=True) == "reproduced"
    # The published score's own spread remains.
    decision = decide([53.4], 53.0, margin=1.0, exact=True, **SPREAD)
    half = stats.t.ppf(0.975, 4) * 0.5 / 5**0.5
    assert decision.interval == pytest.approx((0.4 - half, 0.4 + half))
    # Scores that differ depend on chance after all.
    assert verdict([53.0, 20.0], exact=True) == "undecided"


def test_a_spread_without_seeds_counts_as_exact() -> None:
    ours = [53.1, 52.9, 53.2]
    exact = decide(ours, 53.0, margin=1.0)
    assert decide(ours, 53.0, margin=1.0, sd=0.5) == exact
    assert decide(ours, 53.0, margin=1.0, seeds=5) == exact
    assert decide(ours, 53.0, margin=1.0, **SPREAD) != exact


SAMPLES = [
    np.random.default_rng(seed).normal(53.4, sd, n).tolist()
    for seed, (n, sd) in enumerate(itertools.product((2, 3, 5, 10), (0.05, 0.4, 2.0)))
]


@pytest.mark.parametrize("ours", SAMPLES)
def test_the_interval_is_scipy_s(ours: list[float]) -> None:
    found = decide(ours, 53.0, margin=1.0).interval
    scipy = stats.ttest_1samp(ours, 53.0).confidence_interval(0.95)
    assert found == pytest.approx((scipy.low - 53.0, scipy.high - 53.0))


@pytest.mark.parametrize("ours", SAMPLES)
def test_welch_s_interval_is_where_scipy_s_test_has_5_percent(ours: list[float]) -> None:
    found = decide(ours, 53.0, margin=1.0, **SPREAD).interval
    assert found is not None
    for bound in found:
        assert _welch(ours, 53.0 + bound).pvalue == pytest.approx(0.05)


@pytest.mark.parametrize("published", [{}, SPREAD], ids=["exact", "spread"])
@pytest.mark.parametrize("ours", SAMPLES)
def test_the_verdict_is_that_of_scipy_s_tests(
    ours: list[float], published: dict[str, float]
) -> None:
    margin = 1.0

    def p(null: float, alternative: str) -> float:
        if published:
            return float(_welch(ours, null, alternative).pvalue)
        return float(stats.ttest_1samp(ours, null, alternative=alternative).pvalue)

    equivalent = p(53.0 - margin, "greater") < 0.05 and p(53.0 + margin, "less") < 0.05
    different = p(53.0, "two-sided") < 0.05
    expected = "reproduced" if equivalent else "missed" if different else "undecided"
    assert decide(ours, 53.0, margin=margin, **published).verdict == expected  # type: ignore[arg-type]


def test_the_samples_have_every_verdict() -> None:
    assert {verdict(ours) for ours in SAMPLES} == {"reproduced", "missed", "undecided"}


def _welch(ours: list[float], null: float, alternative: str = "two-sided"):  # type: ignore[no-untyped-def]
    """Test that our mean minus the published one, whose mean is set to ``null``, is zero."""
    return stats.ttest_ind_from_stats(
        *(np.mean(ours), np.std(ours, ddof=1), len(ours)),
        *(null, SPREAD["sd"], SPREAD["seeds"]),
        equal_var=False,
        alternative=alternative,
    )
