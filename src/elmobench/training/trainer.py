"""The training loop: early stopping on dev, gradient clipping, named random streams."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
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
from elmobench.training.devices import RandomState
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
    """The epochs of a training run. The model has the weights of the best one.

    Attributes:
        epochs: all epochs.
        best: the one with the best dev score, the first of equal ones.
        dev_predictions: its predictions on dev, in the order of the examples.
    """

    epochs: list[Epoch]
    best: Epoch
    dev_predictions: list[Any]


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
    return _predict_together([model], collator, data, batch_size)[0]


def _predict_together(
    models: Sequence[BenchModel], collator: Collator, data: ExampleSet[Any], batch_size: int
) -> list[list[Any]]:
    """The predictions of each model, in one pass over ``data``."""
    predictions: list[list[Any]] = [[None] * len(data) for _ in models]
    for model in models:
        model.eval()
    with torch.inference_mode():
        for indices in evaluation_batches(data.lengths, batch_size):
            batch = collator.batch(data, indices)
            for model, own in zip(models, predictions, strict=True):
                for i, prediction in zip(indices, model.predict(batch), strict=True):
                    own[i] = prediction
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


@dataclass(frozen=True)
class TrainingData:
    """What models are trained and scored on.

    Attributes:
        collator: builds the batches.
        train, dev: the examples.
        pipeline: gives the gold annotation of an example.
        metric: scores dev.
    """

    collator: Collator
    train: ExampleSet[Any]
    dev: ExampleSet[Any]
    pipeline: Pipeline[Any]
    metric: Metric


def train_together(
    models: Sequence[tuple[BenchModel, TrainingOptions]],
    data: TrainingData,
    streams: RandomStreams,
    on_epoch: EpochCallback | None = None,
) -> list[Training | TrainingError]:
    """Train one or several models in the same passes over the data, until dev stops improving.

    Afterwards each model has the weights of its best epoch. With ``options.average``, dev is scored
    with the averaged weights, and those are kept. A later epoch replaces an earlier one only if its
    dev score is strictly higher. A ``OnePassHead`` is fitted in one pass, without an optimizer.

    Every batch is read once. Otherwise the models do not touch one another: each has its own
    steps, dropout and early stopping, and ends equal to the bit to a model that is trained alone.

    Args:
        models: each with its options, which must have the same batch size. A ``OnePassHead`` must
            be alone.
        data: what they are trained and scored on.
        streams: the same for all models: the order of the data, and each one's dropout.
        on_epoch: called after every epoch of the first model that is still trained.

    Returns:
        For each model its training, or the error that ended it.
    """
    model, options = models[0]
    if isinstance(model.head, OnePassHead):
        assert len(models) == 1, "a head that is fitted in one pass shares no batches"
        return [_fit(model, model.head, data, options)]
    order = streams.numpy("order")
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    with streams.torch("dropout", device.type):
        start = RandomState(device)
        runs = [_Run(model, options, start) for model, options in models]
        while live := [run for run in runs if not run.ended]:
            size = live[0].options.batch_size
            batches = bucketed_batches(data.train.lengths, size, order)
            for number, indices in enumerate(batches):
                began = time.perf_counter()
                batch = data.collator.batch(data.train, indices)
                reading = time.perf_counter() - began
                for run in live:
                    run.step(batch, number, len(batches), reading)
            live = [run for run in live if run.error is None]
            _score_dev(live, data, size)
            if live and on_epoch is not None:
                on_epoch(live[0].epochs[-1])
    return [run.outcome() for run in runs]


def _score_dev(runs: Sequence[_Run], data: TrainingData, batch_size: int) -> None:
    """End an epoch: score dev with each run's weights, or with their average."""
    gold = [data.pipeline.gold(example) for example in data.dev.examples]
    began = time.perf_counter()
    with ExitStack() as stack:
        for run in runs:
            if run.average is not None:
                stack.enter_context(run.average.in_place())
        models = [run.model for run in runs]
        predictions = _predict_together(models, data.collator, data.dev, batch_size)
        # A run alone would not have waited for the others.
        seconds = (time.perf_counter() - began) / max(1, len(runs))
        for run, own in zip(runs, predictions, strict=True):
            run.end_epoch(data.metric.compute(gold, own).score, own, seconds)


