"""Warnings of a training that learns nothing."""

from __future__ import annotations

import math
import warnings

from elmobench.core.errors import ElmobenchError, ElmobenchWarning
from elmobench.pretraining.progress import Heldout

_STEPS = 20
"""Fewest steps whose mean loss is compared; that of less is too noisy."""
_MARGIN = 1.1
_WORSE = {"bilm": 1.05, "bert": 1.05, "glove": 1.5, "fasttext": 1.05}
"""Factor of the loss of a model that knows nothing; vectors of GloVe begin above it."""


class LossWatch:
    """Warns once if the mean loss of a report is higher than that of the first one.

    Args:
        kind: of the model. A step of GloVe is an epoch, whose mean is compared by itself.
        first: the first mean loss, if training resumes; None if there was none.
    """

    def __init__(self, kind: str, first: float | None = None) -> None:
        self.first = first
        self._steps = 1 if kind == "glove" else _STEPS
        self._rate = "eta" if kind in ("glove", "fasttext") else "learning_rate"
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


def warn_of_guessing(kind: str, heldout: Heldout, guessing: float) -> None:
    """Warn if a trained model is worse on held-out data than one that knows nothing.

    Args:
        kind: of the model.
        heldout: its measure; see :meth:`Trainer.comparable`.
        guessing: that of a model that knows nothing; see :attr:`Trainer.guessing`.
    """
    worst = max(heldout) if isinstance(heldout, tuple) else heldout
    if worst > _WORSE[kind] * guessing:
        warnings.warn(
            f"the trained model is worse than guessing: its held-out loss is {worst:.4g}, and that "
            f"of a model that knows nothing {guessing:.4g}. Use a lower learning rate, or train "
            "for longer",
            ElmobenchWarning,
            stacklevel=2,
        )


def exp(nats: float) -> float:
    """The exponential, infinite where a float cannot hold it."""
    return math.inf if nats > 709 else math.exp(nats)
