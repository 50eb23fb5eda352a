"""The base class of the heads that label a text."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from elmobench.data.examples import (
    ClassifiedText,
)
from elmobench.tasks.head import Batch, Mixed
from elmobench.tasks.label_head import LabelHead
from elmobench.tasks.sentiment.pipeline import TEXT


class TextHead(LabelHead[ClassifiedText]):
    """Base class of the heads that label a text."""

    @abstractmethod
    def logits(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, K) scores of the K labels from (B, T, D) token vectors and a (B, T) mask."""

    def scores(self, batch: Batch[ClassifiedText], mixed: Mixed) -> Tensor:
        """(B, K) scores before the softmax, of the K labels in the codec's order."""
        return self.logits(mixed["input"][TEXT], batch.slots[TEXT].mask)
