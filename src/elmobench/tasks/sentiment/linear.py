"""The linear probe for texts: the mean of the token vectors, one linear layer."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field
from torch import Tensor, nn

from elmobench.data.examples import ClassifiedText
from elmobench.nn.dropout import Dropout
from elmobench.nn.pooling import masked_mean
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.head import Batch, Mixed
from elmobench.tasks.sentiment.base import TextHead
from elmobench.tasks.sentiment.phrases import PhraseOptions
from elmobench.tasks.sentiment.pipeline import TEXT


class LinearTextOptions(PhraseOptions):
    """Options of :class:`LinearText`."""

    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the pooled vector."""


class LinearText(TextHead):
    """A probe: the mean of the token vectors, dropout, one linear layer."""

    reads_means = True

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: LinearTextOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.dropout = Dropout(options.dropout)
        self.output = nn.Linear(input_dims["input"], len(codec.labels))

    def logits(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, K) scores of the labels from (B, T, D) token vectors."""
        return self._labelled(masked_mean(x, mask))

    def scores(self, batch: Batch[ClassifiedText], mixed: Mixed) -> Tensor:
        """See :meth:`~elmobench.tasks.label_head.LabelHead.scores`."""
        return self._labelled(batch.slots[TEXT].mean(mixed["input"][TEXT]))

    def _labelled(self, pooled: Tensor) -> Tensor:
        out: Tensor = self.output(self.dropout(pooled))
        return out
