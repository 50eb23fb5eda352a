"""One model in training: its steps, its epochs, and when it ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from elmobench.tasks.head import TrainingOptions
from elmobench.training.adam import SMALL, BlockedAdam, step_together
from elmobench.training.averaging import WeightAverage
from elmobench.training.devices import RandomState
from elmobench.training.model import BenchModel
from elmobench.training.outcome import Epoch, Training, TrainingError


def make_optimizer(
    model: nn.Module, options: TrainingOptions
) -> BlockedAdam | torch.optim.Optimizer:
    """The optimizer named in ``options``, over all trainable parameters.

    Those of encoders are its last group, with a learning rate of their own.
    """
    own = _encoder_parameters(model)
    apart = set(map(id, own))
    every = [p for p in model.parameters() if p.requires_grad]
    parameters = [p for p in every if id(p) not in apart]
    plain = options.optimizer_options.keys() <= {"betas", "eps"}
    here = all(p.device.type == "cpu" and p.is_floating_point() for p in every)
    kinds: dict[str, Callable[..., BlockedAdam | torch.optim.Optimizer]] = {
        "adam": BlockedAdam if plain and here else torch.optim.Adam,
        "adadelta": torch.optim.Adadelta,
    }
    extra: dict[str, Any] = {"lr": options.lr, **options.optimizer_options}
    if isinstance(extra.get("betas"), list):
        extra["betas"] = tuple(extra["betas"])
    optimizer = kinds[options.optimizer](parameters, **extra)
    if own:
        group = {**optimizer.param_groups[0], "params": own, "lr": options.model_lr}
        optimizer.param_groups.append(group)
    return optimizer


def _encoder_parameters(model: nn.Module) -> list[nn.Parameter]:
    """The weights of models that are trained with the head; empty if all features are frozen."""
    encoders = model.encoders if isinstance(model, BenchModel) else nn.ModuleDict()
    return [p for p in encoders.parameters() if p.requires_grad]


class ModelRun:
    """A model in training: its optimizer, its state of the dropout stream, its best epoch.

    Args:
        model: the model.
        options: how it is trained.
        dropout: the random numbers at the start of the dropout stream.

    Attributes:
        model, options: see above.
        optimizer: changes the parameters.
        parameters: of the model.
        is_small: whether no parameter is large: its steps are best taken with those of other
            models.
        average: the moving average of the weights; None without one.
        epochs: those that have ended.
        error: what ended the training; None so far.
    """

    def __init__(self, model: BenchModel, options: TrainingOptions, dropout: RandomState) -> None:
        self.model = model
        self.options = options
        self.average = None if options.average is None else WeightAverage(model, options.average)
        self.epochs: list[Epoch] = []
        self.error: TrainingError | None = None
        self.optimizer = make_optimizer(model, options)
        # Listed once: finding them in the modules costs a quarter of what clipping costs.
        self.parameters = list(model.parameters())
        self.is_small = all(p.numel() <= SMALL for p in self.parameters)
        self._dropout = dropout
        self._best: Epoch | None = None
        self._best_state: dict[str, Tensor] = {}
        self._best_predictions: list[Any] = []
        self._loss: Tensor | float = 0.0
        self._batches = 1
        self._steps = 0
        self._warm = 1.0  # share of the encoders' learning rate that is used
        self._warm_steps = 0
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
        if not self.epochs and isinstance(self.model, BenchModel) and self.model.encoders:
            share = self.options.model_warmup * self.options.epochs
            self._warm_steps = math.ceil(share * batches)
            self._warm_up()
        self.model.train()

    def drawing(self, compute: Callable[[BenchModel], Tensor]) -> Tensor:
        """What ``compute`` returns for the model, with random numbers of its dropout stream."""
        self._dropout.restore()
        self.optimizer.zero_grad(set_to_none=True)
        out = compute(self.model)
        self._dropout = RandomState(out.device)
        return out

    def spend(self, seconds: float) -> None:
        """Count wall time of the epoch."""
        self._seconds += seconds

    def update(self, loss: Tensor, number: int) -> None:
        """Change the weights by the gradient of ``loss``, that of the batch ``number``."""
        update_together([self], [loss], number)

    def stepped(self, loss: Tensor, number: int) -> None:
        """Count a step that was taken by the gradient of ``loss``."""
        self._steps += 1
        if self._steps <= self._warm_steps:
            self._warm_up()
        if self.options.decay is not None and self._steps % self.options.decay_steps == 0:
            for group in self.optimizer.param_groups:
                group["lr"] *= self.options.decay
        if self.average is not None:
            self.average.update()
        self._loss = self._loss + loss
        if number % 50 == 0 or number == self._batches - 1:
            self.error = _loss_error(self._loss, number)

    def _warm_up(self) -> None:
        """Set the encoders' learning rate for the next step, whatever decay it has had."""
        share = min(1.0, (self._steps + 1) / max(1, self._warm_steps))
        self.optimizer.param_groups[-1]["lr"] *= share / self._warm
        self._warm = share

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
                for group in self.optimizer.param_groups:
                    group["lr"] *= self.options.plateau_factor

    def outcome(self) -> Training | TrainingError:
        """The training, after which the model has the weights of the best epoch; or its error."""
        if self.error is not None:
            return self.error
        assert self._best is not None  # options.epochs is at least 1
        self.model.load_state_dict(self._best_state)
        return Training(self.epochs, self._best, self._best_predictions)


def update_together(runs: Sequence[ModelRun], losses: Sequence[Tensor], number: int) -> None:
    """Change the weights of each run by the gradient of its loss, that of the batch ``number``."""
    for run in runs:
        clip(run.parameters, run.options)
    optimizers = [run.optimizer for run in runs]
    step_together([one for one in optimizers if isinstance(one, BlockedAdam)])
    for optimizer in optimizers:
        if not isinstance(optimizer, BlockedAdam):
            optimizer.step()
    for run, loss in zip(runs, losses, strict=True):
        run.stepped(loss, number)


def clip(parameters: Sequence[nn.Parameter], options: TrainingOptions) -> None:
    """Clip the gradients of ``parameters`` to the values, and to the norm, of ``options``."""
    grads = [p.grad for p in parameters if p.grad is not None]
    if options.clip_value is not None:
        for grad in grads:
            grad.clamp_(min=-options.clip_value, max=options.clip_value)
    if options.clip_norm is None or not grads:
        return
    if any(grad.device.type != "cpu" for grad in grads):
        nn.utils.clip_grad_norm_(parameters, options.clip_norm)
        return
    # What torch's function does, except that gradients that are short enough are not multiplied
    # by one: those of an output matrix go through main memory.
    norms = torch._foreach_norm(grads)
    factor = options.clip_norm / (torch.linalg.vector_norm(torch.stack(norms)) + 1e-6)
    if not float(factor) >= 1.0:
        torch._foreach_mul_(grads, factor)


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
