"""The base class of the heads that predict a number."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from elmobench.tasks.base import LabelCodec
from elmobench.tasks.head import Batch, Mixed
from elmobench.tasks.regression.pipeline import MEAN, SPREAD, R
from elmobench.tasks.vector_heads import VectorHead

LARGEST = 1e30
"""Largest standardised prediction. Only a head that diverges exceeds it."""


class NumberHead(VectorHead[R]):
    """Base class of the heads that predict one number.

    The score of an example is its standardised number: in units of the standard deviation of the
    training numbers, from their mean. The loss is the mean squared error of standardised numbers.
    """

    @classmethod
    def size(cls, codec: LabelCodec) -> int:
        """One number."""
        return 1

    def loss(self, batch: Batch[R], mixed: Mixed) -> Tensor:
        """Mean squared error of the standardised numbers."""
        mean, spread = self.codec.extra[MEAN], self.codec.extra[SPREAD]
        outputs = self.scores(batch, mixed).squeeze(1)
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
            self.scores(batch, mixed).squeeze(1), nan=0.0, posinf=LARGEST, neginf=-LARGEST
        )
        return [mean + spread * value for value in outputs.tolist()]
