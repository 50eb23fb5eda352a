"""The base of the heads that label a text."""

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
    """Base of the heads that label a text."""

    @abstractmethod
    def logits(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, T, D) token vectors and (B, T) mask to (B, number of labels) scores."""

    def scores(self, batch: Batch[ClassifiedText], mixed: Mixed) -> Tensor:
        """(B, number of labels) scores before the softmax, labels in the codec's order."""
        return self.logits(mixed["input"][TEXT], batch.slots[TEXT].mask)
