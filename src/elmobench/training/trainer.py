"""The training loop: early stopping on dev, gradient clipping, named random streams."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from elmobench.core.errors import ElmobenchError
from elmobench.metrics.base import Metric, Scores
from elmobench.tasks.base import Pipeline
from elmobench.tasks.head import Batch, Mixed, OnePassHead, TrainingOptions
from elmobench.training.averaging import WeightAverage
from elmobench.training.batching import (
    Collator,
    ExampleSet,
    bucketed_batches,
    evaluation_batches,
)
from elmobench.training.model import BenchModel
from elmobench.training.streams import RandomStreams

EpochCallback = Callable[["Epoch"], None]


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
    """The epochs of a training run. The model has the weights of the best one."""

    epochs: list[Epoch]
    best: Epoch


def make_optimizer(model: nn.Module, options: TrainingOptions) -> torch.optim.Optimizer:
    """The optimizer named in ``options``, over all trainable parameters."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    kinds: dict[str, type[torch.optim.Optimizer]] = {
        "adam": torch.optim.Adam,
        "adadelta": torch.optim.Adadelta,
    }
    extra: dict[str, Any] = {"lr": options.lr, **options.optimizer_options}
    if isinstance(extra.get("betas"), list):
        extra["betas"] = tuple(extra["betas"])
    return kinds[options.optimizer](parameters, **extra)


def predict_all(
    model: BenchModel, collator: Collator, data: ExampleSet[Any], batch_size: int
) -> list[Any]:
    """Predictions for all examples, in the order of ``data``."""
    predictions: list[Any] = [None] * len(data)
    model.eval()
    with torch.inference_mode():
        for indices in evaluation_batches(data.lengths, batch_size):
            for i, prediction in zip(
                indices, model.predict(collator.batch(data, indices)), strict=True
            ):
                predictions[i] = prediction
    return predictions


def evaluate(
    model: BenchModel,
    collator: Collator,
    data: ExampleSet[Any],
    pipeline: Pipeline[Any],
    metric: Metric,
    batch_size: int,
) -> tuple[Scores, list[Any]]:
    """Scores and predictions on ``data``."""
    predictions = predict_all(model, collator, data, batch_size)
    gold = [pipeline.gold(example) for example in data.examples]
    return metric.compute(gold, predictions), predictions


def train_epoch(
    model: BenchModel,
    optimizer: torch.optim.Optimizer,
    collator: Collator,
    data: ExampleSet[Any],
    batches: Sequence[Sequence[int]],
    options: TrainingOptions,
    average: WeightAverage | None = None,
) -> float:
    """Train on ``batches`` once, updating ``average`` after each step; returns the mean loss.

    Raises:
        TrainingError: if the loss is not finite.
    """
    model.train()
    total = torch.zeros(())
    for number, indices in enumerate(batches):
        optimizer.zero_grad(set_to_none=True)
        loss = model.loss(collator.batch(data, indices))
        loss.backward()  # type: ignore[no-untyped-call]
        _clip(model, options)
        optimizer.step()
        if average is not None:
            average.update()
        total += loss.detach()
        if number % 50 == 0 or number == len(batches) - 1:
            _check_finite(total, number)
    return float(total) / max(1, len(batches))


def train(
    model: BenchModel,
    collator: Collator,
    train_data: ExampleSet[Any],
    dev_data: ExampleSet[Any],
    pipeline: Pipeline[Any],
    metric: Metric,
    options: TrainingOptions,
    streams: RandomStreams,
    on_epoch: EpochCallback | None = None,
) -> Training:
    """Train until dev stops improving; afterwards ``model`` has the weights of the best epoch.

    With ``options.average``, dev is scored with the averaged weights, and those are kept. A later
    epoch replaces an earlier one only if its dev score is strictly higher. A ``OnePassHead`` is
    fitted in one pass, without an optimizer.
    """
    if isinstance(model.head, OnePassHead):
        return _fit(model, model.head, collator, train_data, dev_data, pipeline, metric, options)
    optimizer = make_optimizer(model, options)
    average = None if options.average is None else WeightAverage(model, options.average)
    order = streams.numpy("order")
    epochs: list[Epoch] = []
    best: Epoch | None = None
    best_state: dict[str, Tensor] = {}
    with streams.torch("dropout"):
        for number in range(1, options.epochs + 1):
            start = time.perf_counter()
            batches = bucketed_batches(train_data.lengths, options.batch_size, order)
            loss = train_epoch(model, optimizer, collator, train_data, batches, options, average)
            with nullcontext() if average is None else average.in_place():
                scores, _ = evaluate(
                    model, collator, dev_data, pipeline, metric, options.batch_size
                )
                epoch = Epoch(
                    number,
                    loss,
                    scores.score,
                    model.layer_weights(),
                    time.perf_counter() - start,
                )
                epochs.append(epoch)
                if best is None or epoch.dev > best.dev:
                    best = epoch
                    best_state = {k: v.detach().clone() for k, v in model.state_dict().items()}
            if best is not epoch and options.plateau_factor is not None:
                for group in optimizer.param_groups:
                    group["lr"] *= options.plateau_factor
            if on_epoch is not None:
                on_epoch(epoch)
            if number - best.number >= options.patience:
                break
    assert best is not None  # options.epochs is at least 1
    model.load_state_dict(best_state)
    return Training(epochs, best)


def _fit(
    model: BenchModel,
    head: OnePassHead[Any],
    collator: Collator,
    train_data: ExampleSet[Any],
    dev_data: ExampleSet[Any],
    pipeline: Pipeline[Any],
    metric: Metric,
    options: TrainingOptions,
) -> Training:
    """Fit ``head`` in one pass over the training set in its order: one epoch, without a loss."""
    start = time.perf_counter()
    size = options.batch_size

    def batches() -> Iterator[tuple[Batch[Any], Mixed]]:
        for first in range(0, len(train_data), size):
            batch = collator.batch(train_data, range(first, min(first + size, len(train_data))))
            yield batch, model.mix(batch)

    model.eval()
    with torch.inference_mode():
        head.fit(batches())
    scores, _ = evaluate(model, collator, dev_data, pipeline, metric, size)
    seconds = time.perf_counter() - start
    epoch = Epoch(1, None, scores.score, model.layer_weights(), seconds)
    return Training([epoch], epoch)


def _clip(model: nn.Module, options: TrainingOptions) -> None:
    parameters = [p for p in model.parameters() if p.grad is not None]
    if options.clip_value is not None:
        nn.utils.clip_grad_value_(parameters, options.clip_value)
    if options.clip_norm is not None:
        nn.utils.clip_grad_norm_(parameters, options.clip_norm)


def _check_finite(total: Tensor, batch: int) -> None:
    if not math.isfinite(float(total)):
        raise TrainingError(
            f"the training loss is {float(total)} by batch {batch + 1}",
            fix="lower training.lr, or look for extreme values in the features",
        )
