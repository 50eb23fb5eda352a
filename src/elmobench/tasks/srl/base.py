"""The base of the heads that label the arguments of one predicate."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from elmobench.core.errors import DataError
from elmobench.data.examples import (
    Proposition,
)
from elmobench.nn.bio import bio_viterbi
from elmobench.tasks.base import HeadOptions, LabelCodec
from elmobench.tasks.head import Batch, Head, Mixed
from elmobench.tasks.padding import BoundedCache, IntArray, pad_rows
from elmobench.tasks.srl.pipeline import SENTENCE

_CACHED_PROPOSITIONS = 100_000


class RoleHead(Head[Proposition]):
    """Base of the heads: scores of BIO tags from a subclass, each token's softmax by itself.

    The loss is the cross-entropy, averaged over a sentence's tokens and then over propositions.
    Decoding takes the best legal BIO sequence. The predicate is tagged V like an argument.
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: HeadOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.index = {label: i for i, label in enumerate(codec.labels)}
        self._targets: BoundedCache[tuple[str, ...], IntArray] = BoundedCache(_CACHED_PROPOSITIONS)

    @abstractmethod
    def scores(self, batch: Batch[Proposition], mixed: Mixed) -> Tensor:
        """(B, T, K) scores of the codec's labels; whatever at padding."""

    def loss(self, batch: Batch[Proposition], mixed: Mixed) -> Tensor:
        """Mean cross-entropy.

        Raises:
            DataError: for a tag that the codec does not hold.
        """
        mask = batch.slots[SENTENCE].mask
        scores = self.scores(batch, mixed)
        targets = pad_rows([self._target(e) for e in batch.examples], mask.shape[1])
        real = mask.nonzero(as_tuple=True)
        each = F.cross_entropy(scores[real], targets.to(scores.device)[real], reduction="none")
        # Every token weighs 1 / (its sentence's length · number of sentences).
        weights = 1 / (mask.sum(dim=1) * len(batch.examples))
        return (each * weights[real[0]]).sum()

    @torch.no_grad()
    def predict(self, batch: Batch[Proposition], mixed: Mixed) -> list[list[str]]:
        """One list of legal BIO tags a proposition, as many as its sentence has tokens."""
        unit = batch.slots[SENTENCE]
        paths = bio_viterbi(self.scores(batch, mixed), unit.mask)
        return [
            [self.codec.labels[i] for i in path[:length]]
            for path, length in zip(paths.tolist(), unit.lengths.tolist(), strict=True)
        ]

    def _target(self, example: Proposition) -> IntArray:
        found = self._targets.get(example.tags)
        if found is None:
            for i, tag in enumerate(example.tags):
                if tag not in self.index:
                    raise DataError(
                        f"tag {tag!r} does not occur in the training set",
                        where=f"example {example.id}, token {i}",
                        fix="list the tags in the task card's labels",
                    )
            found = np.array([self.index[tag] for tag in example.tags], dtype=np.int64)
            self._targets[example.tags] = found
        return found


def predicate_places(batch: Batch[Proposition], device: torch.device) -> Tensor:
    """(B,) positions of the predicates."""
    return torch.tensor([example.predicate for example in batch.examples], device=device)
