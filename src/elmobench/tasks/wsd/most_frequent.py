"""The most frequent sense of a lemma: the common baseline."""

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
    """The lemma's most frequent sense in training; the vectors are not read.

    Of several equally frequent senses, the one that occurs first in training is taken.
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
        """Count every sense, and rank the senses by first occurrence (``first``)."""
        order: dict[int, int] = {}
        self.frequency.zero_()
        for batch, _ in batches:
            _, labels = self.gold(self.pairs(batch))
            self.frequency.index_add_(0, labels, torch.ones_like(labels))
            for label in labels.tolist():
                order.setdefault(label, len(order))
        self.first.zero_()
        if order:
            senses = torch.tensor(list(order), device=self.first.device)
            self.first[senses] = torch.arange(len(order), device=self.first.device)

    def scores(self, batch: Batch[SenseSentence], mixed: Mixed, pairs: Pairs) -> Tensor:
        """(P,) scores that order senses by count, then by first occurrence.

        They are whole numbers that float64 represents exactly.
        """
        count, first = self.frequency[pairs.sense], self.first[pairs.sense]
        score = (count * len(self.frequency) - first).double()
        return torch.where(count > 0, score, -torch.inf)
