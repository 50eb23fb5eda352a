"""The most frequent sense of a lemma: the usual baseline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from elmobench.data.examples import (
    SenseSentence,
)
from elmobench.tasks.base import HeadOptions, LabelCodec
from elmobench.tasks.head import Batch, Mixed, OnePassHead
from elmobench.tasks.wsd.base import Pairs, SenseHead


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
