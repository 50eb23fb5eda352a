"""Nearest neighbour among a lemma's senses: the ELMo paper's way."""

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
            vectors = span_vectors(mixed["input"][SENTENCE].double(), pairs)
            total.index_add_(0, labels, vectors[instances])
            self.frequency.index_add_(0, labels, torch.ones_like(labels))
        self.centroid.copy_(F.normalize(total, dim=-1))

    def scores(self, batch: Batch[SenseSentence], mixed: Mixed, pairs: Pairs) -> Tensor:
        """(P,) cosines."""
        x = F.normalize(span_vectors(mixed["input"][SENTENCE], pairs), dim=-1)
        cosines = (x[pairs.instance] * self.centroid[pairs.sense]).sum(dim=-1)
        known = (self.frequency[pairs.sense] > 0) & (x != 0).any(dim=-1)[pairs.instance]
        return torch.where(known, cosines, -torch.inf)
