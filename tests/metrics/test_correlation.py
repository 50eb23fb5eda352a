"""Correlations against their definitions and SciPy, with units left out one by one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from elmobench.analysis.stats.hierarchical import FoldInfluence, estimate_difference
from elmobench.core.errors import DataError
from elmobench.metrics.base import get_metric
from elmobench.metrics.influence import stack_influences

NAMES = ["pearson", "spearman"]
# Few distinct values, so that there are ties, constant sides and undefined scores.
few = st.sampled_from([-2.0, 0.0, 0.5, 3.0])
any_number = st.floats(-1e6, 1e6).map(lambda value: round(value, 6))
rows = st.lists(st.tuples(few | any_number, few | any_number), min_size=1, max_size=9)


def by_definition(name: str, gold: list[float], predicted: list[float]) -> float:
    """100 r from sums of products of exact deviations; of ranks for Spearman; NaN if undefined."""
    if name == "spearman":
        gold, predicted = (
            [sum(b < a for b in side) + (sum(b == a for b in side) + 1) / 2 for a in side]
            for side in (gold, predicted)
        )
    if len(gold) < 2 or len(set(gold)) == 1 or len(set(predicted)) == 1:
        return math.nan
    x, y = (np.array(side) - math.fsum(side) / len(side) for side in (gold, predicted))
    return 100 * float(math.fsum(x * y) / math.sqrt(math.fsum(x * x) * math.fsum(y * y)))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=80)
@given(rows=rows)
def test_scores_are_those_of_the_definition(name: str, rows: list[tuple[float, float]]) -> None:
    gold, predicted = (list(side) for side in zip(*rows, strict=True))
    scores = get_metric(name).compute(gold, predicted)
    expected = by_definition(name, gold, predicted)
    assert scores.primary == name
    assert scores.score == pytest.approx(0.0 if math.isnan(expected) else expected, abs=1e-6)
    error = sum((g - p) ** 2 for g, p in rows) / len(rows)
    assert scores.values["mse"] == pytest.approx(error)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=80)
@given(rows=rows, data=st.data())
def test_influence_leaves_out_one_unit_after_the_other(
    name: str, rows: list[tuple[float, float]], data: st.DataObject
) -> None:
    units = data.draw(st.lists(st.sampled_from("abcdefgh"), min_size=len(rows), max_size=len(rows)))
    gold, predicted = (list(side) for side in zip(*rows, strict=True))
    influence = get_metric(name).influence(gold, [predicted, gold], units)
    order = list(dict.fromkeys(units))
    assert influence.rows.shape[:2] == influence.pseudo_values.shape == (2, len(order))
    for run, answers in enumerate((predicted, gold)):
        whole = by_definition(name, gold, answers)
        assert influence.scores[run] == pytest.approx(0.0 if math.isnan(whole) else whole, abs=1e-6)
        for j, unit in enumerate(order):
            kept = [i for i, other in enumerate(units) if other != unit]
            without = by_definition(name, [gold[i] for i in kept], [answers[i] for i in kept])
            n = len(order)
            expected = whole if n == 1 else n * whole - (n - 1) * without
            assert influence.pseudo_values[run, j] == pytest.approx(expected, abs=1e-5, nan_ok=True)


@pytest.mark.parametrize("name", NAMES)
def test_many_examples_equal_scipy(name: str) -> None:
    draw = np.random.default_rng(3)
    gold = draw.normal(size=300).round(1)
    predicted = 1e-5 * gold + 1e-5 * draw.normal(size=300) + 7.0
    official = {"pearson": stats.pearsonr, "spearman": stats.spearmanr}[name]
    influence = get_metric(name).influence(
        gold.tolist(), [predicted.tolist()], list(map(str, range(300)))
    )
    assert influence.scores[0] == pytest.approx(100 * official(gold, predicted).statistic)
    for j in (0, 17, 299):
        without = 100 * official(np.delete(gold, j), np.delete(predicted, j)).statistic
        expected = 300 * influence.scores[0] - 299 * without
        assert influence.pseudo_values[0, j] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_one_example_with_nearly_all_the_variance(name: str) -> None:
    gold, predicted = [1.0, 2.0, 3.0, 5.0, 1e9], [2.0, 1.0, 4.0, 5.5, -1e9]
    influence = get_metric(name).influence(gold, [predicted], list("abcde"))
    for j in range(5):
        kept = [i for i in range(5) if i != j]
        without = by_definition(name, [gold[i] for i in kept], [predicted[i] for i in kept])
        expected = 5 * by_definition(name, gold, predicted) - 4 * without
        assert influence.pseudo_values[0, j] == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_extreme_numbers(name: str) -> None:
    huge = [1e99, -1e99, 5e98, 2e98]
    tiny = [value * 1e-190 for value in huge]
    assert get_metric(name).compute(huge, tiny).score == pytest.approx(100)


@pytest.mark.parametrize("name", NAMES)
def test_no_difference_to_a_constant_run_is_shown(name: str) -> None:
    draw = np.random.default_rng(1)
    gold = draw.normal(size=50).tolist()
    units = list(map(str, range(50)))
    runs = [gold, [1.5] * 50]
    left, right = (get_metric(name).influence(gold, [run], units) for run in runs)
    assert [left.scores[0], right.scores[0]] == pytest.approx([100.0, 0.0])
    estimate = estimate_difference([FoldInfluence(left, right)], paired=False)
    assert estimate.value == pytest.approx(100)
    assert estimate.variance is None
    assert estimate.p_value() == 1
    assert estimate.interval() == (-200, 200)


@pytest.mark.parametrize("name", NAMES)
def test_influences_of_single_runs_stack(name: str) -> None:
    gold, runs = [1.0, 2.0, 3.0], [[1.0, 3.0, 2.0], [2.0, 2.5, 9.0]]
    metric = get_metric(name)
    together = metric.influence(gold, runs, ["a", "b", "c"])
    alone = stack_influences([metric.influence(gold, [run], ["a", "b", "c"]) for run in runs])
    assert np.array_equal(together.pseudo_values, alone.pseudo_values)
    assert np.array_equal(together.rows, alone.rows)
    assert np.array_equal(together.scores, alone.scores)


UNITS = list(map(str, range(150)))


@pytest.mark.nightly
@pytest.mark.parametrize("name", NAMES)
def test_intervals_cover_the_true_difference(name: str) -> None:
    """Of 400 test sets of 150 examples, about 95 % of the intervals hold the true difference.

    Two systems on the same examples; the noise of both is correlated, as that of real ones is.
    """
    draw = np.random.default_rng(7)
    covered = 0
    for _ in range(400):
        gold, shared, own, others = draw.normal(size=(4, 150))
        left, right = gold + 0.5 * shared + 0.8 * own, gold + 0.5 * shared + 1.2 * others
        fold = FoldInfluence(
            *(
                get_metric(name).influence(gold.tolist(), [side.tolist()], UNITS)
                for side in (left, right)
            )
        )
        low, high = estimate_difference([fold], paired=False).interval()
        covered += low <= _true_difference(name) <= high
    # Two standard errors of a share of 400 are 2.2 points.
    assert 0.925 <= covered / 400 <= 0.975


def _true_difference(name: str) -> float:
    """Correlations of normal variables: ρ, and for ranks 6/π asin(ρ/2)."""
    left, right = 1 / math.sqrt(1 + 0.25 + 0.64), 1 / math.sqrt(1 + 0.25 + 1.44)
    if name == "spearman":
        left, right = (6 / math.pi * math.asin(rho / 2) for rho in (left, right))
    return 100 * (left - right)


@pytest.mark.parametrize(
    ("gold", "predicted", "message"),
    [
        ([1.0], [1.0, 2.0], "1 gold numbers but 2"),
        ([], [], "no examples"),
        ([1.0, "2"], [1.0, 2.0], "gold 1"),
        ([1.0, True], [1.0, 2.0], "gold 1"),
        ([1.0, 2.0], [1.0, math.nan], "predicted 1"),
        ([1.0, 2.0], [math.inf, 1.0], "predicted 0"),
    ],
    ids=["number", "empty", "text", "bool", "nan", "infinite"],
)
def test_wrong_annotations(gold: list[Any], predicted: list[Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        get_metric("pearson").compute(gold, predicted)


def test_examples_are_ordered_by_their_error() -> None:
    scores = get_metric("spearman").example_scores([1.0, 2.0], [[1.5, 2.0], [1.0, 4.0]])
    assert scores.tolist() == [[-0.5, 0.0], [0.0, -2.0]]
