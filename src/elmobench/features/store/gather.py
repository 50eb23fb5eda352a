"""Gather stored rows into a padded batch, in blocks that fit the processor's cache."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from elmobench.features.provider import FloatArray, Layer
from elmobench.features.store.blocks import IntArray
from elmobench.features.store.index import ShardGroup
from elmobench.features.store.precision import scales_name, values_name

# Rows are gathered and then converted this many float32 values at a time, so that the second step
# reads from the processor's cache what the first step wrote.
_BLOCK_VALUES: Final = 1 << 19


class BatchRows:
    """For each position of a batch, the source row that fills it.

    Args:
        start: (B,) row of each sentence's first token.
        lengths: (B,) number of tokens to take from each sentence, 0 to T.
        longest: T.
    """

    def __init__(self, start: IntArray, lengths: IntArray, longest: int) -> None:
        self._start = start
        self._last = np.maximum(lengths - 1, 0)
        self._lengths = lengths
        self._longest = longest
        self._blocks: dict[int, list[Block]] = {}

    def blocks(self, layer: Layer) -> list[Block]:
        """Return blocks that cover the batch: whole sentences if they fit into a block."""
        rows = max(1, _BLOCK_VALUES // layer.dim)
        if rows not in self._blocks:
            self._blocks[rows] = list(self._cut(rows))
        return self._blocks[rows]

    def _cut(self, rows: int) -> Iterator[Block]:
        step = max(1, rows // self._longest)
        span = self._longest if rows >= self._longest else max(1, rows)
        for first in range(0, len(self._start), step):
            sentences = slice(first, min(first + step, len(self._start)))
            for token in range(0, self._longest, span):
                yield self._block(sentences, slice(token, min(token + span, self._longest)))

    def _block(self, sentences: slice, tokens: slice) -> Block:
        columns = np.arange(tokens.start, tokens.stop)
        last = self._last[sentences, None]
        index = self._start[sentences, None] + np.minimum(columns, last)
        padding = columns >= self._lengths[sentences, None]
        return Block(sentences, tokens, index, padding)


class Block:
    """A rectangle of a batch.

    Attributes:
        sentences, tokens: its extent in the batch.
        index: (b, t) rows of the source; arbitrary rows at padding.
        padding: (b, t) whether the position is beyond the end of its sentence; None if none is.
    """

    def __init__(
        self, sentences: slice, tokens: slice, index: IntArray, padding: NDArray[np.bool_]
    ) -> None:
        self.sentences = sentences
        self.tokens = tokens
        self.index = index
        self.padding = padding if padding.any() else None


def fill_tokens(
    out: FloatArray,
    layer: Layer,
    group: ShardGroup,
    shard: IntArray,
    batch: BatchRows,
) -> None:
    """Fill ``out`` (B, T, D) with a token layer of B sentences; zero beyond their ends.

    Args:
        out: any float32 array or slice.
        layer: the layer to read.
        group: the token shards.
        shard: (B,) number of each sentence's shard.
        batch: rows in the shards.
    """
    values, scales = values_name(layer), scales_name(layer)
    for block in batch.blocks(layer):
        here = shard[block.sentences]
        width = block.index.shape[1]
        # Sentences of a batch have similar lengths, as do those of a shard: there are few runs.
        bounds = [0, *(np.flatnonzero(np.diff(here)) + 1).tolist(), len(here)]
        rows: NDArray[Any] | None = None
        factors: FloatArray | None = None
        for begin, end in pairwise(bounds):
            number, index = int(here[begin]), block.index[begin:end].reshape(-1)
            source = group.array(number, values)
            if rows is None:
                rows = np.empty((block.index.size, layer.dim), dtype=source.dtype)
            if not len(source):
                continue  # The shard has only empty sentences.
            part = slice(begin * width, end * width)
            source.take(index, axis=0, out=rows[part], mode="clip")
            if source.dtype == np.int8:
                if factors is None:
                    factors = np.zeros(block.index.size, dtype=np.float32)
                group.array(number, scales).take(index, out=factors[part], mode="clip")
        assert rows is not None
        _put(out, layer, block, rows, factors)


def fill_types(
    out: FloatArray,
    layer: Layer,
    table: FloatArray,
    types: IntArray,
    batch: BatchRows,
) -> None:
    """Fill ``out`` (B, T, D) with a type layer of B sentences; zero beyond their ends.

    Args:
        out: any float32 array or slice.
        layer: the layer to read.
        table: (V, dim) vectors of word types.
        types: (N,) row of the table for each token.
        batch: rows in ``types``.
    """
    for block in batch.blocks(layer):
        index = types.take(block.index.reshape(-1), mode="clip")
        rows = np.empty((block.index.size, layer.dim), dtype=np.float32)
        table.take(index, axis=0, out=rows, mode="clip")
        _put(out, layer, block, rows, None)


def dequantized(values: NDArray[Any], scales: FloatArray | None) -> FloatArray:
    """Convert stored rows to float32, with the (rows,) ``scales`` of ``int8``."""
    vectors: FloatArray = values.astype(np.float32)
    if scales is not None:
        vectors *= scales[:, None]
    return vectors


def _put(
    out: FloatArray,
    layer: Layer,
    block: Block,
    rows: NDArray[Any],
    factors: FloatArray | None,
) -> None:
    """Convert the ``rows`` of a block into ``out``, ``layer.repeat`` copies of each vector."""
    import torch  # It converts several times as fast as numpy, to the same bits.

    shape = block.index.shape
    if block.padding is not None:
        rows[block.padding.reshape(-1)] = 0
    target = torch.from_numpy(out[block.sentences, block.tokens])
    first = target[..., : layer.dim]
    first.copy_(torch.from_numpy(rows).view(*shape, layer.dim))
    if factors is not None:
        first.mul_(torch.from_numpy(factors).view(*shape, 1))
    for i in range(1, layer.repeat):
        target[..., i * layer.dim : (i + 1) * layer.dim].copy_(first)
