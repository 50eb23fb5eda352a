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
from elmobench.nn.initialization import Initialization, init_linear, init_lstm
from elmobench.nn.pooling import masked_max, masked_mean
from elmobench.nn.recurrent import BiLstm
from elmobench.nn.variational_dropout import VariationalDropout
from elmobench.tasks.base import HeadOptions, LabelCodec
from elmobench.tasks.head import Batch, Mixed
from elmobench.tasks.label_head import LabelHead
from elmobench.tasks.nli.pipeline import HYPOTHESIS, PREMISE


class EsimOptions(HeadOptions):
    """Options of :class:`Esim`; the defaults are the published sizes."""

    hidden: int = Field(default=300, ge=1)
    """Units of both biLSTMs, per direction."""
    feedforward: int = Field(default=300, ge=1)
    """Units of the projection and of the layer before the output."""
    dropout: float = Field(default=0.5, ge=0, lt=1)
    """Dropout on the inputs of both biLSTMs, with one mask for all tokens of a sentence, and on the
    inputs of the last two layers.
    """
    initialization: Initialization = "torch"
    """With ``allennlp``, linear layers and biLSTMs start as in AllenNLP's configuration: Xavier
    uniform, orthogonal recurrent weights, biases of one at the forget gates.
    """


class Esim(LabelHead[SentencePair]):
    """The enhanced sequential inference model (Chen et al. 2017), as the ELMo paper used it.

    A biLSTM encodes each sentence; dot attention gives every token a summary of the other
    sentence; ``[x ; summary ; x - summary ; x * summary]`` is projected by a ReLU layer; a second
    biLSTM reads that; mean and maximum of both sentences go through a ReLU layer to the labels.
    Both sentences share all weights.

    Features at ``output`` are concatenated with the encoder's output, so that attention reads them
    too (Peters et al. 2018, section 3.3, table 3). With features at ``output`` alone they replace
    the encoder, which has no input then. The paper's row for that has GloVe at the input.
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
        if options.initialization == "allennlp":
            for module in self.modules():
                if isinstance(module, nn.Linear):
                    init_linear(module)
                elif isinstance(module, nn.LSTM):
                    init_lstm(module)

    def scores(self, batch: Batch[SentencePair], mixed: Mixed) -> Tensor:
        """(B, K) scores of the K labels."""
        masks = {slot: batch.slots[slot].mask for slot in (PREMISE, HYPOTHESIS)}
        encoded = {slot: self._encode(mixed, slot, mask) for slot, mask in masks.items()}
        pooled = []
        for slot, other in ((PREMISE, HYPOTHESIS), (HYPOTHESIS, PREMISE)):
            x, mask = encoded[slot], masks[slot]
            summary = attend(x, encoded[other], masks[other])
            enhanced = torch.cat([x, summary, x - summary, x * summary], dim=-1)
            projected = self.sequence_dropout(torch.relu(self.projection(enhanced)))
            inferred = self.inference(projected, mask)
            pooled += [masked_mean(inferred, mask), masked_max(inferred, mask)]
        hidden = torch.relu(self.hidden(self.dropout(torch.cat(pooled, dim=1))))
        out: Tensor = self.output(self.dropout(hidden))
        return out

    def _encode(self, mixed: Mixed, slot: str, mask: Tensor) -> Tensor:
        vectors = []
        if self.encoder is not None:
            vectors.append(self.encoder(self.sequence_dropout(mixed["input"][slot]), mask))
        if "output" in self.input_dims:
            vectors.append(mixed["output"][slot])
        return torch.cat(vectors, dim=-1)
