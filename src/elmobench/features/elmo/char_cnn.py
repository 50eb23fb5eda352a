"""ELMo's layer 0: the character CNN, which computes a word's vector from its characters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from elmobench.features.elmo.characters import character_ids
from elmobench.features.elmo.options import CharCnnOptions
from elmobench.features.frozen_linear import FrozenLinear

# Limits the memory of one step: words × window positions × filters of the widest bank.
_STEP_VALUES = 1 << 22
# Maximum number of windows of one product.
_WINDOWS = 1 << 12
# Words per step of highways and projection, so that sums over blocks (see FrozenLinear) stay in
# the processor's cache.
_WORDS = 128


@dataclass(frozen=True)
class Highway:
    """A highway layer: ``g = σ(gate(x))``, ``y = g·relu(transform(x)) + (1−g)·x``.

    Weight files call the gate *carry*, although it weights the transform.
    """

    transform: FrozenLinear
    gate: FrozenLinear

    def __call__(self, x: Tensor) -> Tensor:
        """Map (V, F) to (V, F)."""
        gate = self.gate(x).sigmoid_()
        new = self.transform(x).relu_()
        return torch.addcmul(x, gate, new.sub_(x))


@dataclass(frozen=True)
class CharCnn:
    """Character CNN with frozen weights.

    A word's vector does not depend on the other words but for its last bits: PyTorch computes the
    last values of an array with another sigmoid than the values before them, and a product of one
    row may be summed in another order (see :class:`FrozenLinear`).

    Attributes:
        options: sizes and activation.
        embedding: (262, E) character vectors; row 0 is zero.
        filters: for each width w, a (w·E, F) linear layer.
        highways: applied in order.
        projection: (F, P) linear layer, or None if F equals P.
    """

    options: CharCnnOptions
    embedding: Tensor
    filters: tuple[FrozenLinear, ...]
    highways: tuple[Highway, ...]
    projection: FrozenLinear | None

    def __call__(self, words: Sequence[str]) -> Tensor:
        """Return the (V, P) vectors of ``words``, in the given order; V may be 0."""
        return self.from_ids(*character_ids(words, self.options.max_characters_per_token))

    def from_ids(self, ids: NDArray[np.int64], sizes: NDArray[np.int64]) -> Tensor:
        """Return the (V, P) vectors of words that are given by their characters.

        Args:
            ids: (V, C) character ids, with C the model's number of characters per word; V may be 0.
            sizes: (V,) number of ids before the padding at a word's end.
        """
        length = self.options.max_characters_per_token
        widest = max(width for width, _ in self.options.filters)
        widest_bank = max(max(count for _, count in self.options.filters), self.embedding.shape[1])
        device = self.embedding.device
        pooled = self.embedding.new_empty((len(ids), self.options.n_filters))
        for size in np.unique(sizes):
            # All windows inside a word's padding are equal, and one of them is enough. So the
            # columns after the word and one such window are left out.
            columns = min(length, int(size) + widest)
            rows = torch.from_numpy(np.flatnonzero(sizes == size))
            step = max(1, _STEP_VALUES // (columns * widest_bank))
            for start in range(0, len(rows), step):
                batch = rows[start : start + step]
                pooled[batch] = self._pool(
                    torch.from_numpy(ids[batch.numpy(), :columns]).to(device)
                )
        return self._combine(pooled)

    def _pool(self, ids: Tensor) -> Tensor:
        """Map (v, c) character ids to (v, F): each filter's maximum over the word, activated."""
        characters = self.embedding[ids].flatten(1)  # (v, c·E)
        dim = self.embedding.shape[1]
        banks = []
        for (width, _), convolve in zip(self.options.filters, self.filters, strict=True):
            windows = characters.unfold(1, width * dim, dim)  # (v, c−w+1, w·E)
            # The activation is monotone, so it can be applied after the maximum.
            products = _product(convolve, windows.reshape(-1, width * dim))
            banks.append(products.view(*windows.shape[:2], -1).amax(dim=1))
        pooled = torch.cat(banks, dim=1)
        return pooled.relu_() if self.options.activation == "relu" else pooled.tanh_()

    def _combine(self, pooled: Tensor) -> Tensor:
        """Map (V, F) pooled filters to (V, P) by highways and projection, in bounded steps."""
        last = self.projection
        steps = [pooled.new_empty((0, last.out_features if last else pooled.shape[1]))]
        for rows in _blocks(len(pooled), _WORDS):
            x = pooled[rows]
            for highway in self.highways:
                x = highway(x)
            if self.projection is not None:
                x = self.projection(x)
            steps.append(x)
        return torch.cat(steps)


def _product(linear: FrozenLinear, rows: Tensor) -> Tensor:
    """Map (n, K) to (n, N) by products of few different shapes; see :func:`_blocks`."""
    out = rows.new_empty((len(rows), linear.out_features))
    for block in _blocks(len(rows), _WINDOWS):
        out[block] = linear(rows[block])
    return out


def _blocks(count: int, most: int) -> Iterator[slice]:
    """Divide ``count`` rows into blocks whose sizes are powers of two, of at most ``most`` rows.

    oneDNN compiles a product for each shape, and keeps the code of the last 1,024: about 0.4 MB
    each, which was half a gigabyte when every number of words had its own shapes.

    >>> [(block.start, block.stop) for block in _blocks(11, 4)]
    [(0, 4), (4, 8), (8, 10), (10, 11)]
    """
    start = 0
    while start < count:
        size = min(most, 1 << ((count - start).bit_length() - 1))
        yield slice(start, start + size)
        start += size