class _Run:
    """A model in training: its optimizer, its state of the dropout stream, its best epoch.

    Args:
        model: the model.
        options: how it is trained.
        dropout: the random numbers at the start of the dropout stream.
    """

    def __init__(self, model: BenchModel, options: TrainingOptions, dropout: RandomState) -> None:
        self.model = model
        self.options = options
        self.average = None if options.average is None else WeightAverage(model, options.average)
        self.epochs: list[Epoch] = []
        self.error: TrainingError | None = None
        self._optimizer = make_optimizer(model, options)
        self._dropout = dropout
        self._best: Epoch | None = None
        self._best_state: dict[str, Tensor] = {}
        self._best_predictions: list[Any] = []
        self._loss: Tensor | float = 0.0
        self._batches = 1
        self._steps = 0
        self._seconds = 0.0
        self._epochs_on_plateau = 0

    @property
    def ended(self) -> bool:
        """Whether training is over: by an error, the number of epochs, or early stopping."""
        if self.error is not None:
            return True
        if self._best is None:
            return False
        since_best = len(self.epochs) - self._best.number
        return len(self.epochs) >= self.options.epochs or since_best >= self.options.patience

    def step(self, batch: Batch[Any], number: int, batches: int, reading: float) -> None:
        """Take one step on the batch ``number`` of ``batches``, which took ``reading`` seconds."""
        if self.error is not None:
            return
        began = time.perf_counter()
        if number == 0:
            self._loss, self._batches = 0.0, batches
            self._seconds = 0.0
        self.model.train()
        self._dropout.restore()
        self._optimizer.zero_grad(set_to_none=True)
        loss = self.model.loss(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        _clip(self.model, self.options)
        self._optimizer.step()
        self._steps += 1
        if self.options.decay is not None and self._steps % self.options.decay_steps == 0:
            for group in self._optimizer.param_groups:
                group["lr"] *= self.options.decay
        if self.average is not None:
            self.average.update()
        self._loss = self._loss + loss.detach()
        self._dropout = RandomState(loss.device)
        if number % 50 == 0 or number == batches - 1:
            self.error = _loss_error(self._loss, number)
        self._seconds += reading + time.perf_counter() - began

    def end_epoch(self, dev: float, predictions: list[Any], seconds: float) -> None:
        """Record an epoch whose weights are those that were scored.

        Args:
            dev: the score on dev.
            predictions: the predictions on dev.
            seconds: for scoring.
        """
        loss = float(self._loss) / self._batches
        weights = self.model.layer_weights()
        epoch = Epoch(len(self.epochs) + 1, loss, dev, weights, self._seconds + seconds)
        self.error = _epoch_error(epoch)
        if self.error is not None:
            return
        self.epochs.append(epoch)
        if self._best is None or dev > self._best.dev:
            self._best, self._best_predictions = epoch, predictions
            state = self.model.state_dict()
            self._best_state = {name: value.detach().clone() for name, value in state.items()}
            self._epochs_on_plateau = 0
        elif self.options.plateau_factor is not None:
            self._epochs_on_plateau += 1
            if self._epochs_on_plateau > self.options.plateau_patience:
                self._epochs_on_plateau = 0
                for group in self._optimizer.param_groups:
                    group["lr"] *= self.options.plateau_factor

    def outcome(self) -> Training | TrainingError:
        """The training, after which the model has the weights of the best epoch; or its error."""
        if self.error is not None:
            return self.error
        assert self._best is not None  # options.epochs is at least 1
        self.model.load_state_dict(self._best_state)
        return Training(self.epochs, self._best, self._best_predictions)


def _fit(
    model: BenchModel, head: OnePassHead[Any], data: TrainingData, options: TrainingOptions
) -> Training:
    """Fit ``head`` in one pass over the training set in its order: one epoch, without a loss."""
    start = time.perf_counter()
    size, examples = options.batch_size, data.train

    def batches() -> Iterator[tuple[Batch[Any], Mixed]]:
        for first in range(0, len(examples), size):
            batch = data.collator.batch(examples, range(first, min(first + size, len(examples))))
            yield batch, model.mix(batch)

    model.eval()
    with torch.inference_mode():
        head.fit(batches())
    scores, predictions = evaluate(model, data.collator, data.dev, data.pipeline, data.metric, size)
    seconds = time.perf_counter() - start
    epoch = Epoch(1, None, scores.score, model.layer_weights(), seconds)
    error = _epoch_error(epoch)
    if error is not None:
        raise error
    return Training([epoch], epoch, predictions)


def _clip(model: nn.Module, options: TrainingOptions) -> None:
    parameters = [p for p in model.parameters() if p.grad is not None]
    if options.clip_value is not None:
        nn.utils.clip_grad_value_(parameters, options.clip_value)
    if options.clip_norm is not None:
        nn.utils.clip_grad_norm_(parameters, options.clip_norm)


def _epoch_error(epoch: Epoch) -> TrainingError | None:
    """The error of an epoch with a number that is not finite, which no record can have."""
    if not math.isfinite(epoch.dev):
        return TrainingError(
            f"the metric's score on dev is {epoch.dev} after epoch {epoch.number}",
            fix="look at the metric, and at dev: a score may be undefined for few examples",
        )
    if not _all_finite(epoch.layer_weights):
        return TrainingError(
            f"the layer weights are not finite after epoch {epoch.number}",
            fix="lower training.lr, or look for extreme values in the features",
        )
    return None


def _all_finite(value: Any) -> bool:
    """Whether all numbers in nested mappings and lists are finite."""
    if isinstance(value, Mapping):
        return all(map(_all_finite, value.values()))
    if isinstance(value, list):
        return all(map(_all_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _loss_error(total: Tensor | float, batch: int) -> TrainingError | None:
    """The error of a loss that is not finite; None for a finite one."""
    if math.isfinite(float(total)):
        return None
    return TrainingError(
        f"the training loss is {float(total)} by batch {batch + 1}",
        fix="lower training.lr, or look for extreme values in the features",
    )
