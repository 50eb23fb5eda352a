"""Heads that label the arguments of one predicate: a linear probe and two recurrent taggers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from elmobench.core.errors import DataError
from elmobench.data.examples import Proposition
from elmobench.nn.bio import bio_viterbi
from elmobench.nn.highway_lstm import AlternatingHighwayLstm
from elmobench.nn.recurrent import BiLstm
from elmobench.tasks.base import Batch, Head, HeadOptions, LabelCodec, Mixed
from elmobench.tasks.padding import BoundedCache, IntArray, pad_rows

UNIT = "sentence"
_CACHED_PROPOSITIONS = 100_000

# Distances to the predicate that the probe tells apart on each side: 1, 2, 3, 4, then up to
# these. With the predicate itself, and the two sides, that makes 2 * 8 + 1.
_EDGES = (1, 2, 3, 4, 5, 8, 16, 32)
DISTANCES = 2 * len(_EDGES) + 1


def distance_buckets(predicates: Tensor, time: int) -> Tensor:
    """(B,) predicate positions to (B, T) bucket ids: the middle one is the predicate itself."""
    offset = torch.arange(time, device=predicates.device) - predicates.unsqueeze(1)
    edges = torch.tensor(_EDGES, device=predicates.device)
    size = torch.bucketize(offset.abs(), edges, right=True)
    return len(_EDGES) + offset.sign() * size


class RoleHead(Head[Proposition]):
    """Base of the heads: scores of BIO tags from a subclass, each token's softmax by itself.

    The loss is the cross-entropy, averaged over a sentence's tokens and then over propositions.
    Decoding takes the best legal BIO sequence. The predicate is tagged V like an argument.
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: HeadOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.index = {label: i for i, label in enumerate(codec.labels)}
        self._targets: BoundedCache[tuple[str, ...], IntArray] = BoundedCache(_CACHED_PROPOSITIONS)

    @abstractmethod
    def scores(self, batch: Batch[Proposition], mixed: Mixed) -> Tensor:
        """(B, T, K) scores of the codec's labels; whatever at padding."""

    def loss(self, batch: Batch[Proposition], mixed: Mixed) -> Tensor:
        """Mean cross-entropy.

        Raises:
            DataError: for a tag that the codec does not hold.
        """
        mask = batch.units[UNIT].mask
        scores = self.scores(batch, mixed)
        targets = pad_rows([self._target(e) for e in batch.examples], mask.shape[1])
        real = mask.nonzero(as_tuple=True)
        each = F.cross_entropy(scores[real], targets.to(scores.device)[real], reduction="none")
        # Every token weighs 1 / (its sentence's length · number of sentences).
        weights = 1 / (mask.sum(dim=1) * len(batch.examples))
        return (each * weights[real[0]]).sum()

    @torch.no_grad()
    def predict(self, batch: Batch[Proposition], mixed: Mixed) -> list[list[str]]:
        """One list of legal BIO tags a proposition, as many as its sentence has tokens."""
        unit = batch.units[UNIT]
        paths = bio_viterbi(self.scores(batch, mixed), unit.mask)
        return [
            [self.codec.labels[i] for i in path[:length]]
            for path, length in zip(paths.tolist(), unit.lengths.tolist(), strict=True)
        ]

    def _target(self, example: Proposition) -> IntArray:
        found = self._targets.get(example.tags)
        if found is None:
            for i, tag in enumerate(example.tags):
                if tag not in self.index:
                    raise DataError(
                        f"tag {tag!r} does not occur in the training set",
                        where=f"example {example.id}, token {i}",
                        fix="list the tags in the task card's labels",
                    )
            found = np.array([self.index[tag] for tag in example.tags], dtype=np.int64)
            self._targets[example.tags] = found
        return found


def _predicates(batch: Batch[Proposition], device: torch.device) -> Tensor:
    """(B,) positions of the predicates."""
    return torch.tensor([example.predicate for example in batch.examples], device=device)


class LinearRolesOptions(HeadOptions):
    """Options of :class:`LinearRoles`.

    Attributes:
        dropout: on the token vectors.
    """

    dropout: float = Field(default=0.0, ge=0, lt=1)


