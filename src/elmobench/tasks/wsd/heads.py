"""Heads that give a word its sense: nearest neighbour, most frequent sense, and classifiers.

All choose among the senses that the training set has for the word's lemma and part of speech.
For a lemma that it does not have they give the inventory's first sense, and no answer where the
inventory has none.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from elmobench.core.errors import DataError
from elmobench.data.examples import SenseInstance, SenseSentence
from elmobench.nn.recurrent import BiLstm
from elmobench.tasks.base import Batch, Head, HeadOptions, LabelCodec, Mixed, OnePassHead
from elmobench.tasks.padding import IntArray

UNIT = "sentence"
_NONE: IntArray = np.zeros(0, dtype=np.int64)


def lemma_key(instance: SenseInstance) -> str:
    """``lemma%pos``, the codec's name of a lemma with its part of speech."""
    return f"{instance.lemma}%{instance.pos}"


@dataclass(frozen=True)
class Pairs:
    """The instances of a batch, each with every candidate sense; N instances, P pairs.

    Attributes:
        instances: in the batch's order.
        sentence: (N,) the instance's row in the batch.
        instance: (P,) ascending; the pair's instance.
        sense: (P,) the pair's label.
    """

    instances: list[SenseInstance]
    sentence: Tensor
    instance: Tensor
    sense: Tensor


