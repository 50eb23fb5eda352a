"""ESIM, the ELMo paper's head for natural language inference."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn

from elmobench.data.examples import (
    SentencePair,
)
from elmobench.nn.biattention import attend
from elmobench.nn.pooling import masked_max, masked_mean
from elmobench.nn.recurrent import BiLstm
from elmobench.nn.variational_dropout import VariationalDropout
from elmobench.tasks.base import HeadOptions, LabelCodec
from elmobench.tasks.head import Batch, Mixed
from elmobench.tasks.label_head import LabelHead
from elmobench.tasks.nli.pipeline import HYPOTHESIS, PREMISE


class EsimOptions(HeadOptions):
    """Options of :class:`Esim`; the defaults are the published sizes.

    Attributes:
        hidden: units a direction of both biLSTMs.
        feedforward: units of the projection and of the layer before the output.
        dropout: on the inputs of both biLSTMs, the same values at all tokens of a sentence, and
            on the inputs of the last two layers.
    """

    hidden: int = Field(default=300, ge=1)
    feedforward: int = Field(default=300, ge=1)
    dropout: float = Field(default=0.5, ge=0, lt=1)


class Esim(LabelHead[SentencePair]):
    """The enhanced sequential inference model (Chen et al. 2017), as the ELMo paper used it.

    A biLSTM encodes each sentence; dot attention gives every token a summary of the other
    sentence; ``[x ; summary ; x - summary ; x * summary]`` is projected by a ReLU layer; a second
    biLSTM reads that; mean and maximum of both sentences go through a ReLU layer to the labels.
    Both sentences share all weights.

    Features at ``output`` stand beside the encoder's output, so that attention reads them too
    (Peters et al. 2018, section 3.3, table 3). At ``output`` alone there is nothing to encode:
    they stand in the encoder's place. The paper's row for that has GloVe at the input.
    """

    encoder: BiLstm | None

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: EsimOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        width = input_dims.get("output", 0)
        self.encoder = None
        if "input" in input_dims:
            self.encoder = BiLstm(input_dims["input"], options.hidden)
            width += self.encoder.out_dim
        self.projection = nn.Linear(4 * width, options.feedforward)
        self.inference = BiLstm(options.feedforward, options.hidden)
        self.hidden = nn.Linear(4 * self.inference.out_dim, options.feedforward)
        self.output = nn.Linear(options.feedforward, len(codec.labels))
        self.sequence_dropout = VariationalDropout(options.dropout)
        self.dropout = nn.Dropout(options.dropout)

    def scores(self, batch: Batch[SentencePair], mixed: Mixed) -> Tensor:
        """(B, number of labels) scores."""
        masks = {unit: batch.slots[unit].mask for unit in (PREMISE, HYPOTHESIS)}
        encoded = {unit: self._encode(mixed, unit, mask) for unit, mask in masks.items()}
        pooled = []
        for unit, other in ((PREMISE, HYPOTHESIS), (HYPOTHESIS, PREMISE)):
            x, mask = encoded[unit], masks[unit]
            summary = attend(x, encoded[other], masks[other])
            enhanced = torch.cat([x, summary, x - summary, x * summary], dim=-1)
            projected = self.sequence_dropout(torch.relu(self.projection(enhanced)))
            inferred = self.inference(projected, mask)
            pooled += [masked_mean(inferred, mask), masked_max(inferred, mask)]
        hidden = torch.relu(self.hidden(self.dropout(torch.cat(pooled, dim=1))))
        out: Tensor = self.output(self.dropout(hidden))
        return out

    def _encode(self, mixed: Mixed, unit: str, mask: Tensor) -> Tensor:
        found = []
        if self.encoder is not None:
            found.append(self.encoder(self.sequence_dropout(mixed["input"][unit]), mask))
        if "output" in self.input_dims:
            found.append(mixed["output"][unit])
        return torch.cat(found, dim=-1)