class LinearRoles(RoleHead):
    """A probe: one linear layer over [token; predicate; distance between them].

    The least head that can: a token's role depends on the predicate, so a layer over the token
    alone would give every proposition of a sentence the same arguments. Of the sentence it reads
    nothing but the two vectors and the bucket of the distance (17: the predicate itself, which
    is the flag, and eight a side). The three add up, they do not interact.
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: LinearRolesOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        width, labels = input_dims["input"], len(codec.labels)
        self.dropout = nn.Dropout(options.dropout)
        self.token = nn.Linear(width, labels)
        self.predicate = nn.Linear(width, labels, bias=False)
        self.distance = nn.Embedding(DISTANCES, labels)
        nn.init.zeros_(self.distance.weight)

    def scores(self, batch: Batch[Proposition], mixed: Mixed) -> Tensor:
        """(B, T, K) scores: one product for the predicate serves all of its sentence's tokens."""
        x = self.dropout(mixed["input"][UNIT])
        places = _predicates(batch, x.device)
        predicate = x[torch.arange(len(x), device=x.device), places]
        distance = self.distance(distance_buckets(places, x.shape[1]))
        out: Tensor = self.token(x) + self.predicate(predicate).unsqueeze(1) + distance
        return out


class RecurrentRolesOptions(HeadOptions):
    """Options of the recurrent heads.

    Attributes:
        layers: of the encoder.
        hidden: units a layer and direction.
        flag_dim: width of the embedding that says whether a token is the predicate.
    """

    layers: int = Field(ge=1)
    hidden: int = Field(ge=1)
    flag_dim: int = Field(default=100, ge=1)


class RecurrentRoles(RoleHead):
    """[features; predicate flag] into an encoder, its output into one linear layer.

    Features at the output stand beside the encoder's output, with a mix of their own. With
    features at the output alone, the encoder reads the flag and nothing else: the "output" row
    of the ELMo paper's table 3 is of a model that reads word vectors there, too.
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
        """The encoder of (B, T, ``width``) vectors, and its output's width."""

    def _drop(self, x: Tensor) -> Tensor:
        """Dropout before and after the encoder; none here."""
        return x

    def scores(self, batch: Batch[Proposition], mixed: Mixed) -> Tensor:
        """(B, T, K) scores."""
        mask = batch.units[UNIT].mask
        places = _predicates(batch, mask.device).unsqueeze(1)
        flags = torch.arange(mask.shape[1], device=mask.device) == places
        x = self.flag(flags.long())
        if "input" in mixed:
            x = torch.cat([mixed["input"][UNIT], x], dim=-1)
        encoded = self._drop(self.encoder(self._drop(x), mask))
        if "output" in mixed:
            encoded = torch.cat([encoded, mixed["output"][UNIT]], dim=-1)
        out: Tensor = self.output(encoded)
        return out


class LstmRolesOptions(RecurrentRolesOptions):
    """Options of :class:`LstmRoles`.

    Attributes:
        dropout: on the encoder's input, between its layers and on its output.
    """

    layers: int = Field(default=1, ge=1)
    hidden: int = Field(default=128, ge=1)
    flag_dim: int = Field(default=32, ge=1)
    dropout: float = Field(default=0.2, ge=0, lt=1)


class LstmRoles(RecurrentRoles):
    """An affordable tagger: predicate flag, biLSTM, linear layer."""

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
    """Options of :class:`AlternatingRoles`; the defaults are the published sizes.

    Attributes:
        recurrent_dropout: on the states of every layer, one mask a sentence for all steps.
    """

    layers: int = Field(default=8, ge=1)
    hidden: int = Field(default=300, ge=1)
    recurrent_dropout: float = Field(default=0.1, ge=0, lt=1)


class AlternatingRoles(RecurrentRoles):
    """The published tagger: He et al. (2017) as in AllenNLP 0.9, which the ELMo paper used.

    Predicate flag of 100 values, eight alternating LSTM layers of 300 with highway connections,
    a linear layer that starts orthogonal.
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: AlternatingRolesOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        nn.init.orthogonal_(self.output.weight)

    def _encoder(self, width: int, options: RecurrentRolesOptions) -> tuple[nn.Module, int]:
        assert isinstance(options, AlternatingRolesOptions)
        encoder = AlternatingHighwayLstm(
            width, options.hidden, options.layers, options.recurrent_dropout
        )
        return encoder, encoder.out_dim
