"""Published numbers: their data, and the verdicts of comparisons with them."""

from __future__ import annotations

import math
from typing import Any

import made_up
import pytest

from elmobench.analysis.tables.published import (
    PublishedNumber,
    compare_with_published,
    published_numbers,
)
from elmobench.bench.experiment.grid import grid
from elmobench.bench.experiment.schema import Axes, load_experiment
from elmobench.data.cards.catalog import CardCatalog
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.features.spec import parse_features
from elmobench.tasks.registries import HEADS, PIPELINES
from elmobench.tracking.record import Result, RunRecord


def record(score: float, seed: int = 1, **changes: Any) -> RunRecord:
    values: dict[str, Any] = {
        "cell": f"{seed:064d}",
        "experiment": "e",
        "task": "sentiment/sst5",
        "pipeline": "sentiment",
        "features": "elmo-original-5.5b",
        "head": "paper",
        "seed": seed,
        "axes": {},
        "identity": {},
        "status": "ok",
        **changes,
    }
    result = Result(
        metric="accuracy",
        primary="accuracy",
        test={"accuracy": score},
        dev={"accuracy": score + 1},
        per_class={},
        best_epoch=1,
        predictions_digest="",
        layer_weights={},
        curve=[],
    )
    return RunRecord(**values, result=result)


def number(**changes: Any) -> PublishedNumber:
    return PublishedNumber.model_validate(
        {
            "pipeline": "sentiment",
            "dataset": "SST-5",
            "card": "sentiment/sst5",
            "metric": "accuracy",
            "score": 53.0,
            "system": "s",
            "source": "A 2020, https://a.b/",
            "like": {"features": ["elmo-original-5.5b"], "head": "paper"},
            **changes,
        }
    )


def verdict(scores: list[float], published: PublishedNumber, margin: float = 1.0) -> str:
    records = [record(score, seed) for seed, score in enumerate(scores)]
    (row,) = compare_with_published(records, margin, [published])
    return row.verdict


def test_numbers_name_existing_cards_heads_models_and_axes() -> None:
    cards = CardCatalog().by_id
    catalog = ModelCatalog()
    for one in published_numbers():
        assert one.pipeline in PIPELINES
        if one.card is not None:
            assert cards[one.card].pipeline == one.pipeline
        if one.like is not None:
            assert one.card is not None
            assert f"{one.pipeline}/{one.like.head}" in HEADS
            for spec in one.like.features:
                for part in parse_features(spec).parts:
                    catalog.entry(part.name)
            Axes.model_validate({name: [value] for name, value in one.like.axes.items()})
        assert 0 < one.score < 100


def test_numbers_are_distinct() -> None:
    keys = [(n.dataset, n.split, n.system, n.source, n.table) for n in published_numbers()]
    assert len(set(keys)) == len(keys) == 68


def test_reproduced_needs_an_interval_within_the_margin() -> None:
    assert verdict([53.1, 52.9, 53.0], number()) == "reproduced"
    # The mean is the same, but three such seeds do not show it.
    assert verdict([51.0, 53.0, 55.0], number()) == "undecided"
    assert verdict([53.0], number()) == "undecided"
    assert verdict([50.0, 50.2, 49.9], number()) == "missed"
    assert verdict([56.0, 56.2, 55.9], number()) == "missed"
    # The difference is significant and smaller than the margin.
    assert verdict([53.3, 53.31, 53.29], number()) == "reproduced"


def test_interval_of_the_difference_is_by_welch() -> None:
    published = number(sd=0.5, seeds=5)
    records = [record(score, seed) for seed, score in enumerate([53.0, 54.0, 55.0])]
    (row,) = compare_with_published(records, 1.0, [published])
    # Variances of the means 1/3 and 0.05: 2.64 degrees of freedom, whose t is 3.4478 (found by
    # integrating the density).
    one, two = 1 / 3, 0.05
    freedom = (one + two) ** 2 / (one**2 / 2 + two**2 / 4)
    half = _t_quantile(freedom) * math.sqrt(one + two)
    assert row.difference == pytest.approx(1.0)
    assert row.low == pytest.approx(1.0 - half, abs=2e-3)
    assert row.high == pytest.approx(1.0 + half, abs=2e-3)


def _t_quantile(freedom: float) -> float:
    """97.5 % of Student's t, by summing its density."""
    log_scale = (
        math.lgamma((freedom + 1) / 2)
        - math.lgamma(freedom / 2)
        - 0.5 * math.log(freedom * math.pi)
    )
    step, x, total = 1e-4, 0.0, 0.5
    while total < 0.975:
        middle = x + step / 2
        total += step * math.exp(
            log_scale - (freedom + 1) / 2 * math.log1p(middle * middle / freedom)
        )
        x += step
    return x


