"""The resampling procedure of the calibration against enumeration and known distributions."""

from __future__ import annotations

import itertools
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from benchmarks.calibration.earlier import bootstrap_differences, interval, randomization_test
from scipy import stats


def total(sums: np.ndarray) -> np.ndarray:
    return sums[..., 0]


def one_run(values: list[float]) -> np.ndarray:
    return np.array(values, dtype=np.float64).reshape(1, -1, 1)


@pytest.fixture
def cases(shared: Path) -> dict:
    return json.loads((shared / "fixtures/scorers/significance_cases.json").read_text("utf-8"))


@pytest.mark.shared
def test_exact_randomisation_equals_reference_values(cases: dict) -> None:
    for case in cases["exhaustive_ar"]:
        d = case["d"]
        p = randomization_test(one_run(d), one_run([0] * len(d)), total)
        assert p.resamples == 0
        assert p.two_sided == float(Fraction(case["two_sided_ge"])), case["name"]
        assert p.one_sided == float(Fraction(case["one_sided_ge"])), case["name"]


def test_randomisation_by_enumeration_of_f1() -> None:
    rng = np.random.default_rng(3)
    left = rng.integers(0, 3, size=(2, 6, 3)).astype(float)
    right = rng.integers(0, 3, size=(2, 6, 3)).astype(float)

    def score(sums: np.ndarray) -> np.ndarray:
        return 200 * sums[..., 0] / np.maximum(sums[..., 1] + sums[..., 2], 1)

    def difference(swapped: tuple[bool, ...]) -> float:
        runs = []
        for run in range(2):
            a, b = np.zeros(3), np.zeros(3)
            for unit, swap in enumerate(swapped):
                a += right[run, unit] if swap else left[run, unit]
                b += left[run, unit] if swap else right[run, unit]
            runs.append(float(score(a) - score(b)))
        return sum(runs) / 2

    every = [difference(s) for s in itertools.product((False, True), repeat=6)]
    seen = abs(difference((False,) * 6))
    expected = sum(abs(d) >= seen - 1e-12 for d in every) / len(every)
    assert randomization_test(left, right, score).two_sided == pytest.approx(expected)


def test_random_assignments_approximate_the_exact_p() -> None:
    # The sign-flip test of +-1 values is a binomial: 20 units, 14 of them for the left.
    d = [1.0] * 14 + [-1.0] * 6
    exact = 2 * stats.binom.sf(13, 20, 0.5)
    p = randomization_test(one_run(d), one_run([0.0] * 20), total, resamples=20_000)
    assert p.resamples == 20_000
    assert p.two_sided == pytest.approx(exact, abs=0.012)


def test_no_difference_gives_p_one() -> None:
    same = one_run([1.0, 0.0] * 20)
    assert randomization_test(same, same, total, resamples=500).two_sided == 1.0
    assert np.all(bootstrap_differences(same, same, total, resamples=100) == 0)


def test_bootstrap_of_a_mean_has_its_standard_error() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(0.3, 1.0, size=400)

    def mean(sums: np.ndarray) -> np.ndarray:
        return sums[..., 0] / sums[..., 1]

    left = np.stack([values, np.ones(400)], axis=-1)[None]
    right = np.stack([np.zeros(400), np.ones(400)], axis=-1)[None]
    draws = bootstrap_differences(left, right, mean, resamples=4000)
    low, high = interval(draws)
    assert draws.std() == pytest.approx(values.std() / 20, rel=0.05)
    assert low == pytest.approx(values.mean() - 1.96 * values.std() / 20, abs=0.02)
    assert high == pytest.approx(values.mean() + 1.96 * values.std() / 20, abs=0.02)


def test_bootstrap_spread_includes_that_of_the_runs() -> None:
    # All units are equal, so that only the drawn runs vary.
    left = np.stack([np.full((50, 1), v) for v in (1.0, 2.0, 3.0)])
    right = np.stack([np.full((50, 1), v) for v in (1.0, 1.0, 1.0)])
    draws = bootstrap_differences(left, right, total, resamples=5000)
    assert draws.std() / 50 == pytest.approx(np.std([0, 1, 2]) / np.sqrt(3), rel=0.05)
    # Runs are paired, so that equal systems do not differ in any resample.
    assert np.all(bootstrap_differences(left, left, total, resamples=50) == 0)
