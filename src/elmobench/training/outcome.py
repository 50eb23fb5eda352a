"""What training a model gives: its epochs, or the error that ended it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from elmobench.core.errors import ElmobenchError


class TrainingError(ElmobenchError):
    """Training cannot continue, for instance because the loss is not finite."""


@dataclass(frozen=True)
class Epoch:
    """One pass over the training set.

    Attributes:
        number: 1 for the first epoch.
        train_loss: mean over batches; None for a head without a loss.
        dev: the primary score on dev.
        layer_weights: placement -> part -> normalised weights s, γ and raw weights w.
        seconds: wall time of training and scoring dev; not part of a result's identity.
    """

    number: int
    train_loss: float | None
    dev: float
    layer_weights: dict[str, dict[str, Any]]
    seconds: float


@dataclass(frozen=True)
class Training:
    """The epochs of a training run. The model has the weights of the best one.

    Attributes:
        epochs: all epochs.
        best: the one with the best dev score, the first of equal ones.
        dev_predictions: its predictions on dev, in the order of the examples.
    """

    epochs: list[Epoch]
    best: Epoch
    dev_predictions: list[Any]
