"""The biattentive classification network: the ELMo paper's head for sentiment."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from elmobench.nn.biattention import attend, integrator_input
from elmobench.nn.maxout import Maxout
from elmobench.nn.pooling import attentive_pool, masked_max, masked_mean, masked_min
from elmobench.nn.recurrent import BiLstm
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.sentiment.base import TextHead
from elmobench.tasks.sentiment.phrases import PhraseOptions


class BcnOptions(PhraseOptions):
    """Options of :class:`Bcn`; the defaults are the published sizes."""

    feedforward: int = Field(default=300, ge=1)
    """Units of the layer before the encoder."""
    encoder: int = Field(default=300, ge=1)
    """Units of the encoder biLSTM, per direction."""
    integrator: int = Field(default=300, ge=1)
    """Units of the integrator biLSTM, per direction."""
    maxout: tuple[int, ...] = (1200, 600)
    """Widths of the maxout layers except the last, whose width is the number of labels."""
    pool: int = Field(default=4, ge=1)
    """Linear maps per maxout unit."""
    embedding_dropout: float = Field(default=0.5, ge=0, lt=1)
    """Dropout on the input vectors."""
    feedforward_dropout: float = Field(default=0.25, ge=0, lt=1)
    """Dropout after the feed-forward layer."""
    integrator_dropout: float = Field(default=0.1, ge=0, lt=1)
    """Dropout on the pooled vector."""
    maxout_dropout: tuple[float, ...] = (0.2, 0.3, 0.0)
    """Dropout after each maxout layer, including the last."""

    @model_validator(mode="after")
    def _one_dropout_a_layer(self) -> BcnOptions:
        if len(self.maxout_dropout) != len(self.maxout) + 1:
            raise ValueError(
                f"maxout_dropout needs {len(self.maxout) + 1} values: one per width in "
                "maxout and one for the last layer"
            )
        return self


class Bcn(TextHead):
    """The biattentive classification network (McCann et al. 2017), for a single text.

    Its layers are: a ReLU feed-forward layer; a biLSTM encoder; biattention of the text on itself;
    a biLSTM over ``[x ; x - context ; x * context]``; max, min, mean and self-attentive pooling,
    concatenated; maxout layers. Dropout is applied where the published AllenNLP model applies it.
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: BcnOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.embedding_dropout = nn.Dropout(options.embedding_dropout)
        self.feedforward = nn.Linear(input_dims["input"], options.feedforward)
        self.feedforward_dropout = nn.Dropout(options.feedforward_dropout)
        self.encoder = BiLstm(options.feedforward, options.encoder)
        self.integrator = BiLstm(3 * self.encoder.out_dim, options.integrator)
        self.attention = nn.Linear(self.integrator.out_dim, 1)
        self.integrator_dropout = nn.Dropout(options.integrator_dropout)
        self.output = Maxout(
            4 * self.integrator.out_dim,
            [*options.maxout, len(codec.labels)],
            options.pool,
            options.maxout_dropout,
        )

    def logits(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, K) scores of the labels from (B, T, D) token vectors."""
        x = torch.relu(self.feedforward(self.embedding_dropout(x)))
        encoded: Tensor = self.encoder(self.feedforward_dropout(x), mask)
        context = attend(encoded, encoded, mask)
        integrated: Tensor = self.integrator(integrator_input(encoded, context), mask)
        pooled = torch.cat(
            [
                masked_max(integrated, mask),
                masked_min(integrated, mask),
                masked_mean(integrated, mask),
                attentive_pool(integrated, self.attention(integrated).squeeze(-1), mask),
            ],
            dim=1,
        )
        out: Tensor = self.output(self.integrator_dropout(pooled))
        return out
