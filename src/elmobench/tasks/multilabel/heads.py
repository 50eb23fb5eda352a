"""Heads that give a text a set of labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from elmobench.data.examples import LabelledText
from elmobench.tasks.base import HeadOptions, LabelCodec
from elmobench.tasks.codecs import label_number
from elmobench.tasks.head import Batch, Mixed
from elmobench.tasks.multilabel.pipeline import TEXT
from elmobench.tasks.vector_heads import (
    LinearHead,
    LinearOptions,
    MlpHead,
    MlpOptions,
    Pool,
    RecurrentHead,
    RecurrentOptions,
    States,
    VectorHead,
)


class ThresholdOptions(HeadOptions):
    """The option of every head that gives sets of labels."""

    threshold: float = Field(default=0.5, gt=0, lt=1)
    """Probability from which a label is predicted. It is the same for all labels."""


class LinearSetOptions(LinearOptions, ThresholdOptions):
    """Options of :class:`LinearSet`."""


class MlpSetOptions(MlpOptions, ThresholdOptions):
    """Options of :class:`MlpSet`."""


class RecurrentSetOptions(RecurrentOptions, ThresholdOptions):
    """Options of :class:`RecurrentSet`."""


class SetHead(VectorHead[LabelledText]):
    """Base of the heads that give sets of labels.

    Each label has a score and is decided by itself. The loss is the binary cross-entropy, the mean
    over labels and examples; a label is predicted if its probability, the logistic function of the
    score, reaches the threshold. An online code has one decision for every text and label.
    """

    gives_nats: ClassVar[bool] = True

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: ThresholdOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.index = {label: i for i, label in enumerate(codec.labels)}
        self.threshold = options.threshold

    @classmethod
    def size(cls, codec: LabelCodec) -> int:
        """One score per label."""
        return len(codec.labels)

    def vector(self, batch: Batch[LabelledText], states: States, pool: Pool) -> Tensor:
        """(B, D) vectors of the texts."""
        return pool(states[TEXT], batch.slots[TEXT].mask)

    def loss(self, batch: Batch[LabelledText], mixed: Mixed) -> Tensor:
        """Mean binary cross-entropy over labels and examples.

        Raises:
            DataError: an example has a label that the codec does not have.
        """
        scores = self.scores(batch, mixed)
        return F.binary_cross_entropy_with_logits(scores, self._gold(batch, scores))

    @torch.no_grad()
    def nats(self, batch: Batch[LabelledText], mixed: Mixed) -> Tensor:
        """(B, K) negative log-likelihoods of the decisions, in nats and float64."""
        scores = self.scores(batch, mixed).double()
        return F.binary_cross_entropy_with_logits(
            scores, self._gold(batch, scores), reduction="none"
        )

    def coded_labels(self, batch: Batch[LabelledText]) -> int:
        """B K: one decision for every text and label."""
        return len(batch.examples) * len(self.codec.labels)

    @property
    def label_kinds(self) -> int:
        """2: a text has a label or not."""
        return 2

    def _gold(self, batch: Batch[LabelledText], scores: Tensor) -> Tensor:
        """(B, K) ones where a text has a label, as ``scores`` in type and device."""
        gold = torch.zeros_like(scores)
        for row, example in enumerate(batch.examples):
            for label in example.labels:
                gold[row, label_number(self.index, label, example.id)] = 1.0
        return gold

    @torch.no_grad()
    def predict(self, batch: Batch[LabelledText], mixed: Mixed) -> list[list[str]]:
        """The labels of each text whose probability reaches the threshold, sorted."""
        rows = (self.scores(batch, mixed).sigmoid() >= self.threshold).tolist()
        labels = self.codec.labels
        return [sorted(labels[i] for i, chosen in enumerate(row) if chosen) for row in rows]

    @torch.no_grad()
    def probabilities(self, batch: Batch[LabelledText], mixed: Mixed) -> list[dict[str, float]]:
        """The probability of each label by itself; their sum is not 1."""
        rows = self.scores(batch, mixed).sigmoid().tolist()
        return [dict(zip(self.codec.labels, row, strict=True)) for row in rows]


class LinearSet(SetHead, LinearHead[LabelledText]):
    """:class:`LinearHead` for sets of labels."""

    reads_means = True


class MlpSet(SetHead, MlpHead[LabelledText]):
    """:class:`MlpHead` for sets of labels."""

    reads_means = True


class RecurrentSet(SetHead, RecurrentHead[LabelledText]):
    """:class:`RecurrentHead` for sets of labels."""
