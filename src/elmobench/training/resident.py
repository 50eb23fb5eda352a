"""Vectors that stay on a GPU while heads are trained on them, if they fit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from elmobench.training.part_sources import PartSource

_TOKENS_PER_COPY = 1 << 16
_SHARE = 0.5
"""Share of a GPU's free memory that vectors may take; heads and their activations need the rest."""


class ResidentPart:
    """The frozen vectors of one part, on a device.

    Values are equal to the bit to those of ``source``.

    Args:
        source: gives the vectors.
        rows: rows of the sentence table that will be read.
        lengths: number of vectors of every sentence of the table.
        layers: the L' layers to keep; None for all.
        dtype: in which the values are exact: ``float16`` for vectors that are stored so, otherwise
            ``float32``.
        device: where they stay.
    """

    def __init__(
        self,
        source: PartSource,
        rows: NDArray[np.int64],
        lengths: NDArray[np.int64],
        layers: Sequence[int] | None,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self._device = device
        self._layers = layers
        self._lengths = lengths
        # Row 0 of the vectors is padding.
        self._first: NDArray[np.int64] = np.full(len(lengths), -1, dtype=np.int64)
        self._first[rows] = 1 + np.cumsum(lengths[rows]) - lengths[rows]
        pieces: list[Tensor] = []
        for part in _runs(rows, lengths):
            vectors = torch.from_numpy(source.gather(part, layers))  # (B, L', T, D)
            real = np.arange(vectors.shape[2]) < lengths[part][:, None]
            # (tokens, L', D), in the order of the sentences
            flat = vectors.permute(0, 2, 1, 3)[torch.from_numpy(real)]
            pieces.append(flat.to(dtype).to(device))
        width = (pieces[0].shape[1:]) if pieces else (0, 0)
        padding = torch.zeros((1, *width), dtype=dtype, device=device)
        self._vectors = torch.cat([padding, *pieces])

    def gather(self, rows: NDArray[np.int64], layers: Sequence[int] | None) -> Tensor:
        """(B, L', T, D) float32 vectors of sentences on the device, zero at padding.

        Args:
            rows: of the sentence table.
            layers: those that are kept, in their order.

        Raises:
            ValueError: if one of ``rows``, or other layers, are not kept.
        """
        if layers != self._layers:
            raise ValueError(f"layers {layers} are read, and {self._layers} are kept")
        if (self._first[rows] < 0).any():
            raise ValueError("a sentence is read whose vectors are not on the device")
        lengths = self._lengths[rows]
        steps = np.arange(int(lengths.max(initial=0)))
        index = np.where(steps < lengths[:, None], self._first[rows][:, None] + steps, 0)
        chosen = torch.from_numpy(index).to(self._device)
        return self._vectors[chosen].permute(0, 2, 1, 3).to(torch.float32).contiguous()


def resident_bytes(tokens: int, layers: int, dim: int, dtype: torch.dtype) -> int:
    """Memory that vectors take on a device.

    >>> resident_bytes(1000, 3, 1024, torch.float16)
    6144000
    """
    return tokens * layers * dim * dtype.itemsize


def room(device: torch.device) -> int:
    """Bytes that resident vectors may take on ``device`` now; 0 for the processor."""
    if device.type != "cuda":
        return 0
    free, _ = torch.cuda.mem_get_info()
    # Memory that torch keeps for later tensors is free as well.
    kept = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
    return int(_SHARE * (free + kept))


def _runs(rows: NDArray[np.int64], lengths: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """``rows`` in runs of at most :data:`_TOKENS_PER_COPY` padded tokens, one sentence at least."""
    runs: list[NDArray[np.int64]] = []
    start, longest = 0, 0
    for i, length in enumerate(lengths[rows].tolist()):
        longest = max(longest, length)
        if i > start and longest * (i - start + 1) > _TOKENS_PER_COPY:
            runs.append(rows[start:i])
            start, longest = i, length
    if start < len(rows):
        runs.append(rows[start:])
    return runs
