"""Rows of integers to one padded tensor, without a loop over rows in the copying."""

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
    """Rows of different lengths as one (N, width) int64 tensor, zero on the right.

    ``width`` is the longest row's length unless given.
    """
    lengths = np.fromiter((len(row) for row in rows), dtype=np.int64, count=len(rows))
    if width is None:
        width = int(lengths.max(initial=0))
    padded = np.zeros((len(rows), width), dtype=np.int64)
    if rows:
        padded[np.arange(width) < lengths[:, None]] = np.concatenate(rows)
    return torch.from_numpy(padded)


class BoundedCache(dict[K, V]):
    """A dictionary that starts again when full: bounded, and cheaper than keeping an order."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit

    def __setitem__(self, key: K, value: V) -> None:
        if len(self) >= self.limit:
            self.clear()
        super().__setitem__(key, value)
