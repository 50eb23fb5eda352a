"""How far a training run is, as the log, the terminal and the tracker receive it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Heldout = float | tuple[float, float]
"""A measurement on held-out data; a biLM has one per direction."""


@dataclass(frozen=True)
class TrainingProgress:
    """The state of a training run at a report.

    Attributes:
        kind: ``bilm``, ``glove``, ``fasttext`` or ``bert``.
        step: steps done. A step of GloVe is an epoch; of the others, an update.
        total: steps of the whole run.
        values: numbers of this kind of model, under their names in the log; NaN if unknown.
            biLM: ``tokens`` read per direction so far, ``perplexity`` in training by the sampled
            softmax since the last report, learning ``rate``, ``tokens_per_second``. BERT: word
            ``pieces`` read so far, ``loss`` in nats per masked piece since the last report,
            ``rate``, ``pieces_per_second``. GloVe: ``loss``, the mean weighted squared error per
            cell in the last epoch, and ``cells`` to train on. fastText: ``tokens`` read so far,
            ``loss`` in nats per pair since the last report, ``tokens_per_second``.
        heldout: the measurement on held-out data, if one was just made: exact perplexity forward
            and backward (biLM), nats per masked piece with fixed masks (BERT), mean weighted
            squared error per held-out cell (GloVe), nats per pair with fixed negatives (fastText).
        seconds: training time of all parts of the run, without measuring and preparation.
    """

    kind: str
    step: int
    total: int
    values: Mapping[str, float]
    heldout: Heldout | None
    seconds: float

    def log_row(self) -> dict[str, Any]:
        """The report as one JSON object of the log, without what is not finite."""
        row: dict[str, Any] = {"step": self.step, "total": self.total, **self.values}
        row |= {"heldout": self.heldout, "seconds": self.seconds}
        return {
            key: value
            for key, value in row.items()
            if not isinstance(value, float) or math.isfinite(value)
        }

    def metrics(self) -> dict[str, float]:
        """All numbers except the steps, under the names that the tracker uses."""
        metrics = {**self.values, "seconds": self.seconds}
        if isinstance(self.heldout, tuple):
            forward, backward = self.heldout
            metrics |= {"heldout.forward": forward, "heldout.backward": backward}
        elif self.heldout is not None:
            metrics["heldout"] = self.heldout
        return metrics


ProgressCallback = Callable[[TrainingProgress], object]
StopCheck = Callable[[], bool]
