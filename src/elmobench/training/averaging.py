"""A moving average of a model's weights, with which the model is scored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


class WeightAverage:
    """Exponential moving average of the trainable parameters, from their current values on.

    Args:
        model: the model whose parameters are averaged.
        decay: weight of the old average at each step, in (0, 1).
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self._parameters = [p for p in model.parameters() if p.requires_grad]
        self._average = [p.detach().clone() for p in self._parameters]

    @torch.no_grad()
    def update(self) -> None:
        """Add the current parameters to the average; call it after each optimizer step."""
        for average, parameter in zip(self._average, self._parameters, strict=True):
            average.lerp_(parameter, 1 - self.decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Give the model the averaged parameters inside the block."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    @torch.no_grad()
    def _exchange(self) -> None:
        for average, parameter in zip(self._average, self._parameters, strict=True):
            current = parameter.detach().clone()
            parameter.copy_(average)
            average.copy_(current)
