"""A multilayer perceptron over the mean of the token vectors."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn

from elmobench.nn.pooling import masked_mean
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.sentiment.base import TextHead
from elmobench.tasks.sentiment.phrases import PhraseOptions


class MlpTextOptions(PhraseOptions):
    """Options of :class:`MlpText`."""

    hidden: int = Field(default=256, ge=1)
    """Units of the hidden layer."""
    dropout: float = Field(default=0.3, ge=0, lt=1)
    """Dropout on the hidden units."""


class MlpText(TextHead):
    """The mean of the token vectors, one hidden ReLU layer, dropout, one linear layer."""

    reads_means = True

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: MlpTextOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.hidden = nn.Linear(input_dims["input"], options.hidden)
        self.dropout = nn.Dropout(options.dropout)
        self.output = nn.Linear(options.hidden, len(codec.labels))

    def logits(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, K) scores of the labels from (B, T, D) token vectors."""
        hidden = torch.relu(self.hidden(masked_mean(x, mask)))
        out: Tensor = self.output(self.dropout(hidden))
        return out
