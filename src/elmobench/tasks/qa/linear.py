"""The linear probe for question answering."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn

from elmobench.data.questions import PassageQuestion
from elmobench.nn.pooling import masked_mean
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.head import Batch, Mixed
from elmobench.tasks.qa.base import SpanHead, SpanOptions
from elmobench.tasks.qa.pipeline import PASSAGE, QUESTION


class LinearSpanOptions(SpanOptions):
    """Options of :class:`LinearSpan`.

    Attributes:
        dropout: on the token vectors.
    """

    dropout: float = Field(default=0.0, ge=0, lt=1)


class LinearSpan(SpanHead):
    """A probe: linear scores of ``[p_t ; p_t ∘ q]``, q the mean of the question's vectors.

    It is the least that can answer: without the product every question on a passage would get
    the same answer. It has no recurrent layer and no attention, so over context-free vectors it
    knows a passage's words but nothing of their order or neighbours.
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: LinearSpanOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.dropout = nn.Dropout(options.dropout)
        # No bias: a softmax over the tokens does not feel it.
        self.output = nn.Linear(2 * input_dims["input"], 2, bias=False)

    def scores(self, batch: Batch[PassageQuestion], mixed: Mixed) -> tuple[Tensor, Tensor]:
        """See :meth:`SpanHead.scores`."""
        vectors = mixed["input"]
        summary = masked_mean(vectors[QUESTION], batch.slots[QUESTION].mask).unsqueeze(1)
        passage = vectors[PASSAGE]
        both = self.output(self.dropout(torch.cat([passage, passage * summary], dim=-1)))
        return both[..., 0], both[..., 1]
