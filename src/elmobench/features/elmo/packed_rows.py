"""Packed batches: sentences of unequal length, concatenated in rows of nearly equal length.

A recurrent layer multiplies one matrix per time step, and products with few rows are inefficient.
Therefore sentences are concatenated into S rows; where a sentence begins, the state of its row is
reset. All rows end at about the same time step, and nearly every step has S active rows.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class PackedRows:
    """The layout of a batch of B sentences with N = Σ lengths positions.

    Packed positions are ordered by time step and, within a step, by row. Rows are sorted by
    descending length, so that the rows that are active at a step are always the first ones.
    Sentence-order positions number the tokens of the sentences in the given order.

    Attributes:
        batch_sizes: number of active rows at each time step.
        starts: for each step, the rows in which a sentence begins; None if there are none.
        reads: for the forward and the backward direction, (N,): the sentence-order position that
            each packed position reads. Sentences are read from the left or from the right.
        row_of_sentence: (B,) the row of each sentence.
    """

    batch_sizes: tuple[int, ...]
    starts: tuple[Tensor | None, ...]
    reads: tuple[Tensor, Tensor]
    row_of_sentence: Tensor

    @property
    def rows(self) -> int:
        """Number of rows, S."""
        return self.batch_sizes[0]

    def chunks(self, positions: int) -> Iterator[tuple[slice, range]]:
        """Split the time steps into runs of at most ``positions`` positions, or of one step.

        Yields:
            The packed positions of a run, and its time steps.
        """
        first = begin = end = 0
        for step, rows in enumerate(self.batch_sizes):
            if end > begin and end + rows - begin > positions:
                yield slice(begin, end), range(first, step)
                first, begin = step, end
            end += rows
        yield slice(begin, end), range(first, len(self.batch_sizes))


def pack_sentences(lengths: Sequence[int], rows: int) -> PackedRows:
    """Pack sentences into rows.

    Args:
        lengths: of the sentences, all at least 1.
        rows: maximum number of rows. Fewer are used if rows would be shorter than the longest
            sentence: that sentence sets the number of time steps, so more rows save nothing.
    """
    count = max(1, min(rows, -(-sum(lengths) // max(lengths))))
    # Longest first, each into the row that ends first.
    ends = [(0, row) for row in range(min(count, len(lengths)))]
    members: list[list[int]] = [[] for _ in ends]
    for i in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        end, row = heapq.heappop(ends)
        members[row].append(i)
        heapq.heappush(ends, (end + lengths[i], row))
    return _packed(lengths, members)


def one_sentence_per_row(lengths: Sequence[int]) -> PackedRows:
    """Pack each sentence into a row of its own."""
    return _packed(lengths, [[i] for i in range(len(lengths))])


def _packed(lengths: Sequence[int], members: list[list[int]]) -> PackedRows:
    """The layout for given ``members``, the sentences of each row."""
    sizes = np.asarray(lengths, dtype=np.int64)
    members = sorted(members, key=lambda row: -int(sizes[row].sum()))
    order = np.asarray([i for row in members for i in row], dtype=np.int64)
    row_of = np.repeat(np.arange(len(members)), [len(row) for row in members])
    # For each sentence, row by row: its start in the batch and in its row.
    in_order = sizes[order]
    batch_start = (np.cumsum(sizes) - sizes)[order]
    ends = np.cumsum(in_order)
    first = np.searchsorted(row_of, row_of, side="left")
    begin = ends - in_order - (ends - in_order)[first]
    offset = _ranges(in_order)
    time = np.repeat(begin, in_order) + offset
    packed = np.argsort(time, kind="stable")
    forward = np.repeat(batch_start, in_order) + offset
    backward = np.repeat(batch_start + in_order - 1, in_order) - offset
    row_of_sentence = np.empty(len(sizes), dtype=np.int64)
    row_of_sentence[order] = row_of
    starts: list[list[int]] = [[] for _ in range(int(time.max()) + 1)]
    for step, row in zip(begin.tolist(), row_of.tolist(), strict=True):
        starts[step].append(row)
    return PackedRows(
        batch_sizes=tuple(np.bincount(time).tolist()),
        starts=tuple(torch.tensor(rows) if rows else None for rows in starts),
        reads=(torch.from_numpy(forward[packed]), torch.from_numpy(backward[packed])),
        row_of_sentence=torch.from_numpy(row_of_sentence),
    )


def _ranges(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """``0, 1, …, sizes[0] − 1, 0, 1, …, sizes[1] − 1, …``"""
    return np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
