"""The base class of the heads that label the arguments of one predicate."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from elmobench.core.errors import DataError
from elmobench.data.examples import (
    Proposition,
)
from elmobench.nn.bio import bio_viterbi
from elmobench.nn.spans import rows_of
from elmobench.tasks.base import HeadOptions, LabelCodec
from elmobench.tasks.head import Batch, Head, Mixed
from elmobench.tasks.padding import BoundedCache, IntArray, pad_rows
from elmobench.tasks.srl.pipeline import SENTENCE

_CACHED_PROPOSITIONS = 100_000


class RoleHead(Head[Proposition]):
    """Base class of the heads: a subclass scores the BIO tags of every token.

    Every token has a softmax of its own. The loss is the cross-entropy, averaged over the tokens of
    a sentence and then over propositions. Decoding takes the best legal BIO sequence. The predicate
    is tagged V, like an argument.
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: HeadOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.index = {label: i for i, label in enumerate(codec.labels)}
        self._targets: BoundedCache[tuple[str, ...], IntArray] = BoundedCache(_CACHED_PROPOSITIONS)

    @abstractmethod
    def scores(self, batch: Batch[Proposition], mixed: Mixed) -> Tensor:
        """(B, T, K) scores of the codec's K labels; undefined at padding."""

    def loss(self, batch: Batch[Proposition], mixed: Mixed) -> Tensor:
        """Mean cross-entropy.

        Raises:
            DataError: an example has a tag that the codec does not have.
        """
        mask = batch.slots[SENTENCE].mask
        scores = self.scores(batch, mixed)
        targets = batch.once(
            ("tags", id(self.codec)),
            lambda: pad_rows([self._target(e) for e in batch.examples], mask.shape[1]),
        )
        real = batch.once("real", lambda: mask.flatten().nonzero().squeeze(1))
        each = F.cross_entropy(
            rows_of(scores.flatten(0, 1), real),
            targets.to(scores.device).flatten()[real],
            reduction="none",
        )
        # A token's weight is 1 / (length of its sentence · number of sentences).
        weights = 1 / (mask.sum(dim=1) * len(batch.examples))
        return (each * weights[real // mask.shape[1]]).sum()

    def decoding_scores(self, scores: Tensor) -> Tensor:
        """(B, T, K) scores whose sum the decoded sequence maximises: ``scores`` by default."""
        return scores

    def predict(self, batch: Batch[Proposition], mixed: Mixed) -> list[list[str]]:
        """One list of legal BIO tags per proposition, one tag per token of its sentence."""
        return self.predict_together(batch, [self], [mixed])[0]

    @torch.no_grad()
    def predict_together(
        self, batch: Batch[Proposition], heads: Sequence[Head[Proposition]], mixed: Iterable[Mixed]
    ) -> list[list[Any]]:
        """See :meth:`Head.predict_together`: all are decoded as one batch."""
        slot = batch.slots[SENTENCE]
        scores = [
            head.decoding_scores(head.scores(batch, own))
            for head, own in zip(cast("Sequence[RoleHead]", heads), mixed, strict=True)
        ]
        paths = bio_viterbi(torch.cat(scores), slot.mask.repeat(len(heads), 1)).tolist()
        labels, lengths = self.codec.labels, slot.lengths.tolist()
        return [
            [
                [labels[i] for i in path[:length]]
                for path, length in zip(paths[first : first + len(lengths)], lengths, strict=True)
            ]
            for first in range(0, len(paths), max(1, len(lengths)))
        ]

    def _target(self, example: Proposition) -> IntArray:
        ids = self._targets.get(example.tags)
        if ids is None:
            for i, tag in enumerate(example.tags):
                if tag not in self.index:
                    raise DataError(
                        f"tag {tag!r} does not occur in the training set",
                        where=f"example {example.id}, token {i}",
                        fix="list the tags in the task card's labels",
                    )
            ids = np.array([self.index[tag] for tag in example.tags], dtype=np.int64)
            self._targets[example.tags] = ids
        return ids


def predicate_places(batch: Batch[Proposition], device: torch.device) -> Tensor:
    """(B,) positions of the predicates."""
    return torch.tensor([example.predicate for example in batch.examples], device=device)
