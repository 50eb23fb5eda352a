"""Warnings of a training that learns nothing."""

from __future__ import annotations

import math
import warnings

from elmobench.core.errors import ElmobenchError, ElmobenchWarning
from elmobench.pretraining.progress import Heldout

_STEPS = 20
"""Fewest steps whose mean loss is compared; that of less is too noisy."""
_MARGIN = 1.1


class LossWatch:
    """Warns once if the mean loss of a report is higher than that of the first one.

    Args:
        kind: of the model. A step of GloVe is an epoch, whose mean is compared by itself.
        first: the first mean loss, if training resumes; None if there was none.
    """

    def __init__(self, kind: str, first: float | None = None) -> None:
        self.first = first
        self._steps = 1 if kind == "glove" else _STEPS
        self._rate = "eta" if kind == "glove" else "learning_rate"
        self._warned = False

    def add(self, loss: float, steps: int, step: int) -> None:
        """Compare the mean loss of the last ``steps`` steps, which ended with ``step``."""
        if steps < self._steps:
            return
        if self.first is None:
            self.first = loss
        elif loss > _MARGIN * self.first and not self._warned:
            self._warned = True
            warnings.warn(
                f"the training loss grows: it was {self.first:.4g} at first and is {loss:.4g} at "
                f"step {step}. Use a lower {self._rate}",
                ElmobenchWarning,
                stacklevel=2,
            )


def check_finite(heldout: Heldout, step: int) -> None:
    """Raise ElmobenchError if the held-out measure is infinite or NaN: training has diverged."""
    values = heldout if isinstance(heldout, tuple) else (heldout,)
    if not all(math.isfinite(value) for value in values):
        raise ElmobenchError(
            f"training has diverged: the held-out measure is {values[0]} at step {step}",
            fix="use a lower learning rate, in a new folder",
        )


def warn_of_guessing(heldout: Heldout, uniform: float) -> None:
    """Warn if a trained model predicts worse than one that guesses.

    Args:
        heldout: its cross-entropies in nats.
        uniform: that of a model for which all predictions are equally likely.
    """
    worst = max(heldout) if isinstance(heldout, tuple) else heldout
    if worst > uniform + math.log(_MARGIN):
        warnings.warn(
            f"the trained model predicts held-out text worse than by guessing: its cross-entropy "
            f"is {worst:.2f} nats, that of equal probabilities {uniform:.2f}. It has learnt "
            "nothing useful: use a lower learning_rate, or train for longer",
            ElmobenchWarning,
            stacklevel=2,
        )


def exp(nats: float) -> float:
    """The exponential, infinite where a float cannot hold it."""
    return math.inf if nats > 709 else math.exp(nats)
