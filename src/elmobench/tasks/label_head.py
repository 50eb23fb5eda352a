"""The base class of the heads that give an example one label."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, TypeVar

import torch
from torch import Tensor
from torch.nn import functional as F

from elmobench.tasks.base import HeadOptions, LabelCodec
from elmobench.tasks.codecs import Labelled, label_number
from elmobench.tasks.head import Batch, Head, Mixed

L = TypeVar("L", bound=Labelled)


class LabelHead(Head[L]):
    """Base class of the heads that give an example one label.

    A subclass computes a score for every label. The loss is the mean cross-entropy, and the
    prediction is the label with the highest score.
    """

    gives_nats: ClassVar[bool] = True

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: HeadOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.index = {label: i for i, label in enumerate(codec.labels)}

    @abstractmethod
    def scores(self, batch: Batch[L], mixed: Mixed) -> Tensor:
        """(B, K) scores before the softmax, of the K labels in the codec's order."""

    def loss(self, batch: Batch[L], mixed: Mixed) -> Tensor:
        """Mean cross-entropy over the examples.

        Raises:
            DataError: an example has a label that the codec does not have.
        """
        scores = self.scores(batch, mixed)
        return F.cross_entropy(scores, self._labels(batch, scores.device))

    @torch.no_grad()
    def nats(self, batch: Batch[L], mixed: Mixed) -> Tensor:
        """(B,) negative log-likelihoods of the labels of the examples, in nats and float64."""
        scores = self.scores(batch, mixed).double()
        return F.cross_entropy(scores, self._labels(batch, scores.device), reduction="none")

    def coded_labels(self, batch: Batch[L]) -> int:
        """B: one label per example."""
        return len(batch.examples)

    def _labels(self, batch: Batch[L], device: torch.device) -> Tensor:
        """(B,) numbers of the labels."""
        labels = batch.once(
            ("labels", id(self.codec)), lambda: torch.tensor([*map(self._label, batch.examples)])
        )
        return labels.to(device)

    @torch.no_grad()
    def predict(self, batch: Batch[L], mixed: Mixed) -> list[str]:
        """The label with the highest score, for each example."""
        best = self.scores(batch, mixed).argmax(dim=1)
        return [self.codec.labels[i] for i in best.tolist()]

    @torch.no_grad()
    def probabilities(self, batch: Batch[L], mixed: Mixed) -> list[dict[str, float]]:
        """The softmax of the scores, by label in the codec's order."""
        rows = self.scores(batch, mixed).softmax(dim=1).tolist()
        return [dict(zip(self.codec.labels, row, strict=True)) for row in rows]

    def _label(self, example: L) -> int:
        return label_number(self.index, example.label, example.id)
