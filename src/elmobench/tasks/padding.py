"""Padding rows of integers to a tensor, and a cache for such rows."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

IntArray = NDArray[np.int64]
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def pad_rows(rows: Sequence[IntArray], width: int | None = None) -> Tensor:
    """Pad rows of different lengths with zeros on the right to one (N, width) int64 tensor.

    >>> pad_rows([np.array([5, 6]), np.array([7])]).tolist()
    [[5, 6], [7, 0]]

    Args:
        rows: N arrays.
        width: number of columns; None for the length of the longest row.
    """
    lengths = np.fromiter((len(row) for row in rows), dtype=np.int64, count=len(rows))
    if width is None:
        width = int(lengths.max(initial=0))
    padded = np.zeros((len(rows), width), dtype=np.int64)
    if rows:
        padded[np.arange(width) < lengths[:, None]] = np.concatenate(rows)
    return torch.from_numpy(padded)


class BoundedCache(dict[K, V]):
    """A dictionary of limited size that is emptied when it is full.

    Emptying it costs less than keeping the entries in order of use.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit

    def __setitem__(self, key: K, value: V) -> None:
        if len(self) >= self.limit:
            self.clear()
        super().__setitem__(key, value)
