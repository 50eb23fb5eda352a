"""The choice among the candidates of a hyper-parameter search."""

from __future__ import annotations

import math

import numpy as np
import pytest

from elmobench.bench.experiment.grid import grid
from elmobench.bench.experiment.schema import parse_experiment
from elmobench.bench.search import SearchResult, candidates, choose, default_values
from elmobench.metrics.base import get_metric
from elmobench.metrics.influence import CountInfluence

RATES = [{"training.lr": lr} for lr in (0.1, 0.2, 0.3)]
DEFAULT = {"training.lr": 0.2}


def picked(right: list[list[bool]], default: dict[str, float] = DEFAULT) -> SearchResult:
    """The choice among systems that are right on these examples of dev."""
    gold = ["yes"] * len(right[0])
    answers = [["yes" if ok else "no" for ok in row] for row in right]
    metric = get_metric("accuracy")
    scores = [metric.compute(gold, row).score for row in answers]
    units = [str(i) for i in range(len(gold))]
    return choose(RATES[: len(right)], scores, default, metric.influence(gold, answers, units))


def row(correct: int, of: int = 100, start: int = 0) -> list[bool]:
    return [start <= i < start + correct for i in range(of)]


def test_a_clear_winner_is_chosen() -> None:
    result = picked([row(90), row(50), row(60)])
    assert result.chosen == RATES[0]
    assert [score.near_tie for score in result.scores] == [True, False, False]
    assert result.index == 0


def test_the_error_is_that_of_the_paired_difference() -> None:
    first, second = row(60), row(58, start=5)
    result = picked([first, second])
    differences = 100.0 * (np.array(first, dtype=float) - np.array(second, dtype=float))
    assert result.scores[1].error == pytest.approx(differences.std(ddof=1) / math.sqrt(100))
    assert result.scores[0].error == 0.0


def test_the_default_wins_a_near_tie_then_the_smaller_value() -> None:
    # Two instances apart, on other examples: within one standard error.
    near = [row(50), row(50, start=3), row(52, start=6)]
    assert picked(near).chosen == RATES[1]
    assert picked(near, {"training.lr": 9.0}).chosen == RATES[0]
    # Two instances apart, of nested answers: more than one standard error.
    assert picked([row(50), row(50), row(52)]).chosen == RATES[2]


def test_undefined_errors_leave_the_best_score() -> None:
    undefined = CountInfluence(np.ones((2, 3, 1)), lambda sums: np.full(sums.shape[:-1], math.nan))
    result = choose(RATES[:2], [50.0, 60.0], {"training.lr": 0.1}, undefined)
    assert result.chosen == RATES[1]


def test_more_default_values_win_a_near_tie() -> None:
    choices = [
        {"options.dropout": dropout, "training.lr": lr}
        for dropout in (0.0, 0.3)
        for lr in (0.01, 0.1)
    ]
    default = {"options.dropout": 0.0, "training.lr": 0.001}
    result = choose(choices, [50.0, 50.0, 50.0, 50.0], default, None)
    assert result.chosen == choices[0]
    # The default dropout is preferred to a smaller rate.
    result = choose(choices, [40.0, 50.0, 50.0, 50.0], default, None)
    assert result.chosen == choices[1]


def test_without_counts_only_equal_scores_are_near_ties() -> None:
    result = choose(RATES, [50.0, 50.1, 50.1], {"training.lr": 0.1}, None)
    assert result.chosen == RATES[1]
    assert [score.error for score in result.scores] == [None] * 3
    # One unit has no spread either.
    counts = CountInfluence(
        np.array([[[1.0, 2.0]], [[2.0, 2.0]]]), lambda s: 100 * s[..., 0] / s[..., 1]
    )
    assert choose(RATES[:2], [50.0, 100.0], {"training.lr": 0.1}, counts).chosen == RATES[1]


def test_a_diverging_candidate_is_never_chosen() -> None:
    counts = CountInfluence(np.tile([0.0, 1.0], (1, 4, 1)), lambda s: 100 * s[..., 0] / s[..., 1])
    result = choose(RATES, [None, 0.0, None], {"training.lr": 0.1}, counts)
    assert result.chosen == RATES[1]
    assert [score.near_tie for score in result.scores] == [False, True, False]
    assert result.as_json()["dev"][0] == {
        "candidate": RATES[0],
        "score": None,
        "error": None,
        "near_tie": False,
    }


@pytest.mark.parametrize(
    "pipeline", ["sentiment", "ner", "pos", "chunking", "nli", "srl", "qa", "wsd", "coref"]
)
def test_every_probe_has_the_same_grid_with_its_default_in_it(pipeline: str) -> None:
    experiment = parse_experiment(
        {"name": "t", "tasks": ["s"], "features": ["random"], "heads": ["linear"]}
    )
    cell = next(grid(experiment, {"s": pipeline}))
    assert {name: tuple(values) for name, values in cell.training.grid.items()} == {
        "training.lr": (1e-4, 1e-3, 1e-2, 1e-1),
        "options.dropout": (0.0, 0.3),
    }
    assert default_values(cell) in candidates(cell.training)
