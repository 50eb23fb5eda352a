"""Random numbers that are the same on every platform and with every library version."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray


def uniform_values(key: str, count: int) -> NDArray[np.float64]:
    """Return (``count``,) numbers in [0, 1), a function of only the text ``key``.

    numpy guarantees the raw outputs of PCG64, but not the stream of its distributions.

    >>> uniform_values("7/char_embed", 2).round(3).tolist()
    [0.6, 0.491]
    """
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest(), "little")
    raw = np.random.PCG64(np.random.SeedSequence(seed)).random_raw(count)
    return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53
