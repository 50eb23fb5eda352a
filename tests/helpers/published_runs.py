"""Made-up records for comparisons with published scores."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from elmobench.analysis.tables.published import PublishedNumber
from elmobench.bench.experiment.grid import grid
from elmobench.bench.experiment.schema import Experiment
from elmobench.tracking.record import EpochRow, Result, RunRecord

METRICS = {
    "ner": ("span-f1", "f1"),
    "srl": ("srl-f1", "f1"),
    "coref": ("coref", "conll"),
    "qa": ("squad", "f1"),
    "pos": ("token-accuracy", "accuracy"),
}
"""Metric and main score of pipelines whose metric is not accuracy."""


def number(**changes: Any) -> PublishedNumber:
    """A published number of ELMo on SST-5, with changes."""
    values = {
        "pipeline": "sentiment",
        "dataset": "SST-5",
        "data": "sst5",
        "metric": "accuracy",
        "score": 53.0,
        "system": "s",
        "source": "A 2020, https://a.b/",
        "like": {"features": ["elmo-original-5.5b"], "head": "paper"},
        **changes,
    }
    return PublishedNumber.model_validate(values)


def record(
    score: float,
    seed: int = 1,
    *,
    metric: str = "accuracy",
    key: str = "accuracy",
    counts: dict[str, int] | None = None,
    losses: tuple[float | None, ...] = (),
    **changes: Any,
) -> RunRecord:
    """A record with one score on test, and a score higher by one on dev.

    Args:
        score: the score on test.
        seed: seed of the run.
        metric, key: name of the metric and of its score.
        counts: number of examples of each split.
        losses: training loss of each epoch.
        changes: other fields of the record.
    """
    values: dict[str, Any] = {
        "experiment": "e",
        "task": "sentiment/sst5",
        "features": "elmo-original-5.5b",
        "head": "paper",
        "seed": seed,
        "axes": {},
        "identity": {},
        "status": "ok",
        **changes,
    }
    values.setdefault("pipeline", values["task"].split("/")[0])
    names = [values[name] for name in ("task", "features", "head", "axes")]
    values.setdefault("cell", hashlib.sha256(f"{names} {seed}".encode()).hexdigest())
    result = Result(
        metric=metric,
        primary=key,
        test={key: score},
        dev={key: score + 1},
        per_class={},
        best_epoch=1,
        predictions_digest="",
        layer_weights={},
        curve=[
            EpochRow(epoch=i, train_loss=loss, dev=1.0, layer_weights={})
            for i, loss in enumerate(losses, start=1)
        ],
        counts=counts or {},
    )
    return RunRecord(**values, result=result)


def records_of(
    experiment: Experiment,
    pipelines: Mapping[str, str],
    same_as: Mapping[str, str] | None = None,
) -> list[RunRecord]:
    """A record for each point of an experiment's grid, with a score of 50 + the seed.

    Args:
        experiment: the experiment.
        pipelines: pipeline of each task.
        same_as: published data set of tasks that do not ship with the package.
    """
    records = []
    for cell in grid(experiment, pipelines):
        metric, key = METRICS.get(cell.pipeline, ("accuracy", "accuracy"))
        parts = {part.label: {"s": None if "glove" in part.label else [1.0]} for part in cell.parts}
        # Without layers to mix, all points of the grid are one cell.
        name = str(cell.axes) if "elmo" in cell.features else ""
        identity = f"{cell.task} {cell.features} {cell.seed} {name}"
        made = record(
            50.0 + cell.seed,
            cell.seed,
            metric=metric,
            key=key,
            cell=hashlib.sha256(identity.encode()).hexdigest(),
            task=cell.task,
            features=cell.features,
            head=cell.head,
            axes=cell.axes,
            **({} if same_as is None else {"same_as": same_as[cell.task], "corpus": "c"}),
        )
        assert made.result is not None
        result = made.result.model_copy(update={"layer_weights": {"input": parts}})
        records.append(made.model_copy(update={"result": result}))
    return records