def test_other_data_and_other_models_are_not_compared() -> None:
    (row,) = compare_with_published([record(53.0)], 1.0, [number(card=None)])
    assert (row.verdict, row.ours) == ("other data", ())
    other = number(like={"features": ["elmo-original"], "head": "paper"})
    assert compare_with_published([record(53.0)], 1.0, [other])[0].verdict == "other model"
    assert (
        compare_with_published([record(53.0, head="small")], 1.0, [number()])[0].verdict
        == "other model"
    )
    part = record(53.0, axes={"train_fraction": 0.5})
    assert compare_with_published([part], 1.0, [number()])[0].verdict == "other model"
    # An axis at its default matches; an axis that the number names must be present.
    full = record(53.0, axes={"train_fraction": 1.0, "mix": "uniform"})
    uniform = number(
        like={"features": ["elmo-original-5.5b"], "head": "paper", "axes": {"mix": "uniform"}}
    )
    assert compare_with_published([full], 1.0, [uniform])[0].ours == (53.0,)
    assert compare_with_published([record(53.0)], 1.0, [uniform])[0].verdict == "other model"
    assert not compare_with_published(
        [record(53.0, task="sentiment/control-sentiment")], 1.0, [number()]
    )


def test_tasks_of_users_are_not_compared_with_other_data() -> None:
    other = number(card="sentiment/sst2")
    assert [row.verdict for row in compare_with_published([record(50.0)], 1.0, [other])] == [
        "other data"
    ]
    assert compare_with_published([record(50.0, task="sentiment/reviews")], 1.0, [other]) == []


def test_a_dev_number_is_compared_with_dev_scores() -> None:
    (row,) = compare_with_published([record(53.0)], 1.0, [number(split="dev")])
    assert row.ours == (54.0,)


@pytest.mark.parametrize("table", ["1", "2", "3"])
def test_the_paper_experiments_match_its_numbers(table: str) -> None:
    experiment = load_experiment(f"paper/table{table}")
    pipelines = {task: CardCatalog().by_id[task].pipeline for task in experiment.tasks}
    records = []
    for cell in grid(experiment, pipelines):
        made = made_up.record(
            cell.features, cell.seed, made_up.predictions(3), cell.axes, task=cell.task
        )
        assert made.result is not None
        scores = {"accuracy": 50.0, "f1": 60.0}
        parts = {part.label: {"s": None if "glove" in part.label else [1.0]} for part in cell.parts}
        result = made.result.model_copy(
            update={"test": scores, "dev": scores, "layer_weights": {"input": parts}}
        )
        # Without layers to mix, all points of the grid are one cell.
        name = made.cell if "elmo" in cell.features else f"{cell.task} {cell.seed}"
        changed = {"head": cell.head, "result": result, "cell": name}
        records.append(made.model_copy(update=changed))
    rows = [
        row
        for row in compare_with_published(records, 1.0)
        if (row.number.table, row.number.card) == (table, row.task)
        and row.number.source.startswith("Peters")
    ]
    assert len(rows) == {"1": 4, "2": 8, "3": 6}[table]
    for row in rows:
        # Each seed once: no other point of the grid matches the published system.
        assert len(row.ours) == len(experiment.seeds)


def test_axes_without_effect_are_ignored() -> None:
    base = number(like={"features": ["a@place=input"], "head": "paper"})

    def verdict_of(
        axes: dict[str, Any], s: list[float] | None, features: str = "a@place=input"
    ) -> str:
        one = record(53.0, features=features, axes=axes)
        assert one.result is not None
        weights = {"input": {"a": {"s": s, "gamma": 1.0, "w": None}}}
        result = one.result.model_copy(update={"layer_weights": weights})
        (row,) = compare_with_published([one.model_copy(update={"result": result})], 1.0, [base])
        return row.verdict

    assert verdict_of({"placement": "both", "mix": "last", "l2": 1.0}, None) == "undecided"
    assert verdict_of({"mix": "last"}, [0.0, 1.0]) == "other model"
    assert verdict_of({"mix": "concat"}, None) == "other model"
    assert verdict_of({"l2": "preset"}, [0.5, 0.5]) == "undecided"
    assert verdict_of({"l2": 1.0}, [0.5, 0.5]) == "other model"
    plain = number(like={"features": ["a"], "head": "paper"})
    (row,) = compare_with_published(
        [record(53.0, features="a", axes={"placement": "both"})], 1.0, [plain]
    )
    assert row.verdict == "other model"
