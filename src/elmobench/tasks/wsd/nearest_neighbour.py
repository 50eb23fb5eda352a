"""Nearest neighbour among a lemma's senses: the ELMo paper's method."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from elmobench.data.examples import (
    SenseSentence,
)
from elmobench.tasks.base import HeadOptions, LabelCodec
from elmobench.tasks.head import Batch, Mixed, OnePassHead
from elmobench.tasks.wsd.base import Pairs, SenseHead, span_vectors
from elmobench.tasks.wsd.pipeline import SENTENCE


class NearestNeighbourOptions(HeadOptions):
    """The nearest-neighbour head has no options."""


class NearestNeighbour(OnePassHead[SenseSentence], SenseHead):
    """The published method (Peters et al. 2018, section 5.3): 1-nearest-neighbour over senses.

    A sense is represented by the mean of the vectors of its training instances; an instance with
    several gold senses counts for each of them. A word gets the sense with the highest cosine among
    its lemma's senses in training, or the inventory's first sense if the lemma has none there. A
    span whose vector is zero, because static vectors do not have its words, also gets the first
    sense.

    Nothing is learned by gradient, so seeds do not matter and a ``learned`` mix keeps its initial,
    uniform weights; the paper reads one layer (``@layer=1``, ``@layer=2``). Departures: the
    inventory of the shipped cards is the Open English WordNet, whose first sense is not always
    WordNet's (a card of your own can have WordNet 3.0's ``index.sense``). The distance is the
    cosine; the paper does not name its own.
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
        """Sum the vectors of each sense in float64 and keep the direction of the sum.

        The cosine does not depend on its length.
        """
        total = torch.zeros_like(self.centroid, dtype=torch.float64)
        self.frequency.zero_()
        for batch, mixed in batches:
            pairs = self.pairs(batch)
            instances, labels = self.gold(pairs)
            vectors = span_vectors(mixed["input"][SENTENCE].double(), pairs)
            total.index_add_(0, labels, vectors[instances])
            self.frequency.index_add_(0, labels, torch.ones_like(labels))
        self.centroid.copy_(F.normalize(total, dim=-1))

    def scores(self, batch: Batch[SenseSentence], mixed: Mixed, pairs: Pairs) -> Tensor:
        """(P,) cosines of each pair's instance and sense."""
        x = F.normalize(span_vectors(mixed["input"][SENTENCE], pairs), dim=-1)
        cosines = (x[pairs.instance] * self.centroid[pairs.sense]).sum(dim=-1)
        known = (self.frequency[pairs.sense] > 0) & (x != 0).any(dim=-1)[pairs.instance]
        return torch.where(known, cosines, -torch.inf)
