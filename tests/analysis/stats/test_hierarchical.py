"""The variance over seeds and units, against explicit loops, SciPy and the bootstrap."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from benchmarks.calibration.earlier import bootstrap_differences
from scipy import stats

from elmobench.analysis.stats.estimate import Estimate
from elmobench.analysis.stats.hierarchical import FoldInfluence, estimate_difference

Floats = np.ndarray


def accuracy(sums: Floats) -> Floats:
    return 100 * sums[..., 0] / sums[..., 1]


def f1(sums: Floats) -> Floats:
    return 200 * sums[..., 0] / np.maximum(sums[..., 1] + sums[..., 2], 1)


def answers(runs: int, units: int, share: float, seed: int) -> Floats:
    right = np.random.default_rng(seed).random((runs, units)) < share
    return np.stack([right, np.ones_like(right)], axis=-1).astype(float)


def entities(runs: int, units: int, share: float, seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    gold = np.random.default_rng(0).poisson(1.0, units)
    found = rng.binomial(gold, share, (runs, units))
    spurious = rng.poisson(0.3, (runs, units))
    return np.stack([found, found + spurious, np.broadcast_to(gold, found.shape)], -1).astype(float)


def estimate(left: Floats, right: Floats, **more: object) -> Estimate:
    given = {"paired": False, **more}
    return estimate_difference([FoldInfluence.of_counts(left, right, accuracy)], **given)  # type: ignore[arg-type]


def test_without_chance_it_is_the_paired_t_test_over_units() -> None:
    left, right = answers(1, 200, 0.7, 1), answers(1, 200, 0.6, 2)
    ours = estimate(left, right, fixed=(True, True))
    expected = stats.ttest_rel(100 * left[0, :, 0], 100 * right[0, :, 0])
    assert ours.value == pytest.approx(float(accuracy(left[0].sum(0)) - accuracy(right[0].sum(0))))
    assert ours.p_value() == pytest.approx(expected.pvalue)
    assert ours.interval() == pytest.approx(tuple(expected.confidence_interval()))
    # A single run of a system with chance: the same numbers, about these runs.
    assert estimate(left, right) == ours


def test_seeds_of_independent_runs_are_welch_s() -> None:
    left, right = answers(4, 300, 0.7, 1), answers(3, 300, 0.6, 2)
    seeds, _ = estimate(left, right).sources
    scores = accuracy(left.sum(1)), accuracy(right.sum(1))
    expected = stats.ttest_ind(*scores, equal_var=False)
    assert seeds.freedom == pytest.approx(expected.df)
    assert np.sqrt(seeds.variance) == pytest.approx(
        (scores[0].mean() - scores[1].mean()) / expected.statistic
    )


def two_way_variance(layout: list[list[float]]) -> tuple[float, float, float]:
    """Variance of the mean by the mean squares of a two-way layout: seeds, units, rest."""
    n, m = len(layout), len(layout[0])
    cells = list(itertools.product(range(n), range(m)))
    grand = sum(layout[i][j] for i, j in cells) / (n * m)
    runs = [sum(row) / m for row in layout]
    units = [sum(layout[i][j] for i in range(n)) / n for j in range(m)]
    ms_runs = m * sum((r - grand) ** 2 for r in runs) / (n - 1)
    ms_units = n * sum((u - grand) ** 2 for u in units) / (m - 1)
    ms_rest = sum((layout[i][j] - runs[i] - units[j] + grand) ** 2 for i, j in cells) / (
        (n - 1) * (m - 1)
    )
    return ms_runs / (n * m), ms_units / (n * m), ms_rest / (n * m)


def test_paired_runs_are_a_two_way_layout() -> None:
    left, right = answers(3, 40, 0.7, 1), answers(3, 40, 0.6, 2)
    layout = (100 * (left[..., 0] - right[..., 0])).tolist()
    runs, units, rest = two_way_variance(layout)
    ours = estimate(left, right, paired=True)
    assert [source.variance for source in ours.sources] == pytest.approx([runs, units])
    assert [source.freedom for source in ours.sources] == pytest.approx([2, 39])
    assert ours.variance == pytest.approx(max(runs, units, runs + units - rest))


def test_independent_runs_are_two_layouts() -> None:
    left, right = answers(3, 40, 0.7, 1), answers(5, 40, 0.6, 2)
    of_left = two_way_variance((100 * left[..., 0]).tolist())
    of_right = two_way_variance((100 * right[..., 0]).tolist())
    by_unit = 100 * (left[..., 0].mean(0) - right[..., 0].mean(0))
    units = by_unit.var(ddof=1) / 40
    runs, rest = of_left[0] + of_right[0], of_left[2] + of_right[2]
    ours = estimate(left, right)
    assert [source.variance for source in ours.sources] == pytest.approx([runs, units])
    assert ours.variance == pytest.approx(max(runs, units, runs + units - rest))
    # If one system has no chance, its runs are no source of variance.
    ours = estimate(left, right[:1], fixed=(False, True))
    assert ours.sources[0].variance == pytest.approx(of_left[0])


def test_f1_has_the_bootstrap_s_standard_error() -> None:
    left, right = entities(1, 400, 0.7, 1), entities(1, 400, 0.6, 2)
    ours = estimate_difference([FoldInfluence.of_counts(left, right, f1)], paired=False)
    draws = bootstrap_differences(left, right, f1, resamples=4000)
    assert ours.value == pytest.approx(float(f1(left[0].sum(0)) - f1(right[0].sum(0))))
    assert ours.variance is not None
    assert np.sqrt(ours.variance) == pytest.approx(draws.std(), rel=0.05)


def test_units_are_drawn_within_folds() -> None:
    """Each fold has its own spread; folds of unequal size have equal weight."""
    folds = [(answers(1, size, 0.7, size), answers(1, size, 0.5, -size % 97)) for size in (20, 50)]
    ours = estimate_difference(
        [FoldInfluence.of_counts(left, right, accuracy) for left, right in folds],
        paired=False,
        fixed=(True, True),
    )
    differences = [100 * (left[0, :, 0] - right[0, :, 0]) for left, right in folds]
    errors = [d.var(ddof=1) / len(d) / 4 for d in differences]
    assert ours.value == pytest.approx(np.mean([d.mean() for d in differences]))
    assert ours.variance == pytest.approx(sum(errors))
    freedom = sum(errors) ** 2 / sum(
        e**2 / (len(d) - 1) for e, d in zip(errors, differences, strict=True)
    )
    assert ours.sources[0].freedom == pytest.approx(freedom)


def test_folds_of_one_unit_serve_as_units() -> None:
    """Ten folds of one document, in each of which one system is better by five points."""
    left = [np.array([[[65.0 + i % 3, 100.0]]] * 2) for i in range(10)]
    right = [np.array([[[60.0 + i % 2, 100.0]]] * 2) for i in range(10)]
    ours = estimate_difference(
        [FoldInfluence.of_counts(a, b, accuracy) for a, b in zip(left, right, strict=True)],
        paired=False,
    )
    expected = [5.0 + i % 3 - i % 2 for i in range(10)]
    assert ours.value == pytest.approx(np.mean(expected))
    assert ours.sources[-1].variance == pytest.approx(np.var(expected, ddof=1) / 10)
    assert ours.sources[-1].freedom == 9


def test_one_unit_shows_nothing() -> None:
    ours = estimate(answers(3, 1, 1.0, 1), answers(3, 1, 0.0, 1))
    assert (ours.value, ours.variance, ours.p_value()) == (100.0, None, 1.0)


def test_a_score_that_is_undefined_without_a_unit_shows_nothing() -> None:
    def undefined(sums: Floats) -> Floats:
        return np.where(sums[..., 1] < 10, np.nan, accuracy(sums))

    left, right = answers(3, 10, 0.9, 1), answers(3, 10, 0.1, 2)
    ours = estimate_difference([FoldInfluence.of_counts(left, right, undefined)], paired=False)
    assert ours.value == pytest.approx(accuracy(left.sum((0, 1))) - accuracy(right.sum((0, 1))))
    assert (ours.variance, ours.p_value(), ours.interval()) == (None, 1.0, (-100.0, 100.0))


def test_equal_answers_show_a_tie_only_on_many_units() -> None:
    """None of m units differs: the true share may be 3 / m (the rule of three)."""
    few, many = (answers(3, units, 0.6, 1) for units in (100, 1000))
    assert estimate(few, few, paired=True).p_within(1.0) > 0.05
    assert estimate(many, many, paired=True).p_within(1.0) < 0.05
    low, high = estimate(many, many, paired=True).interval()
    assert high == -low == pytest.approx(100 * 2.77 / 1000, rel=0.01)
    # Nor does a system that is right on all of three units prove much.
    three = estimate(answers(3, 3, 1.0, 1), answers(3, 3, 0.0, 1))
    assert three.value == 100.0
    assert three.p_value() > 0.05


@pytest.mark.parametrize("gap", [0.0, 0.25])
def test_rounding_is_no_spread_over_units(gap: float) -> None:
    """Counts that are fractions (F1 of answers): their means over 5 and 7 runs are rounded."""
    for seed in range(5):
        share = np.random.default_rng(seed).random(7) / 2
        one = np.stack([share, np.ones(7)], axis=-1)
        other = np.stack([share + gap, np.ones(7)], axis=-1)
        ours = estimate(np.repeat(one[None], 5, axis=0), np.repeat(other[None], 7, axis=0))
        assert ours.variance == pytest.approx(2 * (100 / 7) ** 2)
        assert ours.p_within(1.0) > 0.4


@pytest.mark.parametrize("units", [2, 3, 5, 10])
def test_few_units_seldom_show_a_tie(units: int) -> None:
    """Two systems that differ by the margin, on documents with scores between 0 and 100."""
    rng = np.random.default_rng(units)
    ties = 0
    for _ in range(400):
        level = rng.normal(60, 8, (1, units))
        left, right = (
            np.stack([level + rng.normal(shift, 2, (3, units)), np.full((3, units), 100.0)], -1)
            for shift in (1.0, 0.0)
        )
        ties += estimate(left, right).p_within(1.0) < 0.05
    assert ties / 400 <= 0.085
