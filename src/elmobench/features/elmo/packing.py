"""Sentences of unequal length laid out time step by time step, without padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Packing:
    """Where each position of a batch stands in the packed order.

    Rows are sorted by descending length. The N = Σ lengths positions are ordered by time step
    and, within a step, by row: the rows alive at a step are always the first ones.

    Attributes:
        lengths: (B,) lengths, descending.
        batch_sizes: rows alive at each time step.
        order: (N,) row-major position of each packed position.
        inverse: (N,) packed position of each row-major position.
        reverse: (N,) packed position of the same row's mirrored time; its own inverse.
        last: (B,) packed position of each row's last time step.
    """

    lengths: NDArray[np.int64]
    batch_sizes: tuple[int, ...]
    order: Tensor
    inverse: Tensor
    reverse: Tensor
    last: Tensor


def pack(lengths: Sequence[int]) -> Packing:
    """The packing of rows with these lengths (all at least 1, in descending order)."""
    sizes = np.asarray(lengths, dtype=np.int64)
    starts = np.cumsum(sizes) - sizes
    time = np.arange(int(sizes.sum())) - np.repeat(starts, sizes)
    order = np.argsort(time, kind="stable")
    inverse = np.empty_like(order)
    inverse[order] = np.arange(len(order))
    # Row-major mirror of position (row, t) is start + length − 1 − t.
    mirror = np.repeat(starts + sizes - 1, sizes) - time
    return Packing(
        lengths=sizes,
        batch_sizes=tuple(np.bincount(time).tolist()),
        order=torch.from_numpy(order),
        inverse=torch.from_numpy(inverse),
        reverse=torch.from_numpy(inverse[mirror[order]]),
        last=torch.from_numpy(inverse[starts + sizes - 1]),
    )
