"""Train a model until its loss on dev no longer falls."""

from __future__ import annotations

from collections.abc import Callable
from operator import methodcaller
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from elmobench.tasks.head import TrainingOptions
from elmobench.training.batching import Collator, ExampleSet, bucketed_batches
from elmobench.training.devices import RandomState
from elmobench.training.model import BenchModel
from elmobench.training.model_run import ModelRun
from elmobench.training.streams import RandomStreams

LEAST_STEPS: Final = 10
"""Steps in a round; a training set of fewer batches is read more than once."""

LEAST_GAIN: Final = 0.01
"""Share by which a round has to lower the loss on dev for the learning rate to stay."""

RATE_CUTS: Final = 4
"""Number of times that the learning rate is halved before training ends."""

MOST_ROUNDS: Final = 50
"""Number of rounds after which training ends in any case."""


def train_to_convergence(
    model: BenchModel,
    options: TrainingOptions,
    collator: Collator,
    train: ExampleSet[Any],
    dev_loss: Callable[[BenchModel], float],
    streams: RandomStreams,
) -> None:
    """Train in rounds; afterwards the model has the weights with the lowest loss on dev.

    A round is one pass over ``train``, or as many as :data:`LEAST_STEPS` steps need. A round that
    does not lower the loss is undone. After a round that lowers it by less than
    :data:`LEAST_GAIN` the learning rate is halved; the one that would halve it more than
    :data:`RATE_CUTS` times is the last. The initial weights count as well: if no round improves
    them, the model keeps them. ``options.epochs``, ``patience``, ``plateau_factor`` and ``average``
    have no effect.

    Args:
        model: is trained in place, and is in evaluation mode afterwards.
        options: the optimizer, its first learning rate, the batch size, and clipping.
        collator: builds the batches.
        train: the training set.
        dev_loss: the loss on dev of the model, which is in evaluation mode.
        streams: give the order of the data and the dropout.
    """
    order = streams.numpy("order")
    rate, cuts = options.lr, 0
    best, weights = dev_loss(model.eval()), _weights(model)
    with streams.torch("dropout", _device(model).type):
        run = _new_run(model, options, rate)
        for _ in range(MOST_ROUNDS):
            _train_round(run, collator, train, options.batch_size, order)
            loss, before = dev_loss(model.eval()), best
            if loss < best:
                best, weights = loss, _weights(model)
            else:  # also if it is not a number
                model.load_state_dict(weights)
            if loss < before * (1 - LEAST_GAIN):
                continue
            cuts += 1
            if cuts > RATE_CUTS:
                break
            rate /= 2
            run = _new_run(model, options, rate)


def _new_run(model: BenchModel, options: TrainingOptions, rate: float) -> ModelRun:
    """A run with a new optimizer; its dropout continues the stream of the run before."""
    own = options.model_copy(update={"lr": rate, "average": None})
    return ModelRun(model, own, RandomState(_device(model)))


def _train_round(
    run: ModelRun,
    collator: Collator,
    train: ExampleSet[Any],
    size: int,
    order: np.random.Generator,
) -> None:
    batches = -(-len(train) // size)
    passes = -(-LEAST_STEPS // batches)
    run.begin_epoch(passes * batches)
    number = 0
    for _ in range(passes):
        for indices in bucketed_batches(train.lengths, size, order):
            batch = collator.batch(train, indices)
            loss = run.drawing(methodcaller("loss", batch))
            loss.backward()  # type: ignore[no-untyped-call]
            run.update(loss.detach(), number)
            number += 1


def _device(model: BenchModel) -> torch.device:
    return next(model.parameters()).device


def _weights(model: BenchModel) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}
