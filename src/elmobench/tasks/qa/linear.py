"""The linear probe for question answering."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn

from elmobench.data.questions import PassageQuestion
from elmobench.nn.dropout import Dropout
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.head import Batch, Mixed
from elmobench.tasks.qa.base import SpanHead, SpanOptions
from elmobench.tasks.qa.pipeline import PASSAGE, QUESTION


class LinearSpanOptions(SpanOptions):
    """Options of :class:`LinearSpan`."""

    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the token vectors."""


class LinearSpan(SpanHead):
    """A linear probe over ``[p_t ; p_t ∘ q]``, with q the mean of the question's vectors.

    It is the simplest head able to express the task: without the product every question on a
    passage would get the same answer. It has no recurrent layer and no attention. With context-free
    vectors it therefore knows a passage's words, but not their order or neighbours.
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: LinearSpanOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.dropout = Dropout(options.dropout)
        # A bias would cancel in the softmax over the tokens.
        self.output = nn.Linear(2 * input_dims["input"], 2, bias=False)

    def scores(self, batch: Batch[PassageQuestion], mixed: Mixed) -> tuple[Tensor, Tensor]:
        """See :meth:`SpanHead.scores`."""
        vectors = mixed["input"]
        summary = batch.slots[QUESTION].mean(vectors[QUESTION]).unsqueeze(1)
        passage = vectors[PASSAGE]
        both = self.output(self.dropout(torch.cat([passage, passage * summary], dim=-1)))
        return both[..., 0], both[..., 1]
