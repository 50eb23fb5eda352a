"""Sense classifiers: a linear probe and a biLSTM."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn

from elmobench.data.examples import (
    SenseSentence,
)
from elmobench.nn.dropout import Dropout
from elmobench.nn.recurrent import BiLstm
from elmobench.nn.spans import rows_of
from elmobench.tasks.base import HeadOptions, LabelCodec
from elmobench.tasks.head import Batch, Mixed
from elmobench.tasks.wsd.base import Pairs, SenseHead, span_vectors
from elmobench.tasks.wsd.pipeline import SENTENCE


class SenseClassifierOptions(HeadOptions):
    """Options of the sense classifiers."""

    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the token vectors and on the output of an encoder, if there is one."""


class SenseClassifier(SenseHead):
    """Base class of the classifiers: a softmax over the senses of the lemma in training.

    One output matrix, initially zero, has a row for each sense of a lemma with several senses; the
    senses of other lemmas need none. The loss of an instance is the negative logarithm of the total
    probability of its gold senses; losses are summed over the instances of a sentence. Senses that
    do not occur in training are no candidates, since they were never correct there.
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
            {int(i) for senses in self.senses.values() if len(senses) > 1 for i in senses}
        )
        rows = torch.full((len(codec.labels),), -1, dtype=torch.long)
        rows[several] = torch.arange(len(several))
        self.register_buffer("rows", rows, persistent=False)
        # Which senses occurred in training: a subset of the training set may lack some.
        self.register_buffer("seen", torch.zeros(len(codec.labels), dtype=torch.bool))
        self.weight = nn.Parameter(torch.zeros(len(several), width))
        self.bias = nn.Parameter(torch.zeros(len(several)))

    @abstractmethod
    def encode(self, batch: Batch[SenseSentence], mixed: Mixed) -> Tensor:
        """(B, T, W) token vectors, as wide as the output matrix."""

    def scores(self, batch: Batch[SenseSentence], mixed: Mixed, pairs: Pairs) -> Tensor:
        """(P,) logits; 0 for the only sense of a lemma, -inf for senses not seen in training."""
        logits = self.logits(self.encode(batch, mixed), batch)
        return torch.where(self.seen[pairs.sense], logits, -torch.inf)

    def logits(self, x: Tensor, batch: Batch[SenseSentence]) -> Tensor:
        """(P,) logits of the batch's pairs from (B, T, W) token vectors."""
        pairs = self.pairs(batch)
        chosen, rows, instance = batch.once(("rows", id(self.codec)), lambda: self._rows(pairs))
        vectors = span_vectors(x, pairs)
        scores = (rows_of(vectors, instance) * rows_of(self.weight, rows)).sum(dim=-1)
        scores = scores + self.bias[rows]
        return scores.new_zeros(len(pairs.sense)).index_put((chosen,), scores)

    def _rows(self, pairs: Pairs) -> tuple[Tensor, Tensor, Tensor]:
        """The pairs whose senses have rows: their numbers, rows and instances."""
        rows = self.rows[pairs.sense]
        chosen = (rows >= 0).nonzero().squeeze(-1)
        return chosen, rows[chosen], pairs.instance[chosen]

    def loss(self, batch: Batch[SenseSentence], mixed: Mixed) -> Tensor:
        """Negative log-likelihood of the gold senses, summed over a sentence's instances.

        The result is the mean over the sentences.
        """
        pairs = self.pairs(batch)
        labels, right, instances = batch.once(("gold", id(self.codec)), lambda: self._right(pairs))
        if self.training:
            self.seen[labels] = True
        logits = self.logits(self.encode(batch, mixed), batch)
        count = len(pairs.instances)
        total = _log_sum_exp(logits, pairs.instance, count)
        gold = _log_sum_exp(logits[right], instances, count)
        return (total - gold).sum() / max(1, len(batch.examples))

    def _right(self, pairs: Pairs) -> tuple[Tensor, Tensor, Tensor]:
        """The gold labels; which pairs have a gold sense (bool), and the instances of those."""
        instances, labels = self.gold(pairs)
        senses = len(self.index)
        right = torch.isin(pairs.instance * senses + pairs.sense, instances * senses + labels)
        return labels, right, pairs.instance[right]


def _log_sum_exp(values: Tensor, group: Tensor, groups: int) -> Tensor:
    """(groups,) log Σ exp of the values of each group; no group may be empty."""
    highest = values.detach().new_full((groups,), -torch.inf)
    highest = highest.scatter_reduce(0, group, values.detach(), "amax")
    total = values.new_zeros(groups).index_add(0, group, (values - highest[group]).exp())
    return total.log() + highest


class LinearSensesOptions(SenseClassifierOptions):
    """Options of :class:`LinearSenses`."""


class LinearSenses(SenseClassifier):
    """A linear probe: dropout, one linear layer, softmax over the lemma's senses."""

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: LinearSensesOptions
    ) -> None:
        super().__init__(input_dims, codec, options, input_dims["input"])
        self.dropout = Dropout(options.dropout)

    def encode(self, batch: Batch[SenseSentence], mixed: Mixed) -> Tensor:
        """(B, T, D) mixed vectors, with dropout."""
        out: Tensor = self.dropout(mixed["input"][SENTENCE])
        return out


class LstmSensesOptions(SenseClassifierOptions):
    """Options of :class:`LstmSenses`."""

    layers: int = Field(default=1, ge=1)
    """Number of biLSTM layers."""
    hidden: int = Field(default=100, ge=1)
    """Units per layer and direction."""


class LstmSenses(SenseClassifier):
    """A biLSTM over the sentence, followed by the layers of :class:`LinearSenses`."""

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: LstmSensesOptions
    ) -> None:
        super().__init__(input_dims, codec, options, 2 * options.hidden)
        self.dropout = Dropout(options.dropout)
        self.encoder = BiLstm(input_dims["input"], options.hidden, options.layers, options.dropout)

    def encode(self, batch: Batch[SenseSentence], mixed: Mixed) -> Tensor:
        """(B, T, 2·hidden) states of the biLSTM, with dropout."""
        x = self.encoder(self.dropout(mixed["input"][SENTENCE]), batch.slots[SENTENCE].mask)
        out: Tensor = self.dropout(x)
        return out
