"""Write vectors in fastText's ``.bin`` format, which this project and others read."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elmobench.core.files import atomic_path
from elmobench.pretraining.fasttext.options import FastTextOptions

VECTORS = "vectors.bin"
_MAGIC, _VERSION = 793_712_314, 12
_NEGATIVE_SAMPLING, _SKIP_GRAM = 2, 2
_NOT_PRUNED = -1
_LR_UPDATE_RATE = 100


def write_bin(
    path: Path,
    words: tuple[str, ...],
    counts: NDArray[np.int64],
    matrices: tuple[NDArray[np.float32], NDArray[np.float32]],
    options: FastTextOptions,
) -> None:
    """Write a model; see :mod:`elmobench.features.static.fasttext_file` for the layout.

    Args:
        path: the file.
        words: V words.
        counts: (V,) how often each occurs.
        matrices: (V + bucket, D) rows of words, then of n-grams; and (V, D) context vectors.
        options: of the training.

    Raises:
        OSError: if it cannot be written; an earlier file is then left as it is.
    """
    o = options
    arguments = [o.dim, o.ws, max(1, round(o.epochs)), o.min_count, o.neg, 1]
    arguments += [_NEGATIVE_SAMPLING, _SKIP_GRAM, o.bucket, o.minn, o.maxn, _LR_UPDATE_RATE]
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        stream.write(struct.pack("<14id", _MAGIC, _VERSION, *arguments, o.t))
        sizes = (len(words), len(words), 0, int(counts.sum()), _NOT_PRUNED)
        stream.write(struct.pack("<3i2q", *sizes))
        for word, count in zip(words, counts.tolist(), strict=True):
            stream.write(word.encode("utf-8") + b"\0" + struct.pack("<qb", count, 0))
        for matrix in matrices:
            stream.write(struct.pack("<?2q", False, *matrix.shape))
            stream.write(np.ascontiguousarray(matrix, "<f4").tobytes())
