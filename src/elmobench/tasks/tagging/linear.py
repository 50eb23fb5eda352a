"""The linear probe for span tags: one linear layer and a CRF."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field
from torch import Tensor, nn

from elmobench.data.examples import (
    TaggedSentence,
)
from elmobench.nn.dropout import Dropout
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.head import Batch, Mixed
from elmobench.tasks.tagging.base import CrfHead, CrfOptions
from elmobench.tasks.tagging.pipeline import SENTENCE


class LinearTaggerOptions(CrfOptions):
    """Options of :class:`LinearTagger`."""

    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the token vectors."""


class LinearTagger(CrfHead):
    """A linear probe: dropout, one linear layer, CRF."""

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: LinearTaggerOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.dropout = Dropout(options.dropout)
        self.output = nn.Linear(input_dims["input"], len(codec.labels))

    def emissions(self, batch: Batch[TaggedSentence], mixed: Mixed) -> Tensor:
        """(B, T, K) scores of the K labels."""
        out: Tensor = self.output(self.dropout(mixed["input"][SENTENCE]))
        return out
