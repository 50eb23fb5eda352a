"""One model in training: its steps, its epochs, and when it ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from elmobench.tasks.head import TrainingOptions
from elmobench.training.adam import BlockedAdam
from elmobench.training.averaging import WeightAverage
from elmobench.training.devices import RandomState
from elmobench.training.model import BenchModel
from elmobench.training.outcome import Epoch, Training, TrainingError


def make_optimizer(
    model: nn.Module, options: TrainingOptions
) -> BlockedAdam | torch.optim.Optimizer:
    """The optimizer named in ``options``, over all trainable parameters."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    plain = options.optimizer_options.keys() <= {"betas", "eps"}
    here = all(p.device.type == "cpu" and p.is_floating_point() for p in parameters)
    kinds: dict[str, Callable[..., BlockedAdam | torch.optim.Optimizer]] = {
        "adam": BlockedAdam if plain and here else torch.optim.Adam,
        "adadelta": torch.optim.Adadelta,
    }
    extra: dict[str, Any] = {"lr": options.lr, **options.optimizer_options}
    if isinstance(extra.get("betas"), list):
        extra["betas"] = tuple(extra["betas"])
    return kinds[options.optimizer](parameters, **extra)


class ModelRun:
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
        # Listed once: finding them in the modules costs a quarter of what clipping costs.
        self._parameters = list(model.parameters())
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

    def begin_epoch(self, batches: int) -> None:
        """Begin an epoch of ``batches`` batches."""
        self._loss, self._batches = 0.0, batches
        self._seconds = 0.0
        self.model.train()

    def drawing(self, compute: Callable[[BenchModel], Tensor]) -> Tensor:
        """What ``compute`` returns for the model, with random numbers of its dropout stream."""
        self._dropout.restore()
        self._optimizer.zero_grad(set_to_none=True)
        out = compute(self.model)
        self._dropout = RandomState(out.device)
        return out

    def spend(self, seconds: float) -> None:
        """Count wall time of the epoch."""
        self._seconds += seconds

    def update(self, loss: Tensor, number: int) -> None:
        """Change the weights by the gradient of ``loss``, that of the batch ``number``."""
        _clip(self._parameters, self.options)
        self._optimizer.step()
        self._steps += 1
        if self.options.decay is not None and self._steps % self.options.decay_steps == 0:
            for group in self._optimizer.param_groups:
                group["lr"] *= self.options.decay
        if self.average is not None:
            self.average.update()
        self._loss = self._loss + loss
        if number % 50 == 0 or number == self._batches - 1:
            self.error = _loss_error(self._loss, number)

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
        self.error = epoch_error(epoch)
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


def _clip(parameters: Sequence[nn.Parameter], options: TrainingOptions) -> None:
    parameters = [p for p in parameters if p.grad is not None]
    if options.clip_value is not None:
        nn.utils.clip_grad_value_(parameters, options.clip_value)
    if options.clip_norm is not None:
        nn.utils.clip_grad_norm_(parameters, options.clip_norm)


def epoch_error(epoch: Epoch) -> TrainingError | None:
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
