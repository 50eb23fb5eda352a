"""Sentences of unequal length laid end to end in rows of nearly equal length.

A recurrent layer works on one matrix a time step, and products with few rows waste the machine.
So sentences are put into S *strips*, one after another; where a sentence begins, its row's state
is set anew. All strips end at about the same time, and nearly every step has S rows.
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

    Packed positions are ordered by time step and, within a step, by strip. PackedRows are sorted by
    descending length: those alive at a step are always the first ones. Row-major positions are
    those of the sentences one after another, in the order in which they were given.

    Attributes:
        batch_sizes: strips alive at each time step.
        starts: for each step, the strips in which a sentence begins.
        reads: for the forward and the backward direction, the (N,) row-major position that each
            packed position reads: a sentence's tokens from the left, or from the right.
        sentence_strip: (B,) the strip of each sentence.
    """

    batch_sizes: tuple[int, ...]
    starts: tuple[Tensor | None, ...]
    reads: tuple[Tensor, Tensor]
    sentence_strip: Tensor

    @property
    def rows(self) -> int:
        """Number of strips, S."""
        return self.batch_sizes[0]

    def chunks(self, positions: int) -> Iterator[tuple[slice, range]]:
        """Runs of whole time steps with at most ``positions`` positions (but at least one step).

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
    """Put sentences into strips.

    Args:
        lengths: of the sentences, all at least 1.
        rows: number of strips at most. Fewer are used if that many would be shorter than the
            longest sentence: time steps cost nearly the same with few rows as with many.
    """
    count = max(1, min(rows, -(-sum(lengths) // max(lengths))))
    # Longest first, each into the strip that ends first.
    ends = [(0, strip) for strip in range(min(count, len(lengths)))]
    members: list[list[int]] = [[] for _ in ends]
    for i in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        end, strip = heapq.heappop(ends)
        members[strip].append(i)
        heapq.heappush(ends, (end + lengths[i], strip))
    return _strips(lengths, members)


def one_each(lengths: Sequence[int]) -> PackedRows:
    """Each sentence in a strip of its own."""
    return _strips(lengths, [[i] for i in range(len(lengths))])


def _strips(lengths: Sequence[int], members: list[list[int]]) -> PackedRows:
    sizes = np.asarray(lengths, dtype=np.int64)
    members = sorted(members, key=lambda strip: -int(sizes[strip].sum()))
    order = np.asarray([i for strip in members for i in strip], dtype=np.int64)
    strip_of = np.repeat(np.arange(len(members)), [len(strip) for strip in members])
    # Of each sentence, strip after strip: where it begins in the batch and in its strip.
    in_order = sizes[order]
    row_start = (np.cumsum(sizes) - sizes)[order]
    ends = np.cumsum(in_order)
    first = np.searchsorted(strip_of, strip_of, side="left")
    begin = ends - in_order - (ends - in_order)[first]
    offset = _ranges(in_order)
    time = np.repeat(begin, in_order) + offset
    packed = np.argsort(time, kind="stable")
    forward = np.repeat(row_start, in_order) + offset
    backward = np.repeat(row_start + in_order - 1, in_order) - offset
    sentence_strip = np.empty(len(sizes), dtype=np.int64)
    sentence_strip[order] = strip_of
    starts: list[list[int]] = [[] for _ in range(int(time.max()) + 1)]
    for step, strip in zip(begin.tolist(), strip_of.tolist(), strict=True):
        starts[step].append(strip)
    return PackedRows(
        batch_sizes=tuple(np.bincount(time).tolist()),
        starts=tuple(torch.tensor(strips) if strips else None for strips in starts),
        reads=(torch.from_numpy(forward[packed]), torch.from_numpy(backward[packed])),
        sentence_strip=torch.from_numpy(sentence_strip),
    )


def _ranges(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """``0, 1, …, sizes[0] − 1, 0, 1, …, sizes[1] − 1, …``"""
    return np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
