"""Heads that score one vector per example: a linear probe, a hidden layer, a recurrent encoder.

A pipeline's head combines one of these classes, which compute scores, with a class that says what
the vector is and one that says what the scores mean.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar, TypeVar

import torch
from pydantic import Field
from torch import Tensor, nn

from elmobench.nn.dropout import Dropout
from elmobench.nn.pooling import masked_max, masked_mean
from elmobench.nn.recurrent import BiLstm
from elmobench.tasks.base import HeadOptions, LabelCodec
from elmobench.tasks.head import Batch, Head, Mixed

E = TypeVar("E")
Pool = Callable[[Tensor, Tensor], Tensor]
"""(B, T, D) token vectors and their (B, T) mask -> (B, D) vectors of the texts."""
States = Mapping[str, Tensor]
"""slot -> (B, T, D) vectors or encoder states of the tokens."""


class LinearOptions(HeadOptions):
    """Options of the linear probes."""

    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the vector of the example."""


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


class VectorHead(Head[E]):
    """Base of the heads that score one vector per example."""

    copies: ClassVar[int] = 1
    """How often the width of a text's vector the example's vector is wide."""

    @abstractmethod
    def scores(self, batch: Batch[E], mixed: Mixed) -> Tensor:
        """(B, K) scores; K is :meth:`size`."""

    @abstractmethod
    def vector(self, batch: Batch[E], states: States, pool: Pool) -> Tensor:
        """(B, copies * D) vectors of the examples.

        Args:
            batch: the examples.
            states: (B, T, D) vectors or encoder states of the tokens in each slot.
            pool: makes vectors of texts from those of their tokens.
        """

    @classmethod
    @abstractmethod
    def size(cls, codec: LabelCodec) -> int:
        """The number of scores."""


class LinearHead(VectorHead[E]):
    """One linear layer; the vector of a text is the mean of its token vectors."""

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: LinearOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.dropout = Dropout(options.dropout)
        self.output = nn.Linear(self.copies * input_dims["input"], self.size(codec))

    def scores(self, batch: Batch[E], mixed: Mixed) -> Tensor:
        """See :class:`VectorHead`."""
        vectors = self.dropout(self.vector(batch, mixed["input"], masked_mean))
        out: Tensor = self.output(vectors)
        return out


class MlpHead(VectorHead[E]):
    """One hidden ReLU layer; the vector of a text is the mean of its token vectors."""

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: MlpOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.hidden = nn.Linear(self.copies * input_dims["input"], options.hidden)
        self.dropout = Dropout(options.dropout)
        self.output = nn.Linear(options.hidden, self.size(codec))

    def scores(self, batch: Batch[E], mixed: Mixed) -> Tensor:
        """See :class:`VectorHead`."""
        hidden = torch.relu(self.hidden(self.vector(batch, mixed["input"], masked_mean)))
        out: Tensor = self.output(self.dropout(hidden))
        return out


class RecurrentHead(VectorHead[E]):
    """One hidden ReLU layer; the vector of a text is the maximum of biLSTM states.

    The encoder is that of InferSent (Conneau et al. 2017); all texts of an example share it.
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: RecurrentOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.encoder = BiLstm(input_dims["input"], options.encoder)
        self.input_dropout = Dropout(options.input_dropout)
        self.hidden = nn.Linear(self.copies * self.encoder.out_dim, options.hidden)
        self.dropout = Dropout(options.dropout)
        self.output = nn.Linear(options.hidden, self.size(codec))

    def scores(self, batch: Batch[E], mixed: Mixed) -> Tensor:
        """See :class:`VectorHead`."""
        states = {
            slot: self.encoder(self.input_dropout(x), batch.slots[slot].mask)
            for slot, x in mixed["input"].items()
        }
        hidden = torch.relu(self.hidden(self.vector(batch, states, masked_max)))
        out: Tensor = self.output(self.dropout(hidden))
        return out


def compared(u: Tensor, v: Tensor) -> Tensor:
    """(B, 2 D) vectors ``[|u - v| ; u * v]``: distance and product of two (B, D) vectors.

    These features are those of Tai et al. 2015 and of SentEval. Both are symmetric: the order of
    the two vectors has no effect.
    """
    return torch.cat([(u - v).abs(), u * v], dim=1)
