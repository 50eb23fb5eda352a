"""The calibration: the simulation has the stated scores, and verdicts are seldom wrong."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.calibration.measure import measure
from benchmarks.calibration.simulation import BASE, Setting, score, simulate
from benchmarks.calibration.weights import CASES, measure_weights


@pytest.mark.parametrize("metric", ["accuracy", "f1"])
def test_simulated_runs_have_the_stated_mean_and_spread(metric: str) -> None:
    rng = np.random.default_rng(0)
    counts = simulate(Setting(metric, 300, 3.0, 0.5, 4000), 5.0, rng)
    left, right = score(metric, counts.sum(axis=2))
    assert left.mean() - right.mean() == pytest.approx(5.0, abs=1.5)  # the units vary as well
    assert right.mean() == pytest.approx(BASE, abs=1.5)
    assert left.std() == pytest.approx(3.0, rel=0.2)
    assert right.std() == pytest.approx(0.5, abs=0.35)


@pytest.mark.nightly
@pytest.mark.parametrize(
    "setting",
    [
        Setting("accuracy", 3, 1.5, 1.5, 500),
        Setting("f1", 3, 3.0, 3.0, 500),
        Setting("f1", 5, 3.0, 0.5, 500),
    ],
    ids=str,
)
def test_equal_systems_are_seldom_told_apart(setting: Setting) -> None:
    rates = measure(setting, 200, earlier=False)
    # The standard error of 5 % is 1.5 points.
    assert rates.type_one <= 9.5
    assert rates.false_tie <= 9.5
    assert rates.coverage >= 91


def test_one_seed_decides_nothing() -> None:
    rates = measure(Setting("accuracy", 1, 3.0, 3.0, 1000), 100, earlier=False)
    assert (rates.type_one, rates.power, rates.false_tie) == (0.0, 0.0, 0.0)
    # Its interval is about the run: it misses the systems' difference most of the time.
    assert rates.coverage < 80


@pytest.mark.nightly
def test_the_earlier_procedure_is_wrong_more_often() -> None:
    setting = Setting("accuracy", 3, 3.0, 3.0, 1000)
    now, before = (measure(setting, 80, earlier=earlier) for earlier in (False, True))
    assert before.small_p > 30
    assert now.type_one < before.type_one


@pytest.mark.nightly
@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("case", CASES)
def test_the_claim_about_layer_weights_is_seldom_wrong(case: str, seeds: int) -> None:
    rates = measure_weights(case, seeds, 500)
    assert rates.wrong <= 8.0  # the standard error of 5 % is 1 point


def test_the_earlier_claim_about_layer_weights_was_wrong_more_often() -> None:
    rates = measure_weights("three equal layers", 10, 500)
    assert rates.earlier_wrong > 15
