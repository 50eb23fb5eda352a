"""Heads that compare the vectors of two marked words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from elmobench.core.errors import DataError
from elmobench.data.examples import MarkedPair
from elmobench.tasks.base import HeadOptions, LabelCodec
from elmobench.tasks.head import Batch, Mixed, OnePassHead
from elmobench.tasks.label_head import LabelHead
from elmobench.tasks.vector_heads import (
    LinearHead,
    MlpHead,
    Pool,
    RecurrentHead,
    States,
    VectorHead,
    compared,
)
from elmobench.tasks.wic.pipeline import FIRST, SECOND


def marked_vectors(batch: Batch[MarkedPair], states: States) -> tuple[Tensor, Tensor]:
    """(B, D) vectors of the first and of the second marked words: the means of their tokens'."""
    vectors = []
    for side, slot in enumerate((FIRST, SECOND)):
        x = states[slot]
        spans = torch.tensor([example.marks[side] for example in batch.examples], device=x.device)
        places = torch.arange(x.shape[1], device=x.device)
        inside = (places >= spans[:, :1]) & (places <= spans[:, 1:])
        total = torch.where(inside.unsqueeze(-1), x, 0.0).sum(dim=1)
        vectors.append(total / inside.sum(dim=1, keepdim=True).clamp(min=1))
    return vectors[0], vectors[1]


class MarkedHead(VectorHead[MarkedPair]):
    """Base of the heads that read ``[|u - v| ; u * v]`` of the vectors of two marked words."""

    copies: ClassVar[int] = 2

    @classmethod
    def size(cls, codec: LabelCodec) -> int:
        """One score per label."""
        return len(codec.labels)

    def vector(self, batch: Batch[MarkedPair], states: States, pool: Pool) -> Tensor:
        """(B, 2 D) vectors of the pairs; see :func:`compared`. The rest of a sentence is not read.

        ``pool`` is not used.
        """
        return compared(*marked_vectors(batch, states))


class LinearMarked(MarkedHead, LinearHead[MarkedPair], LabelHead[MarkedPair]):
    """:class:`LinearHead` on marked words."""


class MlpMarked(MarkedHead, MlpHead[MarkedPair], LabelHead[MarkedPair]):
    """:class:`MlpHead` on marked words."""


class RecurrentMarked(MarkedHead, RecurrentHead[MarkedPair], LabelHead[MarkedPair]):
    """:class:`RecurrentHead` on marked words: the vectors are those words' biLSTM states."""


class CosineThresholdOptions(HeadOptions):
    """Options of :class:`CosineThreshold`: it has none."""


class CosineThreshold(OnePassHead[MarkedPair]):
    """A threshold on the cosine of the two words' vectors (Pilehvar and Camacho-Collados 2019).

    It is the one with the highest accuracy on the training set, among the midpoints of neighbouring
    cosines and a value below all of them; of several, the lowest. Pairs above it get one label, all
    others the other label, whichever way is better. Nothing is learned by gradient, so seeds do not
    matter and a ``learned`` mix keeps its initial, uniform weights.

    The cosine of a word without a vector is 0.
    """

    threshold: Tensor
    above: Tensor

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: CosineThresholdOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        if len(codec.labels) != 2:
            raise DataError(
                f"a threshold decides between two labels, but there are {len(codec.labels)}: "
                f"{', '.join(codec.labels)}",
                fix="use another head: linear, mlp or small",
            )
        self.register_buffer("threshold", torch.zeros((), dtype=torch.float64))
        self.register_buffer("above", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def fit(self, batches: Iterable[tuple[Batch[MarkedPair], Mixed]]) -> None:
        """Choose the threshold and the label above it."""
        batch_cosines, gold = [], []
        index = {label: i for i, label in enumerate(self.codec.labels)}
        for batch, mixed in batches:
            batch_cosines.append(self.cosines(batch, mixed))
            gold += [index[example.label] for example in batch.examples]
        cosines, order = torch.sort(torch.cat(batch_cosines))
        labels = torch.tensor(gold, device=cosines.device)[order]
        # A threshold between equal cosines does not exist.
        cuts = [i for i in range(len(cosines)) if i == 0 or cosines[i] > cosines[i - 1]]
        ones = torch.cat([labels.new_zeros(1), labels.cumsum(0)])
        best: tuple[int, float, int] | None = None
        for cut in cuts:
            ones_below = int(ones[cut])
            ones_above = int(ones[-1]) - ones_below
            right = ones_above + cut - ones_below
            for above, number in ((1, right), (0, len(labels) - right)):
                if best is None or number > best[0]:
                    middle = float(cosines[cut - 1] + cosines[cut]) / 2 if cut else -2.0
                    best = (number, middle, above)
        assert best is not None, "a training set has examples"
        self.threshold.fill_(best[1])
        self.above.fill_(best[2])

    @torch.no_grad()
    def predict(self, batch: Batch[MarkedPair], mixed: Mixed) -> list[str]:
        """The label above or below the threshold, for each pair."""
        is_above = (self.cosines(batch, mixed) > self.threshold).long()
        numbers = torch.where(is_above == 1, self.above, 1 - self.above)
        return [self.codec.labels[i] for i in numbers.tolist()]

    def cosines(self, batch: Batch[MarkedPair], mixed: Mixed) -> Tensor:
        """(B,) cosines of the two words' vectors, in float64."""
        u, v = marked_vectors(batch, {k: x.double() for k, x in mixed["input"].items()})
        return (F.normalize(u, dim=-1) * F.normalize(v, dim=-1)).sum(dim=-1)
