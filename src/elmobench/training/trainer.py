"""The training loop: early stopping on dev, gradient clipping, named random streams."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from elmobench.metrics.base import Metric, Scores
from elmobench.nn.dropout import sharing_noise
from elmobench.tasks.base import Pipeline
from elmobench.tasks.head import Batch, Mixed, OnePassHead, SharedLossHead, TrainingOptions
from elmobench.training.batching import (
    Collator,
    DevBatches,
    ExampleSet,
    bucketed_batches,
)
from elmobench.training.devices import RandomState
from elmobench.training.model import BenchModel, predict_together
from elmobench.training.model_run import ModelRun, epoch_error, update_together
from elmobench.training.outcome import Epoch, Training, TrainingError
from elmobench.training.streams import RandomStreams

EpochCallback = Callable[["Epoch"], None]
Scorer = Callable[[Sequence[Any]], float]
"""From predictions to the score that models are selected by."""


def predict_all(
    model: BenchModel, collator: Collator, data: ExampleSet[Any], batch_size: int
) -> list[Any]:
    """Predictions for all examples, in the order of ``data``."""
    return _predict_together([model], DevBatches(collator, data, batch_size, room=0), len(data))[0]


def _predict_together(
    models: Sequence[BenchModel], batches: DevBatches[Any], count: int
) -> list[list[Any]]:
    """The predictions of each model for ``count`` examples, in one pass over ``batches``."""
    predictions: list[list[Any]] = [[None] * count for _ in models]
    if not models:
        return predictions
    for model in models:
        model.eval()
    with torch.inference_mode():
        for indices, batch in batches:
            for own, found in zip(predictions, predict_together(models, batch), strict=True):
                for i, prediction in zip(indices, found, strict=True):
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
    score: Scorer | None = None
    size = options.batch_size
    dev = DevBatches(data.collator, data.dev, size)
    order = streams.numpy("order")
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    with (
        streams.torch("dropout", device.type),
        sharing_noise([model for model, _ in models]) as noise,
    ):
        start = RandomState(device)
        runs = [ModelRun(model, options, start) for model, options in models]
        while live := [run for run in runs if not run.ended]:
            batches = bucketed_batches(data.train.lengths, size, order)
            for run in live:
                run.begin_epoch(len(batches))
            for number, indices in enumerate(batches):
                began = time.perf_counter()
                batch = data.collator.batch(data.train, indices)
                reading = time.perf_counter() - began
                noise.clear()
                _step_together(live, batch, number, reading)
            live = [run for run in live if run.error is None]
            if score is None:
                # Not before the first step: metrics import libraries that take a second.
                score = data.metric.scorer([data.pipeline.gold(e) for e in data.dev.examples])
            _score_dev(live, dev, len(data.dev), score)
            if live and on_epoch is not None:
                on_epoch(live[0].epochs[-1])
    return [run.outcome() for run in runs]


def _step_together(
    runs: Sequence[ModelRun], batch: Batch[Any], number: int, reading: float
) -> None:
    """Take one step of each run on the batch ``number``, which took ``reading`` seconds."""
    runs = [run for run in runs if run.error is None]
    heads = [h for h in (run.model.head for run in runs) if isinstance(h, SharedLossHead)]
    if not heads:
        _step_small_together(runs, batch, number, reading)
        return
    began = time.perf_counter()
    outputs = [run.drawing(lambda model: model.outputs(batch)) for run in runs]
    losses = [
        run.model.penalized(loss)
        for run, loss in zip(runs, heads[0].losses(batch, heads, outputs), strict=True)
    ]
    torch.autograd.backward(losses)
    update_together(runs, [loss.detach() for loss in losses], number)
    seconds = (time.perf_counter() - began) / len(runs)
    for run in runs:
        run.spend(reading + seconds)


def _step_small_together(
    runs: Sequence[ModelRun], batch: Batch[Any], number: int, reading: float
) -> None:
    """Compute the gradients one run after another, and change the weights of all small ones."""
    waiting: list[tuple[ModelRun, Tensor]] = []
    for run in runs:
        began = time.perf_counter()
        loss = run.drawing(lambda model: model.loss(batch))
        loss.backward()  # type: ignore[no-untyped-call]
        if run.is_small:
            waiting.append((run, loss.detach()))
        else:
            # Its gradient is in the processor's cache now.
            update_together([run], [loss.detach()], number)
        run.spend(reading + time.perf_counter() - began)
    began = time.perf_counter()
    update_together([run for run, _ in waiting], [loss for _, loss in waiting], number)
    for run, _ in waiting:
        run.spend((time.perf_counter() - began) / len(waiting))


def _score_dev(runs: Sequence[ModelRun], dev: DevBatches[Any], count: int, score: Scorer) -> None:
    """End an epoch: score dev with each run's weights, or with their average."""
    began = time.perf_counter()
    with ExitStack() as stack:
        for run in runs:
            if run.average is not None:
                stack.enter_context(run.average.in_place())
        models = [run.model for run in runs]
        predictions = _predict_together(models, dev, count)
        # A run alone would not have waited for the others.
        seconds = (time.perf_counter() - began) / max(1, len(runs))
        for run, own in zip(runs, predictions, strict=True):
            run.end_epoch(score(own), own, seconds)


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
    error = epoch_error(epoch)
    if error is not None:
        raise error
    return Training([epoch], epoch, predictions)
