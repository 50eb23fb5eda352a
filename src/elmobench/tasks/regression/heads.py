"""Heads for regression: a linear probe, a hidden layer, and a recurrent encoder.

Each reads texts or pairs of texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from elmobench.nn.pooling import masked_max, masked_mean
from elmobench.nn.recurrent import BiLstm
from elmobench.tasks.base import HeadOptions, LabelCodec
from elmobench.tasks.head import Batch, Mixed
from elmobench.tasks.regression.base import NumberHead, Pool, pair_vector, text_vector
from elmobench.tasks.regression.pipeline import R


class LinearOptions(HeadOptions):
    """Options of the linear probes."""

    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the vector of the text or pair."""


class MlpOptions(HeadOptions):
    """Options of the heads with one hidden layer."""

    hidden: int = Field(default=256, ge=1)
    """Units of the hidden layer."""
    dropout: float = Field(default=0.3, ge=0, lt=1)
    """Dropout on the hidden units."""


class RecurrentOptions(MlpOptions):
    """Options of the heads with a recurrent encoder."""

    encoder: int = Field(default=100, ge=1)
    """Units of the biLSTM, per direction."""
    input_dropout: float = Field(default=0.2, ge=0, lt=1)
    """Dropout on the token vectors."""


class VectorHead(NumberHead[R]):
    """Base of the heads that predict from one vector per example.

    Attributes:
        is_pair: whether the examples are pairs.
    """

    is_pair: ClassVar[bool] = False

    def vector(self, batch: Batch[R], mixed: Mixed, pool: Pool) -> Tensor:
        """(B, D) or, of pairs, (B, 2 D) vectors of the examples."""
        return (pair_vector if self.is_pair else text_vector)(batch, mixed, pool)

    @classmethod
    def width(cls, dim: int) -> int:
        """The width of an example's vector, from that of a text's vector."""
        return 2 * dim if cls.is_pair else dim


class Linear(VectorHead[R]):
    """The mean of the token vectors of each text, and one linear layer."""

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: LinearOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.dropout = nn.Dropout(options.dropout)
        self.output = nn.Linear(self.width(input_dims["input"]), 1)

    def outputs(self, batch: Batch[R], mixed: Mixed) -> Tensor:
        """(B,) standardised numbers."""
        vectors = self.dropout(self.vector(batch, mixed, masked_mean))
        out: Tensor = self.output(vectors).squeeze(1)
        return out


class Mlp(VectorHead[R]):
    """The mean of the token vectors of each text, and one hidden ReLU layer."""

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: MlpOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.hidden = nn.Linear(self.width(input_dims["input"]), options.hidden)
        self.dropout = nn.Dropout(options.dropout)
        self.output = nn.Linear(options.hidden, 1)

    def outputs(self, batch: Batch[R], mixed: Mixed) -> Tensor:
        """(B,) standardised numbers."""
        hidden = torch.relu(self.hidden(self.vector(batch, mixed, masked_mean)))
        out: Tensor = self.output(self.dropout(hidden)).squeeze(1)
        return out


class Recurrent(VectorHead[R]):
    """A biLSTM over each text, its maximum over the tokens, and one hidden ReLU layer.

    The encoder is that of InferSent (Conneau et al. 2017); both texts of a pair share it.
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: RecurrentOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.encoder = BiLstm(input_dims["input"], options.encoder)
        self.input_dropout = nn.Dropout(options.input_dropout)
        self.hidden = nn.Linear(self.width(self.encoder.out_dim), options.hidden)
        self.dropout = nn.Dropout(options.dropout)
        self.output = nn.Linear(options.hidden, 1)

    def outputs(self, batch: Batch[R], mixed: Mixed) -> Tensor:
        """(B,) standardised numbers."""
        hidden = torch.relu(self.hidden(self.vector(batch, mixed, self._encode)))
        out: Tensor = self.output(self.dropout(hidden)).squeeze(1)
        return out

    def _encode(self, x: Tensor, mask: Tensor) -> Tensor:
        return masked_max(self.encoder(self.input_dropout(x), mask), mask)


class LinearPair(Linear[R]):
    """:class:`Linear` over ``[|u - v| ; u * v]``."""

    is_pair = True


class MlpPair(Mlp[R]):
    """:class:`Mlp` over ``[|u - v| ; u * v]``."""

    is_pair = True


class RecurrentPair(Recurrent[R]):
    """:class:`Recurrent` over ``[|u - v| ; u * v]``."""

    is_pair = True
