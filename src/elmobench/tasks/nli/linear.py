"""The linear probe for sentence pairs."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn

from elmobench.data.examples import (
    SentencePair,
)
from elmobench.nn.dropout import Dropout
from elmobench.tasks.base import HeadOptions, LabelCodec
from elmobench.tasks.head import Batch, Mixed
from elmobench.tasks.label_head import LabelHead
from elmobench.tasks.nli.pipeline import HYPOTHESIS, PREMISE


class LinearPairOptions(HeadOptions):
    """Options of :class:`LinearPair`."""

    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the vector of the pair."""


class LinearPair(LabelHead[SentencePair]):
    """A linear probe over ``[u ; v ; |u - v| ; u * v]``, with u and v the two mean vectors.

    These features of a pair are those of InferSent (Conneau et al. 2017, section 3.1).
    """

    reads_means = True

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: LinearPairOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.dropout = Dropout(options.dropout)
        self.output = nn.Linear(4 * input_dims["input"], len(codec.labels))

    def scores(self, batch: Batch[SentencePair], mixed: Mixed) -> Tensor:
        """(B, K) scores of the K labels."""
        u, v = (batch.slots[slot].mean(mixed["input"][slot]) for slot in (PREMISE, HYPOTHESIS))
        pair = torch.cat([u, v, (u - v).abs(), u * v], dim=1)
        out: Tensor = self.output(self.dropout(pair))
        return out
