"""Lengths of vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from elmobench.features.provider import FloatArray


def norms(vectors: NDArray[Any]) -> FloatArray:
    """Return the L2 norms, shape (…), of vectors of shape (…, D); squares are summed in float64."""
    squares = np.einsum("...d,...d->...", vectors, vectors, dtype=np.float64)
    out: FloatArray = np.sqrt(squares).astype(np.float32)
    return out
