"""Test examples that two runs predict differently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from elmobench.analysis.stats.tallies import shared_predictions
from elmobench.metrics.base import get_metric
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore


@dataclass(frozen=True)
class ChangedExample:
    """One test example that two runs predict differently.

    Attributes:
        id: id of the example.
        gold: the annotation.
        left, right: prediction of each run.
        left_score, right_score: how good the prediction is: the metric on this example alone, in
            percent, or minus the absolute error of a number.
    """

    id: str
    gold: Any
    left: Any
    right: Any
    left_score: float
    right_score: float

    @property
    def gain(self) -> float:
        """Score of ``left`` minus score of ``right``."""
        return self.left_score - self.right_score


def changed_examples(store: RecordStore, left: RunRecord, right: RunRecord) -> list[ChangedExample]:
    """Examples with different predictions, by falling gain of ``left`` over ``right``.

    Examples of equal gain are in the order of the test set.

    Raises:
        DataError: if predictions are missing or of different examples.
    """
    assert left.result is not None
    rows, (ours, theirs) = shared_predictions(store, [left, right])
    metric = get_metric(left.result.metric)
    scores = metric.example_scores([row["gold"] for row in rows], [ours, theirs])
    changed = [
        ChangedExample(
            row["id"], row["gold"], ours[i], theirs[i], float(scores[0, i]), float(scores[1, i])
        )
        for i, row in enumerate(rows)
        if ours[i] != theirs[i]
    ]
    return sorted(changed, key=lambda example: -example.gain)
