"""Dropout whose random numbers are drawn once for models that would draw the same ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class _Draw:
    """Factors that were drawn, and the state of the generator before and after.

    Attributes:
        rate, shape, dtype: what was asked for.
        before, after: states of torch's generator for the processor.
        factors: 0 or 1 / (1 - rate).
    """

    rate: float
    shape: torch.Size
    dtype: torch.dtype
    before: Tensor
    after: Tensor
    factors: Tensor

    def repeats(self, rate: float, x: Tensor, state: Tensor) -> bool:
        """Whether drawing for ``x`` in this state of the generator gives the same factors."""
        same = (self.rate, self.shape, self.dtype) == (rate, x.shape, x.dtype)
        return same and torch.equal(self.before, state)


class NoiseCache:
    """The factors that were drawn for one batch."""

    def __init__(self) -> None:
        self._draws: list[_Draw] = []

    def clear(self) -> None:
        """Forget everything: the next batch begins."""
        self._draws.clear()

    def factors(self, x: Tensor, rate: float) -> Tensor:
        """The factors that torch's dropout would draw for ``x`` now.

        The generator is left as if they had been drawn.
        """
        state = torch.get_rng_state()
        for draw in self._draws:
            if draw.repeats(rate, x, state):
                torch.set_rng_state(draw.after)
                return draw.factors
        factors = torch.empty_like(x).bernoulli_(1 - rate).div_(1 - rate)
        self._draws.append(_Draw(rate, x.shape, x.dtype, state, torch.get_rng_state(), factors))
        return factors


class Dropout(nn.Dropout):
    """torch's dropout, which can share its random numbers; see :func:`sharing_noise`.

    The candidates of a hyper-parameter search have the same dropout stream. Drawing the numbers is
    half of the time of a probe's step, so those with the same rate draw them once.
    """

    noise: NoiseCache | None = None

    def forward(self, x: Tensor) -> Tensor:
        """``x`` of any shape, in training with some values zero and the others scaled up."""
        if self.noise is None or not self.training or self.p == 0 or x.device.type != "cpu":
            return super().forward(x)
        return x * self.noise.factors(x, self.p)


@contextmanager
def sharing_noise(models: Sequence[nn.Module]) -> Iterator[NoiseCache]:
    """Let the :class:`Dropout` modules of ``models`` share random numbers inside the block.

    Results do not change by a bit: numbers are shared only where the generator's state, the rate
    and the shape are the same. Models with other random numbers share none.

    Yields:
        The cache, to be cleared before every batch.
    """
    cache = NoiseCache()
    modules = [m for model in models for m in model.modules() if isinstance(m, Dropout)]
    for module in modules:
        module.noise = cache
    try:
        yield cache
    finally:
        for module in modules:
            module.noise = None
