"""Classifiers of senses: a linear probe, and a biLSTM."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn

from elmobench.data.examples import (
    SenseSentence,
)
from elmobench.nn.recurrent import BiLstm
from elmobench.tasks.base import HeadOptions, LabelCodec
from elmobench.tasks.head import Batch, Mixed
from elmobench.tasks.wsd.base import Pairs, SenseHead, span_vectors
from elmobench.tasks.wsd.pipeline import SENTENCE


class SenseClassifierOptions(HeadOptions):
    """Options of the classifiers.

    Attributes:
        dropout: on the token vectors and, with an encoder, on its output.
    """

    dropout: float = Field(default=0.0, ge=0, lt=1)


class SenseClassifier(SenseHead):
    """Base of the classifiers: one softmax over the senses that training has for the lemma.

    One output matrix, which starts at zero, holds a row for each sense of a lemma with several;
    the senses of other lemmas need none. The loss of an instance is the negative logarithm of the
    probability of its gold senses together, summed over a sentence's instances. Senses that
    training never shows are no candidates: they would never be right there.
    """

    rows: Tensor
    seen: Tensor

    def __init__(
        self,
        input_dims: Mapping[str, int],
        codec: LabelCodec,
        options: HeadOptions,
        width: int,
    ) -> None:
        super().__init__(input_dims, codec, options)
        several = sorted(
            {int(i) for found in self.senses.values() if len(found) > 1 for i in found}
        )
        rows = torch.full((len(codec.labels),), -1, dtype=torch.long)
        rows[several] = torch.arange(len(several))
        self.register_buffer("rows", rows, persistent=False)
        # Which senses the training set showed: a part of it may lack some.
        self.register_buffer("seen", torch.zeros(len(codec.labels), dtype=torch.bool))
        self.weight = nn.Parameter(torch.zeros(len(several), width))
        self.bias = nn.Parameter(torch.zeros(len(several)))

    @abstractmethod
    def encode(self, batch: Batch[SenseSentence], mixed: Mixed) -> Tensor:
        """(B, T, width) token vectors."""

    def scores(self, batch: Batch[SenseSentence], mixed: Mixed, pairs: Pairs) -> Tensor:
        """(P,) logits, 0 for the only sense of a lemma."""
        logits = self.logits(self.encode(batch, mixed), pairs)
        return torch.where(self.seen[pairs.sense], logits, -torch.inf)

    def logits(self, x: Tensor, pairs: Pairs) -> Tensor:
        """(P,) from (B, T, width)."""
        rows = self.rows[pairs.sense]
        chosen = (rows >= 0).nonzero().squeeze(-1)
        rows, instance = rows[chosen], pairs.instance[chosen]
        vectors = span_vectors(x, pairs)
        found = (vectors[instance] * self.weight[rows]).sum(dim=-1) + self.bias[rows]
        return x.new_zeros(len(pairs.sense)).index_put((chosen,), found)

    def loss(self, batch: Batch[SenseSentence], mixed: Mixed) -> Tensor:
        """Negative log-likelihood of the gold senses: sum over instances, mean over sentences."""
        pairs = self.pairs(batch)
        instances, labels = self.gold(pairs)
        if self.training:
            self.seen[labels] = True
        logits = self.logits(self.encode(batch, mixed), pairs)
        right = torch.isin(
            pairs.instance * len(self.index) + pairs.sense, instances * len(self.index) + labels
        )
        count = len(pairs.instances)
        everything = _log_sum_exp(logits, pairs.instance, count)
        good = _log_sum_exp(logits[right], pairs.instance[right], count)
        return (everything - good).sum() / max(1, len(batch.examples))


def _log_sum_exp(values: Tensor, group: Tensor, groups: int) -> Tensor:
    """(groups,) log Σ exp of the values of each group; none may be empty."""
    highest = values.detach().new_full((groups,), -torch.inf)
    highest = highest.scatter_reduce(0, group, values.detach(), "amax")
    total = values.new_zeros(groups).index_add(0, group, (values - highest[group]).exp())
    return total.log() + highest


class LinearSensesOptions(SenseClassifierOptions):
    """Options of :class:`LinearSenses`."""


class LinearSenses(SenseClassifier):
    """A probe: dropout, one linear layer, softmax over the lemma's senses."""

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: LinearSensesOptions
    ) -> None:
        super().__init__(input_dims, codec, options, input_dims["input"])
        self.dropout = nn.Dropout(options.dropout)

    def encode(self, batch: Batch[SenseSentence], mixed: Mixed) -> Tensor:
        """(B, T, D): the mixed vectors."""
        out: Tensor = self.dropout(mixed["input"][SENTENCE])
        return out


class LstmSensesOptions(SenseClassifierOptions):
    """Options of :class:`LstmSenses`.

    Attributes:
        layers: biLSTM layers.
        hidden: units a direction.
    """

    layers: int = Field(default=1, ge=1)
    hidden: int = Field(default=100, ge=1)


class LstmSenses(SenseClassifier):
    """A biLSTM over the sentence, then as :class:`LinearSenses`."""

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: LstmSensesOptions
    ) -> None:
        super().__init__(input_dims, codec, options, 2 * options.hidden)
        self.dropout = nn.Dropout(options.dropout)
        self.encoder = BiLstm(input_dims["input"], options.hidden, options.layers, options.dropout)

    def encode(self, batch: Batch[SenseSentence], mixed: Mixed) -> Tensor:
        """(B, T, 2·hidden)."""
        x = self.encoder(self.dropout(mixed["input"][SENTENCE]), batch.slots[SENTENCE].mask)
        out: Tensor = self.dropout(x)
        return out
