"""Heads that give a word its sense: nearest neighbour, most frequent sense, and classifiers.

All choose among the senses that the training set has for the word's lemma and part of speech.
For a lemma that it does not have they give the inventory's first sense, and no answer where the
inventory has none.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from elmobench.core.errors import DataError
from elmobench.data.examples import (
    SenseInstance,
    SenseSentence,
)
from elmobench.tasks.base import HeadOptions, LabelCodec
from elmobench.tasks.head import Batch, Head, Mixed
from elmobench.tasks.padding import IntArray
from elmobench.tasks.wsd.pipeline import lemma_key

_NONE: IntArray = np.zeros(0, dtype=np.int64)


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


def span_vectors(x: Tensor, pairs: Pairs) -> Tensor:
    """(B, T, D) token vectors to (N, D): a unit's vector is the mean of its words'."""
    lengths = torch.tensor([i.end - i.start for i in pairs.instances], dtype=torch.long)
    starts = torch.tensor([i.start for i in pairs.instances], dtype=torch.long)
    unit = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
    within = torch.arange(len(unit)) - (lengths.cumsum(0) - lengths)[unit]
    words = x[pairs.sentence[unit], starts[unit] + within]
    total = x.new_zeros(len(lengths), x.shape[-1]).index_add(0, unit, words)
    return total / lengths.unsqueeze(-1).to(x.dtype)
