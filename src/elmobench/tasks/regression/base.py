"""The base class of the heads that predict a number, and the vectors that they read."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from elmobench.tasks.head import Batch, Head, Mixed
from elmobench.tasks.regression.pipeline import FIRST, MEAN, SECOND, SPREAD, TEXT, R

LARGEST = 1e30
"""Largest standardised prediction. Only a head that diverges exceeds it."""


class NumberHead(Head[R]):
    """Base class of the heads that predict one number.

    A subclass computes a standardised number: in units of the standard deviation of the training
    numbers, from their mean. The loss is the mean squared error of standardised numbers.
    """

    @abstractmethod
    def outputs(self, batch: Batch[R], mixed: Mixed) -> Tensor:
        """(B,) standardised numbers."""

    def loss(self, batch: Batch[R], mixed: Mixed) -> Tensor:
        """Mean squared error of the standardised numbers."""
        mean, spread = self.codec.extra[MEAN], self.codec.extra[SPREAD]
        outputs = self.outputs(batch, mixed)
        gold = [(example.value - mean) / spread for example in batch.examples]
        return F.mse_loss(outputs, torch.tensor(gold, dtype=outputs.dtype, device=outputs.device))

    @torch.no_grad()
    def predict(self, batch: Batch[R], mixed: Mixed) -> list[float]:
        """The numbers in the unit of the training numbers.

        The outputs of a head that diverges may not be numbers; they count as the mean. Its loss
        then ends the training.
        """
        mean, spread = self.codec.extra[MEAN], self.codec.extra[SPREAD]
        outputs = torch.nan_to_num(
            self.outputs(batch, mixed), nan=0.0, posinf=LARGEST, neginf=-LARGEST
        )
        return [mean + spread * value for value in outputs.tolist()]


Pool = Callable[[Tensor, Tensor], Tensor]
"""(B, T, D) token vectors and their (B, T) mask -> (B, D') vectors of the texts."""


def text_vector(batch: Batch[R], mixed: Mixed, pool: Pool) -> Tensor:
    """(B, D) vectors of the texts at the input."""
    return pool(mixed["input"][TEXT], batch.slots[TEXT].mask)


def pair_vector(batch: Batch[R], mixed: Mixed, pool: Pool) -> Tensor:
    """(B, 2 D) vectors ``[|u - v| ; u * v]`` of the pairs at the input.

    These features are those of Tai et al. 2015 and of SentEval. Both are symmetric: the order of
    the texts has no effect.
    """
    u, v = (pool(mixed["input"][slot], batch.slots[slot].mask) for slot in (FIRST, SECOND))
    return torch.cat([(u - v).abs(), u * v], dim=1)
