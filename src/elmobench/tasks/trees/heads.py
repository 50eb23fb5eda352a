"""Structural probes: squared distances and squared norms of linearly mapped word vectors."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn

from elmobench.data.examples import TreeText
from elmobench.data.trees import tree_depths, tree_distances
from elmobench.nn.dropout import Dropout
from elmobench.tasks.base import HeadOptions, LabelCodec
from elmobench.tasks.head import Batch, Head, Mixed
from elmobench.tasks.trees.pipeline import TEXT

DECIMALS = 4
"""Decimals of predictions: distances that differ by less than 0.00005 edges count as equal."""
LARGEST = 1e30
"""Largest prediction. Only a head that diverges exceeds it."""
_INITIAL = 0.05


class StructuralOptions(HeadOptions):
    """Options of the structural probes."""

    rank: int | None = Field(default=None, ge=1)
    """Largest rank of the linear map, which is the number of its outputs; None for the width of the
    vectors.
    """
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the vectors of the words."""


class StructuralProbe(Head[TreeText]):
    """Base of the structural probes: a linear map B of the word vectors, and nothing else.

    The loss is the mean over the sentences of a batch; that of a sentence is the mean absolute
    error of its numbers.

    Source: Hewitt and Manning 2019, in the code that they published (``probe.py``, ``loss.py``).
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: StructuralOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        width = input_dims["input"]
        self.projection = nn.Parameter(torch.empty(width, options.rank or width))
        nn.init.uniform_(self.projection, -_INITIAL, _INITIAL)
        self.dropout = Dropout(options.dropout)

    @abstractmethod
    def scores(self, batch: Batch[TreeText], mixed: Mixed) -> Tensor:
        """Predicted numbers of B sentences, padded: (B, T, T) distances or (B, T) depths."""

    @abstractmethod
    def _gold(self, example: TreeText) -> Tensor:
        """(T, T) distances or (T,) depths of one sentence."""

    @abstractmethod
    def _as_list(self, scores: Tensor) -> list[float]:
        """The prediction for one sentence from its scores, without padding."""

    def loss(self, batch: Batch[TreeText], mixed: Mixed) -> Tensor:
        """Mean over the sentences of the mean absolute error.

        Of distances, the mean is over all ordered pairs of words, each word with itself included:
        the sum is divided by the squared length of the sentence.
        """
        scores = self.scores(batch, mixed)
        key = ("gold", type(self))
        # (B, T, T) or (B, T) gold numbers, and what each adds to the mean; 0 at padding
        gold, weights = batch.once(key, lambda: self._padded(batch, scores))
        # An error at padding counts nothing, whatever the vectors there are.
        errors = torch.where(weights > 0, (scores - gold).abs(), 0.0)
        return (errors * weights).sum() / max(len(batch.examples), 1)

    @torch.no_grad()
    def predict(self, batch: Batch[TreeText], mixed: Mixed) -> list[list[float]]:
        """The numbers of each sentence, rounded to four decimals.

        The outputs of a head that diverges may not be numbers; they count as 0. Its loss then ends
        the training.
        """
        scores = torch.nan_to_num(
            self.scores(batch, mixed).double(), nan=0.0, posinf=LARGEST, neginf=-LARGEST
        )
        scores = scores.round(decimals=DECIMALS).cpu()
        return [
            self._as_list(one[(slice(len(example.tokens)),) * one.dim()])
            for one, example in zip(scores, batch.examples, strict=True)
        ]

    def mapped(self, mixed: Mixed) -> Tensor:
        """(B, T, rank) vectors of the words after the linear map, in float32."""
        mapped: Tensor = self.dropout(mixed["input"][TEXT]) @ self.projection
        return mapped.float()

    def _padded(self, batch: Batch[TreeText], scores: Tensor) -> tuple[Tensor, Tensor]:
        gold, weights = torch.zeros(scores.shape), torch.zeros(scores.shape)
        for i, example in enumerate(batch.examples):
            own = self._gold(example)
            inside = (slice(len(example.tokens)),) * own.dim()
            gold[i][inside] = own
            weights[i][inside] = 1 / max(own.numel(), 1)
        return gold.to(scores.device), weights.to(scores.device)


class DistanceProbe(StructuralProbe):
    """The squared distance ``|B (h_i - h_j)|²`` is the number of edges between two words."""

    def scores(self, batch: Batch[TreeText], mixed: Mixed) -> Tensor:
        """(B, T, T) squared distances. Those of equal vectors are exactly 0."""
        mapped = self.mapped(mixed)
        # From differences: squares minus products would leave too few digits of small distances.
        distances = torch.cdist(mapped, mapped, compute_mode="donot_use_mm_for_euclid_dist")
        return distances.square()

    def _gold(self, example: TreeText) -> Tensor:
        return torch.from_numpy(tree_distances(example.heads)).float()

    def _as_list(self, scores: Tensor) -> list[float]:
        rows, columns = torch.triu_indices(len(scores), len(scores), 1)
        values: list[float] = scores[rows, columns].tolist()
        return values


class DepthProbe(StructuralProbe):
    """The squared norm ``|B h_i|²`` is the number of edges between the root and a word."""

    def scores(self, batch: Batch[TreeText], mixed: Mixed) -> Tensor:
        """(B, T) squared norms."""
        return self.mapped(mixed).square().sum(dim=-1)

    def _gold(self, example: TreeText) -> Tensor:
        return torch.from_numpy(tree_depths(example.heads)).float()

    def _as_list(self, scores: Tensor) -> list[float]:
        values: list[float] = scores.tolist()
        return values