class SenseHead(Head[SenseSentence]):
    """Base of the WSD heads: scores of (instance, candidate) pairs from a subclass.

    The codec's labels are the sense keys of the training set, ``extra["senses"]`` their indices by
    ``lemma%pos``, in the order in which they first occur.
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: HeadOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.index = {label: i for i, label in enumerate(codec.labels)}
        self.senses: dict[str, IntArray] = {
            lemma: np.array(senses, dtype=np.int64)
            for lemma, senses in codec.extra["senses"].items()
        }

    @abstractmethod
    def scores(self, batch: Batch[SenseSentence], mixed: Mixed, pairs: Pairs) -> Tensor:
        """(P,) scores; -inf for a sense that the training set did not show."""

    def pairs(self, batch: Batch[SenseSentence]) -> Pairs:
        """Every instance of the batch with the training set's senses of its lemma."""
        instances: list[SenseInstance] = []
        sentence: list[int] = []
        for row, example in enumerate(batch.examples):
            instances += example.instances
            sentence += [row] * len(example.instances)
        senses = [self.senses.get(lemma_key(instance), _NONE) for instance in instances]
        counts = np.array([len(found) for found in senses], dtype=np.int64)
        return Pairs(
            instances,
            torch.tensor(sentence, dtype=torch.long),
            torch.from_numpy(np.repeat(np.arange(len(instances)), counts)),
            torch.from_numpy(np.concatenate([*senses, _NONE])),
        )

    @torch.no_grad()
    def predict(self, batch: Batch[SenseSentence], mixed: Mixed) -> list[list[dict[str, Any]]]:
        """For each sentence its instances, ``{"id": …, "senses": [key]}``; none is no answer.

        Among equal scores the sense that comes first in training is taken.
        """
        pairs = self.pairs(batch)
        scores = self.scores(batch, mixed, pairs).double().cpu().numpy()
        counts = np.bincount(pairs.instance.numpy(), minlength=len(pairs.instances))
        starts = np.cumsum(counts) - counts
        result: list[list[dict[str, Any]]] = [[] for _ in batch.examples]
        for instance, row, start, count in zip(
            pairs.instances, pairs.sentence.tolist(), starts, counts, strict=True
        ):
            senses = list(instance.candidates[:1])
            own = scores[start : start + count]
            if count and own.max() > -np.inf:
                senses = [self.codec.labels[pairs.sense[start + int(own.argmax())]]]
            result[row].append({"id": instance.id, "senses": senses})
        return result

    def gold(self, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """(G,) instances and (G,) labels: every gold sense of every instance.

        Raises:
            DataError: for a sense that the codec does not hold.
        """
        rows, labels = [], []
        for i, instance in enumerate(pairs.instances):
            for sense in dict.fromkeys(instance.senses):
                if sense not in self.index:
                    raise DataError(
                        f"sense {sense!r} does not occur in the training set",
                        where=f"instance {instance.id}",
                    )
                rows.append(i)
                labels.append(self.index[sense])
        return torch.tensor(rows, dtype=torch.long), torch.tensor(labels, dtype=torch.long)


def unit_vectors(x: Tensor, pairs: Pairs) -> Tensor:
    """(B, T, D) token vectors to (N, D): a unit's vector is the mean of its words'."""
    lengths = torch.tensor([i.end - i.start for i in pairs.instances], dtype=torch.long)
    starts = torch.tensor([i.start for i in pairs.instances], dtype=torch.long)
    unit = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
    within = torch.arange(len(unit)) - (lengths.cumsum(0) - lengths)[unit]
    words = x[pairs.sentence[unit], starts[unit] + within]
    total = x.new_zeros(len(lengths), x.shape[-1]).index_add(0, unit, words)
    return total / lengths.unsqueeze(-1).to(x.dtype)


class NearestNeighbourOptions(HeadOptions):
    """The nearest-neighbour head has no options."""


class NearestNeighbour(OnePassHead[SenseSentence], SenseHead):
    """The published way (Peters et al. 2018, section 5.3): the nearest sense, 1-nearest-neighbour.

    A sense is the mean of the vectors of its training instances, each of its gold senses counted
    where an instance has several; a word gets the sense of greatest cosine among those that
    training has for its lemma, and the inventory's first sense for other lemmas. A unit whose
    vector is zero, of words that static vectors do not know, is near to nothing and gets the
    first sense too.

    Nothing is learned by gradient, so seeds do not matter and a ``learned`` mix stays as it
    starts, uniform; the paper reads one layer (``@layer=1``, ``@layer=2``). Departures: the
    inventory is the Open English WordNet, whose first sense is not always WordNet's; the paper
    does not name its distance, here the cosine.
    """

    centroid: Tensor
    frequency: Tensor

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: NearestNeighbourOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        senses = len(codec.labels)
        self.register_buffer("centroid", torch.zeros(senses, input_dims["input"]))
        self.register_buffer("frequency", torch.zeros(senses, dtype=torch.long))

    @torch.no_grad()
    def fit(self, batches: Iterable[tuple[Batch[SenseSentence], Mixed]]) -> None:
        """Sum in float64, then keep each sense's direction: the cosine needs no more."""
        total = torch.zeros_like(self.centroid, dtype=torch.float64)
        self.frequency.zero_()
        for batch, mixed in batches:
            pairs = self.pairs(batch)
            instances, labels = self.gold(pairs)
            vectors = unit_vectors(mixed["input"][UNIT].double(), pairs)
            total.index_add_(0, labels, vectors[instances])
            self.frequency.index_add_(0, labels, torch.ones_like(labels))
        self.centroid.copy_(F.normalize(total, dim=-1))

    def scores(self, batch: Batch[SenseSentence], mixed: Mixed, pairs: Pairs) -> Tensor:
        """(P,) cosines."""
        x = F.normalize(unit_vectors(mixed["input"][UNIT], pairs), dim=-1)
        cosines = (x[pairs.instance] * self.centroid[pairs.sense]).sum(dim=-1)
        known = (self.frequency[pairs.sense] > 0) & (x != 0).any(dim=-1)[pairs.instance]
        return torch.where(known, cosines, -torch.inf)


class MostFrequentOptions(HeadOptions):
    """The most-frequent-sense head has no options."""


class MostFrequentSense(OnePassHead[SenseSentence], SenseHead):
    """The usual baseline: the lemma's most frequent sense in training, whatever the vectors.

    Among equally frequent senses the one that training shows first is taken.
    """

    frequency: Tensor
    first: Tensor

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: MostFrequentOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        senses = len(codec.labels)
        self.register_buffer("frequency", torch.zeros(senses, dtype=torch.long))
        self.register_buffer("first", torch.zeros(senses, dtype=torch.long))

    def fit(self, batches: Iterable[tuple[Batch[SenseSentence], Mixed]]) -> None:
        """Count; ``first`` is the rank of a sense's first occurrence."""
        order: dict[int, int] = {}
        self.frequency.zero_()
        for batch, _ in batches:
            _, labels = self.gold(self.pairs(batch))
            self.frequency.index_add_(0, labels, torch.ones_like(labels))
            for label in labels.tolist():
                order.setdefault(label, len(order))
        self.first.zero_()
        if order:
            self.first[list(order)] = torch.arange(len(order))

    def scores(self, batch: Batch[SenseSentence], mixed: Mixed, pairs: Pairs) -> Tensor:
        """(P,) counts, then earliness: whole numbers that float64 holds exactly."""
        count, first = self.frequency[pairs.sense], self.first[pairs.sense]
        score = (count * len(self.frequency) - first).double()
        return torch.where(count > 0, score, -torch.inf)


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
        vectors = unit_vectors(x, pairs)
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
        out: Tensor = self.dropout(mixed["input"][UNIT])
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
        x = self.encoder(self.dropout(mixed["input"][UNIT]), batch.units[UNIT].mask)
        out: Tensor = self.dropout(x)
        return out
