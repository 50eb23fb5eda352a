"""Score a trained head on the test set of another task: transfer between domains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from elmobench.bench.predict import Predictor
from elmobench.core.errors import ConfigError
from elmobench.metrics.base import get_metric
from elmobench.tasks.task import Task

_STEP = 64
"""Examples between two calls of ``on_examples``."""


@dataclass(frozen=True)
class TransferScore:
    """Scores of one trained head on another test set.

    Attributes:
        cell: the cell whose head it is.
        trained_on: its task.
        features, head, seed: of the cell.
        limit: the number or share of the examples that it was trained on, in a quick try; None for
            all.
        task, split: what was scored.
        data: digest of that task's data.
        metric: of that task.
        primary: name of the main score.
        scores: all scores, in percent.
        per_class: scores by label, where the metric has them.
        own_scores: those of the cell on the test set of the task it was trained on, from its
            record.
        examples: number of examples.
        unknown_labels: labels of the gold annotation that the head never learned, with the number
            of their occurrences: it cannot predict them.
    """

    cell: str
    trained_on: str
    features: str
    head: str
    seed: int
    limit: str | None
    task: str
    split: str
    data: str
    metric: str
    primary: str
    scores: dict[str, float]
    per_class: dict[str, dict[str, float]]
    own_scores: dict[str, float]
    examples: int
    unknown_labels: dict[str, int]


def score_on(
    predictor: Predictor,
    task: Task,
    split: str = "test",
    on_examples: Callable[[int, int], object] | None = None,
) -> tuple[TransferScore, list[dict[str, Any]]]:
    """Score the head on a split of ``task``.

    Vectors are computed anew, in float32; a run reads them as they are stored, so that scores on
    the head's own test set may differ from its record by rounding.

    Args:
        predictor: the trained head.
        task: what to score it on.
        split: of that task.
        on_examples: called with the numbers of examples done and in all.

    Returns:
        The scores, and one row per example with ``id``, ``unit``, ``gold`` and ``predicted``.

    Raises:
        ConfigError: if the task is of another pipeline than the head, or the head was trained on
            control labels.
        DataError: if the task's data cannot be read.
    """
    record = predictor.record
    if task.card.pipeline != record.pipeline:
        raise ConfigError(
            f"the head is one of the pipeline {record.pipeline}, {task.id} is a task of "
            f"{task.card.pipeline}",
            where=f"cell {record.cell[:16]}",
            fix=f"name a task of {record.pipeline} (`elmobench list tasks`)",
        )
    if record.is_control:
        raise ConfigError(
            "the head was trained on control labels, and tasks have those of the data",
            where=f"cell {record.cell[:16]}",
            fix="name a cell with given labels",
        )
    assert record.result is not None, "a cell with a head has a result"
    examples, metric = task.split(split), get_metric(task.card.metric)
    rows: list[dict[str, Any]] = []
    for predicted in predictor.predict_examples(examples):
        example = examples[len(rows)]
        rows.append(
            {
                "id": example.id,
                "unit": task.resampling_unit(example),
                "gold": task.pipeline.gold(example),
                "predicted": predicted,
            }
        )
        if on_examples is not None and (len(rows) % _STEP == 0 or len(rows) == len(examples)):
            on_examples(len(rows), len(examples))
    scores = metric.compute([row["gold"] for row in rows], [row["predicted"] for row in rows])
    result = TransferScore(
        cell=record.cell,
        trained_on=record.task,
        features=record.features,
        head=record.head,
        seed=record.seed,
        limit=record.limit,
        task=task.id,
        split=split,
        data=task.data_digest,
        metric=metric.name,
        primary=scores.primary,
        scores=dict(scores.values),
        per_class=scores.per_class,
        own_scores=dict(record.result.test),
        examples=len(rows),
        unknown_labels=_unknown_labels(predictor, task, examples),
    )
    return result, rows


def _unknown_labels(predictor: Predictor, task: Task, examples: Sequence[Any]) -> dict[str, int]:
    known = predictor.record.identity.get("labels")
    if not known:  # of a pipeline without labels, such as questions
        return {}
    found = Counter(label for example in examples for label in task.pipeline.labels_of(example))
    return {label: number for label, number in sorted(found.items()) if label not in set(known)}
