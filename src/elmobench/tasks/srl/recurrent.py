"""Recurrent heads for semantic roles: a small biLSTM, and the published tagger."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn

from elmobench.data.examples import (
    Proposition,
)
from elmobench.nn.highway_lstm import AlternatingHighwayLstm
from elmobench.nn.initialization import init_embedding
from elmobench.nn.recurrent import BiLstm
from elmobench.tasks.base import HeadOptions, LabelCodec
from elmobench.tasks.head import Batch, Mixed
from elmobench.tasks.srl.base import RoleHead, predicate_places
from elmobench.tasks.srl.pipeline import SENTENCE


class RecurrentRolesOptions(HeadOptions):
    """Options of the recurrent heads."""

    layers: int = Field(ge=1)
    """Number of layers of the encoder."""
    hidden: int = Field(ge=1)
    """Units per layer and direction."""
    flag_dim: int = Field(default=100, ge=1)
    """Width of the embedding of the flag that marks the predicate."""


class RecurrentRoles(RoleHead):
    """Base class of the recurrent heads: [features; predicate flag], encoder, linear layer.

    Features at the output are concatenated with the encoder's output and have a mix of their own.
    With features at the output alone the encoder reads only the flag; the "output" row of the ELMo
    paper's table 3 is of a model whose encoder also reads word vectors.
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: RecurrentRolesOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.flag = nn.Embedding(2, options.flag_dim)
        width = input_dims.get("input", 0) + options.flag_dim
        self.encoder, encoded = self._encoder(width, options)
        self.output = nn.Linear(encoded + input_dims.get("output", 0), len(codec.labels))

    @abstractmethod
    def _encoder(self, width: int, options: RecurrentRolesOptions) -> tuple[nn.Module, int]:
        """An encoder of (B, T, ``width``) vectors, and the width of its output."""

    def _drop(self, x: Tensor) -> Tensor:
        """Apply dropout before and after the encoder; none unless overridden."""
        return x

    def scores(self, batch: Batch[Proposition], mixed: Mixed) -> Tensor:
        """(B, T, K) scores of the K labels."""
        mask = batch.slots[SENTENCE].mask
        places = predicate_places(batch, mask.device).unsqueeze(1)
        flags = torch.arange(mask.shape[1], device=mask.device) == places
        x = self.flag(flags.long())
        if "input" in mixed:
            x = torch.cat([mixed["input"][SENTENCE], x], dim=-1)
        encoded = self._drop(self.encoder(self._drop(x), mask))
        if "output" in mixed:
            encoded = torch.cat([encoded, mixed["output"][SENTENCE]], dim=-1)
        out: Tensor = self.output(encoded)
        return out


class LstmRolesOptions(RecurrentRolesOptions):
    """Options of :class:`LstmRoles`."""

    layers: int = Field(default=1, ge=1)
    hidden: int = Field(default=128, ge=1)
    flag_dim: int = Field(default=32, ge=1)
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Dropout on the encoder's input, between its layers and on its output."""


class LstmRoles(RecurrentRoles):
    """A small tagger: predicate flag, biLSTM, linear layer."""

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: LstmRolesOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.dropout = nn.Dropout(options.dropout)

    def _encoder(self, width: int, options: RecurrentRolesOptions) -> tuple[nn.Module, int]:
        assert isinstance(options, LstmRolesOptions)
        encoder = BiLstm(width, options.hidden, options.layers, options.dropout)
        return encoder, encoder.out_dim

    def _drop(self, x: Tensor) -> Tensor:
        out: Tensor = self.dropout(x)
        return out


class AlternatingRolesOptions(RecurrentRolesOptions):
    """Options of :class:`AlternatingRoles`; the defaults are the published sizes."""

    layers: int = Field(default=8, ge=1)
    hidden: int = Field(default=300, ge=1)
    recurrent_dropout: float = Field(default=0.1, ge=0, lt=1)
    """Dropout on the states of every layer, with one mask per sentence for all steps."""
    input_bias: bool = False
    """Whether the encoder's products of its input have a bias: not in the published configuration
    with ELMo, but in that of the baseline without.
    """


class AlternatingRoles(RecurrentRoles):
    """The published tagger: He et al. (2017) as in AllenNLP 0.9, which the ELMo paper used.

    It has a predicate flag of 100 dimensions, eight alternating LSTM layers of 300 units with
    highway connections, and a linear layer. The flag's vectors start Xavier-uniform, the linear
    layer's weight orthogonal. Decoding maximises the sum of the tags' probabilities, as AllenNLP
    does; the other heads maximise their product.
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: AlternatingRolesOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        init_embedding(self.flag)
        nn.init.orthogonal_(self.output.weight)

    def decoding_scores(self, scores: Tensor) -> Tensor:
        """(B, T, K) probabilities of the tags."""
        return torch.softmax(scores, dim=-1)

    def _encoder(self, width: int, options: RecurrentRolesOptions) -> tuple[nn.Module, int]:
        assert isinstance(options, AlternatingRolesOptions)
        encoder = AlternatingHighwayLstm(
            width,
            options.hidden,
            options.layers,
            options.recurrent_dropout,
            input_bias=options.input_bias,
        )
        return encoder, encoder.out_dim
