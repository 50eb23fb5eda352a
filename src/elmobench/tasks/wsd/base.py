"""The base class of the heads that give a word its sense.

All heads choose among the senses that the training set has for the word's lemma and part of speech.
For a lemma without training examples they answer the inventory's first sense, or nothing if the
inventory has none.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from elmobench.core.errors import DataError
from elmobench.data.examples import (
    SenseInstance,
    SenseSentence,
)
from elmobench.nn.spans import rows_of
from elmobench.tasks.base import HeadOptions, LabelCodec
from elmobench.tasks.head import Batch, Head, Mixed
from elmobench.tasks.padding import IntArray
from elmobench.tasks.wsd.pipeline import lemma_key

_NONE: IntArray = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Pairs:
    """All pairs of an instance and a candidate sense in a batch: N instances, P pairs.

    Attributes:
        instances: the N instances, in the batch's order.
        sentence: (N,) row of each instance's sentence in the batch.
        instance: (P,) number of each pair's instance, ascending.
        sense: (P,) index of each pair's sense among the codec's labels.
    """

    instances: list[SenseInstance]
    sentence: Tensor
    instance: Tensor
    sense: Tensor

    @cached_property
    def tokens(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The W tokens of all instances, and (N,) their numbers.

        Of each token the instance, the row of its sentence, and its place in that, (W,) each.
        """
        device = self.sentence.device
        places = torch.tensor(
            [(i.start, i.end) for i in self.instances], dtype=torch.long, device=device
        ).view(-1, 2)
        starts, lengths = places[:, 0], places[:, 1] - places[:, 0]
        span = torch.repeat_interleave(torch.arange(len(lengths), device=device), lengths)
        within = torch.arange(len(span), device=device) - (lengths.cumsum(0) - lengths)[span]
        return span, self.sentence[span], starts[span] + within, lengths


class SenseHead(Head[SenseSentence]):
    """Base class of the WSD heads: a subclass scores pairs of an instance and a candidate sense.

    The codec's labels are the sense keys of the training set in order of first occurrence;
    ``extra["senses"]`` maps ``lemma%pos`` to their indices.
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
        """(P,) scores; -inf for a sense that does not occur in the training set."""

    def pairs(self, batch: Batch[SenseSentence]) -> Pairs:
        """Pair every instance of the batch with its lemma's senses in the training set."""
        return batch.once(("pairs", id(self.codec)), lambda: self._pairs(batch))

    def _pairs(self, batch: Batch[SenseSentence]) -> Pairs:
        instances: list[SenseInstance] = []
        sentence: list[int] = []
        for row, example in enumerate(batch.examples):
            instances += example.instances
            sentence += [row] * len(example.instances)
        senses = [self.senses.get(lemma_key(instance), _NONE) for instance in instances]
        counts = np.array([len(candidates) for candidates in senses], dtype=np.int64)
        return Pairs(
            instances,
            torch.tensor(sentence, dtype=torch.long, device=batch.device),
            torch.from_numpy(np.repeat(np.arange(len(instances)), counts)).to(batch.device),
            torch.from_numpy(np.concatenate([*senses, _NONE])).to(batch.device),
        )

    @torch.no_grad()
    def predict(self, batch: Batch[SenseSentence], mixed: Mixed) -> list[list[dict[str, Any]]]:
        """For each sentence a list with ``{"id": …, "senses": [key]}`` for each of its instances.

        ``senses`` is empty if there is no answer. Of several senses with the highest score, the one
        that comes first in training is taken.
        """
        pairs = self.pairs(batch)
        scores = self.scores(batch, mixed, pairs).double().cpu().numpy()
        counts = np.bincount(pairs.instance.cpu().numpy(), minlength=len(pairs.instances))
        candidates = pairs.sense.tolist()
        starts = np.cumsum(counts) - counts
        predictions: list[list[dict[str, Any]]] = [[] for _ in batch.examples]
        for instance, row, start, count in zip(
            pairs.instances, pairs.sentence.tolist(), starts, counts, strict=True
        ):
            senses = list(instance.candidates[:1])
            own = scores[start : start + count]
            if count and own.max() > -np.inf:
                senses = [self.codec.labels[candidates[start + int(own.argmax())]]]
            predictions[row].append({"id": instance.id, "senses": senses})
        return predictions

    def gold(self, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """(G,) numbers of instances and (G,) labels: every gold sense of every instance.

        Raises:
            DataError: an instance has a sense that the codec does not have.
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
        device = pairs.sense.device
        return (
            torch.tensor(rows, dtype=torch.long, device=device),
            torch.tensor(labels, dtype=torch.long, device=device),
        )


def span_vectors(x: Tensor, pairs: Pairs) -> Tensor:
    """(N, D) vectors of the instances from (B, T, D) token vectors.

    The vector of a multiword span is the mean of its tokens' vectors.
    """
    span, row, token, lengths = pairs.tokens
    words = rows_of(x.flatten(0, 1), row * x.shape[1] + token)
    total = x.new_zeros(len(lengths), x.shape[-1]).index_add(0, span, words)
    return total / lengths.unsqueeze(-1).to(x.dtype)
