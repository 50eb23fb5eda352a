"""ELMo's layer 0: a word's vector from its characters alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from elmobench.features.elmo.characters import character_ids
from elmobench.features.elmo.options import CharCnnOptions
from elmobench.features.frozen_linear import FrozenLinear

# Bounds the memory of one step: words × window positions × filters of the widest bank.
_STEP_VALUES = 1 << 22
# Words that highways and projection take at a time: sums that are added up block by block (see
# FrozenLinear) then stay in the cache.
_WORDS = 128


@dataclass(frozen=True)
class Highway:
    """``g = σ(gate(x))``, ``y = g·relu(transform(x)) + (1−g)·x``.

    The file calls the gate *carry* although it lets the transform through.
    """

    transform: FrozenLinear
    gate: FrozenLinear

    def __call__(self, x: Tensor) -> Tensor:
        """(V, F) to (V, F)."""
        gate = self.gate(x).sigmoid_()
        new = self.transform(x).relu_()
        return torch.addcmul(x, gate, new.sub_(x))


@dataclass(frozen=True)
class CharCnn:
    """Character CNN with frozen weights.

    Attributes:
        options: sizes and activation.
        embedding: (262, E) character vectors; row 0 is zero.
        filters: for each width w, a (w·E, F) product.
        highways: applied in order.
        projection: (F, P) product, or None where the filters are P already.
    """

    options: CharCnnOptions
    embedding: Tensor
    filters: tuple[FrozenLinear, ...]
    highways: tuple[Highway, ...]
    projection: FrozenLinear | None

    def __call__(self, words: Sequence[str]) -> Tensor:
        """(V, P) vectors of ``words``, in the given order."""
        length = self.options.max_characters_per_token
        ids, sizes = character_ids(words, length)
        widest = max(width for width, _ in self.options.filters)
        most = max(max(count for _, count in self.options.filters), self.embedding.shape[1])
        device = self.embedding.device
        pooled = self.embedding.new_empty((len(words), self.options.n_filters))
        for size in np.unique(sizes):
            # Windows wholly inside a word's padding are all alike: one of them is enough. So
            # columns beyond the word and one such window can be left out.
            columns = min(length, int(size) + widest)
            rows = torch.from_numpy(np.flatnonzero(sizes == size))
            step = max(1, _STEP_VALUES // (columns * most))
            for start in range(0, len(rows), step):
                some = rows[start : start + step]
                pooled[some] = self._pool(torch.from_numpy(ids[some.numpy(), :columns]).to(device))
        return self._combine(pooled)

    def _pool(self, ids: Tensor) -> Tensor:
        """(v, c) character ids to (v, F): each filter's maximum over the word, activated."""
        characters = self.embedding[ids].flatten(1)  # (v, c·E)
        dim = self.embedding.shape[1]
        banks = []
        for (width, _), convolve in zip(self.options.filters, self.filters, strict=True):
            windows = characters.unfold(1, width * dim, dim)  # (v, c−w+1, w·E)
            # Activating is monotone, so it can wait for the maximum.
            banks.append(convolve(windows.contiguous()).amax(dim=1))
        pooled = torch.cat(banks, dim=1)
        return pooled.relu_() if self.options.activation == "relu" else pooled.tanh_()

    def _combine(self, pooled: Tensor) -> Tensor:
        """(V, F) pooled filters to (V, P), through highways and projection, in bounded steps."""
        steps = []
        for start in range(0, len(pooled), _WORDS):
            x = pooled[start : start + _WORDS]
            for highway in self.highways:
                x = highway(x)
            if self.projection is not None:
                x = self.projection(x)
            steps.append(x)
        return torch.cat(steps)
