"""Count how often words occur near each other, in bounded memory."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elmobench.core.digests import file_sha256
from elmobench.core.errors import DataError
from elmobench.core.parsing import parsing
from elmobench.pretraining.encoded import EncodedPart
from elmobench.pretraining.run_folder import COOCCURRENCES
from elmobench.pretraining.vocabulary import SPECIAL
from elmobench.pretraining.writing import STARTS_AGAIN, save_array, writing

Run = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Keys in order and their weights, as memory maps."""

# Bytes per pair while a chunk is sorted: key, weight, order, and copies of them.
_BYTES_PER_PAIR = 64


@dataclass(frozen=True)
class Cooccurrences:
    """The nonzero cells of a symmetric matrix, upper half and diagonal only.

    Attributes:
        rows, columns: (M,) int32 word ids, ``rows <= columns``; sorted by row, then column.
        values: (M,) float64 counts X_ij = X_ji.
    """

    rows: NDArray[np.int32]
    columns: NDArray[np.int32]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.values)


def count_cooccurrences(
    part: EncodedPart, *, words: int, window: int, folder: Path, memory_mb: int = 1024
) -> Cooccurrences:
    """Count neighbours with a weight of 1 / distance, as in Pennington et al. 2014.

    As in the published code, words outside of the vocabulary are removed first, so that the words
    around them become neighbours. Windows end with the sentence (in the published code: with the
    line). A pair of the same word counts twice, because its cell is on the diagonal, where upper
    and lower half are the same.

    Args:
        part: sentences as word ids.
        words: V; ids below V are counted, except the special words.
        window: words on either side.
        folder: for temporary files, with a free disk of 16 bytes per different pair and chunk.
        memory_mb: approximate memory to use; the rest is kept on disk.

    Raises:
        ModelError: if a temporary file cannot be written.
        DataError: if a temporary file is not what was written.
    """
    chunk = max(1000, memory_mb * 2**20 // (_BYTES_PER_PAIR * window))
    with _temporary(folder / COOCCURRENCES) as place:
        written = [
            write_run(place / f"{i}", *_summed(*_pairs(tokens, sentences, window, words)))
            for i, (tokens, sentences) in enumerate(_chunks(part, words, chunk))
        ]
        keys, values = _merged([open_run(files) for files in written], words, memory_mb)
    return Cooccurrences((keys // words).astype(np.int32), (keys % words).astype(np.int32), values)


def _chunks(
    part: EncodedPart, words: int, chunk: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Vocabulary words and the numbers of their sentences; a chunk ends with a sentence."""
    first = 0
    while first < len(part):
        last = int(np.searchsorted(part.offsets, part.offsets[first] + chunk, side="right")) - 1
        last = max(last, first + 1)
        offsets = part.offsets[first : last + 1]
        tokens = part.tokens[offsets[0] : offsets[-1]].astype(np.int64)
        sentences = np.repeat(np.arange(first, last), np.diff(offsets))
        known = (tokens < words) & (tokens >= len(SPECIAL))
        yield tokens[known], sentences[known]
        first = last


def _pairs(
    tokens: NDArray[np.int64], sentences: NDArray[np.int64], window: int, words: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(P,) keys ``row * words + column`` and (P,) weights of all pairs of neighbours."""
    keys, weights = [], []
    for distance in range(1, min(window, len(tokens) - 1) + 1):
        same = sentences[:-distance] == sentences[distance:]
        a, b = tokens[:-distance][same], tokens[distance:][same]
        keys.append(np.minimum(a, b) * words + np.maximum(a, b))
        # On the diagonal both directions are the same cell.
        weights.append(np.where(a == b, 2.0, 1.0) / distance)
    if not keys:
        return np.zeros(0, np.int64), np.zeros(0)
    return np.concatenate(keys), np.concatenate(weights)


def _summed(
    keys: NDArray[np.int64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Distinct keys in order, and the sum of the weights of each."""
    unique, inverse = np.unique(keys, return_inverse=True)
    sums = np.bincount(inverse, weights, minlength=len(unique))
    return unique, sums.astype(np.float64, copy=False)


@contextmanager
def _temporary(place: Path) -> Iterator[Path]:
    """A new folder that is deleted at the end."""
    with writing(place, fix=STARTS_AGAIN):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def write_run(
    stem: Path, keys: NDArray[np.int64], values: NDArray[np.float64]
) -> list[tuple[Path, str]]:
    """Write two arrays to disk. Returns the files with their digests."""
    files = []
    for kind, array in (("keys", keys), ("values", values)):
        path = stem.with_suffix(f".{kind}.npy")
        with writing(path, fix=STARTS_AGAIN):
            save_array(path, array)
            files.append((path, file_sha256(path)))
    return files


def open_run(files: list[tuple[Path, str]]) -> Run:
    """Open the arrays of :func:`write_run` as memory maps, after checking their digests."""
    arrays = []
    for path, digest in files:
        with parsing(path, what="the file of co-occurrences cannot be read"):
            if file_sha256(path) != digest:
                raise DataError(
                    "the file of co-occurrences is not what was written",
                    where=str(path),
                    fix="check the disk; then run the same command again",
                )
            arrays.append(np.load(path, mmap_mode="r"))
    return arrays[0], arrays[1]


def _merged(
    runs: list[Run], words: int, memory_mb: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Sum the weights of all runs by key, one range of keys at a time."""
    total = sum(len(keys) for keys, _ in runs)
    ranges = max(1, total * _BYTES_PER_PAIR // (memory_mb * 2**20))
    # Ranges of equal size by the keys of the first run, which are distributed like all keys.
    sample = runs[0][0] if runs else np.zeros(0, np.int64)
    inner = sample[np.linspace(0, len(sample) - 1, ranges + 1).astype(int)[1:-1]]
    bounds = [0, *inner.tolist(), words * words]
    keys, values = [], []
    for low, high in itertools.pairwise(bounds):
        cuts = [np.searchsorted(run, [low, high]) for run, _ in runs]
        pieces = [
            (run[a:b], weights[a:b]) for (run, weights), (a, b) in zip(runs, cuts, strict=True)
        ]
        summed = _summed(
            np.concatenate([piece[0] for piece in pieces]) if pieces else sample,
            np.concatenate([piece[1] for piece in pieces]) if pieces else np.zeros(0),
        )
        keys.append(summed[0])
        values.append(summed[1])
    return np.concatenate(keys), np.concatenate(values)
