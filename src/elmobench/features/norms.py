"""Lengths of vectors: the L2 norm of every token in every layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elmobench.features.provider import FeatureProvider, FloatArray
from elmobench.features.streaming import encode_stream


def norms(vectors: NDArray[Any]) -> FloatArray:
    """(…, D) vectors to their (…) L2 norms, summed in float64."""
    wide = np.einsum("...d,...d->...", vectors, vectors, dtype=np.float64)
    out: FloatArray = np.sqrt(wide).astype(np.float32)
    return out


def layer_norms(
    provider: FeatureProvider, sentences: Iterable[Sequence[str]]
) -> Iterator[FloatArray]:
    """The L2 norm of every token's vector in each layer: one (L, T) array a sentence.

    Args:
        provider: any; its vectors are taken as users see them (ELMo's layer 0 twice).
        sentences: read and encoded a chunk at a time.
    """
    for vectors in encode_stream(provider, sentences):
        yield norms(vectors)
