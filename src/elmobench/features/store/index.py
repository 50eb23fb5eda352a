"""Index of a provider's shards: shard and row of each sentence and each word type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elmobench.core.digests import SENTENCE_DIGEST_BYTES
from elmobench.features.provider import Layer
from elmobench.features.store.blocks import IntArray
from elmobench.features.store.header import FORMAT
from elmobench.features.store.plan import sentences_name, words_name
from elmobench.features.store.precision import Precision, array_layout
from elmobench.features.store.shard import SUFFIX, MappedArray, Shard, read_shard


class ShardGroup:
    """The shards of one kind (``token`` or ``type``) in a folder; arrays are mapped on demand."""

    def __init__(self, folder: Path, kind: str) -> None:
        # Sorted, so that the result does not depend on the file system.
        self.shards = [read_shard(path) for path in sorted(folder.glob(f"{kind}s-*{SUFFIX}"))]
        self._arrays: dict[tuple[int, str], MappedArray] = {}

    def array(self, shard: int, name: str) -> NDArray[Any]:
        """Return the array ``name`` of shard number ``shard``, mapped.

        Check the rows that are used, with :meth:`check_rows`, before they are read, and call this
        again for the next batch: it also checks that the file was not cut.

        Raises:
            StoreError: if the file was cut, deleted or replaced while in use.
        """
        return self._mapped(shard, name).values

    def check_rows(self, name: str, shard: IntArray, start: IntArray, length: IntArray) -> None:
        """Check runs of rows of the array ``name`` that this process has not checked yet.

        Args:
            name: of the array.
            shard: (n,) number of the shard of each run.
            start: (n,) its first row.
            length: (n,) its number of rows.

        Raises:
            StoreError: if some have changed since they were written; it names the file.
        """
        for number in np.unique(shard).tolist():
            here = shard == number
            self._mapped(number, name).check_rows(start[here], length[here])

    def check_layout(self, layers: Sequence[Layer], precision: Precision, rows: IntArray) -> None:
        """Check that each shard has the arrays of some layers.

        Args:
            layers: the provider's layers that are stored in these shards.
            precision: of the stored values.
            rows: (shards,) number of vectors in each shard.

        Raises:
            StoreError: if an array is missing, or has another type or shape.
        """
        for shard, count in zip(self.shards, rows.tolist(), strict=True):
            for layer in layers:
                for name, wanted in array_layout(layer, precision, count).items():
                    array = shard.arrays.get(name)
                    if array is None or (array.dtype, array.shape) != wanted:
                        raise shard.damaged(
                            f"array {name!r} should be of type and shape {wanted}, but "
                            + ("is missing" if array is None else f"is {array.dtype, array.shape}")
                        )

    def _mapped(self, shard: int, name: str) -> MappedArray:
        key = (shard, name)
        if key not in self._arrays:
            self._arrays[key] = self.shards[shard].map(name)
        return self._arrays[key]

    @property
    def nbytes(self) -> int:
        """Size of all files in bytes."""
        return sum(shard.size for shard in self.shards)


class SentenceIndex:
    """Shard and position of each stored sentence.

    Attributes:
        group: the token shards.
        rows: (shards,) number of tokens in each shard.
        row: row of the arrays below, by sentence digest.
        shard, offset, length: (S,) number of the shard, first token in it, number of tokens.
    """

    def __init__(self, folder: Path) -> None:
        self.group = ShardGroup(folder, "token")
        self.row: dict[bytes, int] = {}
        shards, offsets, lengths, ends = [], [], [], []
        rows = 0
        for number, shard in enumerate(self.group.shards):
            digests, bounds = read_sentences(shard)
            for i, digest in enumerate(digests):
                self.row.setdefault(digest, rows + i)
            rows += len(digests)
            shards.append(np.full(len(digests), number, dtype=np.int64))
            offsets.append(bounds[:-1])
            lengths.append(np.diff(bounds))
            ends.append(bounds[-1:])
        self.shard, self.offset, self.length = map(_joined, (shards, offsets, lengths))
        self.rows = _joined(ends)

    @property
    def tokens(self) -> int:
        """Number of stored tokens; sentences in two shards count twice."""
        return int(self.length.sum())


class WordIndex:
    """Shard and position of each stored word type.

    Attributes:
        group: the type shards.
        rows: (shards,) number of word types in each shard.
        row: row of the arrays below, by word.
        shard, offset: (V,) number of the shard and row in it.
    """

    def __init__(self, folder: Path) -> None:
        self.group = ShardGroup(folder, "type")
        self.row: dict[str, int] = {}
        shards, offsets, ends = [], [], []
        rows = 0
        for number, shard in enumerate(self.group.shards):
            words = read_words(shard)
            for i, word in enumerate(words):
                self.row.setdefault(word, rows + i)
            rows += len(words)
            shards.append(np.full(len(words), number, dtype=np.int64))
            offsets.append(np.arange(len(words), dtype=np.int64))
            ends.append(np.asarray([len(words)], dtype=np.int64))
        self.shard, self.offset = map(_joined, (shards, offsets))
        self.rows = _joined(ends)


def read_sentences(shard: Shard) -> tuple[list[bytes], IntArray]:
    """Return the digests of the S sentences in a token shard, in order, and (S + 1,) offsets.

    Raises:
        StoreError: if they are damaged, or are not those of the file's name.
    """
    raw, bounds = shard.checked("digests"), shard.checked("offsets")
    if raw.dtype != np.uint8 or raw.ndim != 2 or raw.shape[1] != SENTENCE_DIGEST_BYTES:
        raise shard.damaged("array 'digests' does not contain digests")
    _check_offsets(shard, "offsets", bounds, len(raw))
    data, step = raw.tobytes(), SENTENCE_DIGEST_BYTES
    digests = [data[i : i + step] for i in range(0, len(data), step)]
    _check_name(shard, sentences_name, digests)
    return digests, bounds


def read_words(shard: Shard) -> list[str]:
    """Return the words in a type shard, in order.

    Raises:
        StoreError: if they are damaged, or are not those of the file's name.
    """
    text, bounds = shard.checked("words"), shard.checked("word_offsets")
    if text.dtype != np.uint8 or text.ndim != 1:
        raise shard.damaged("array 'words' does not contain text")
    _check_offsets(shard, "word_offsets", bounds, None)
    if bounds[-1] != len(text):
        raise shard.damaged("array 'word_offsets' does not end where the text ends")
    try:
        words = unpack_words(text, bounds)
    except UnicodeDecodeError as error:
        raise shard.damaged("array 'words' does not contain text") from error
    _check_name(shard, words_name, words)
    return words


def _check_offsets(shard: Shard, name: str, bounds: IntArray, count: int | None) -> None:
    """Raise StoreError unless ``bounds`` rise from 0; with ``count`` + 1 numbers, if known."""
    if bounds.dtype != np.int64 or bounds.ndim != 1 or not len(bounds):
        raise shard.damaged(f"array {name!r} does not contain offsets")
    if count is not None and len(bounds) != count + 1:
        raise shard.damaged(f"array {name!r} has {len(bounds)} offsets, expected {count + 1}")
    if bounds[0] != 0 or (np.diff(bounds) < 0).any():
        raise shard.damaged(f"array {name!r} does not rise from 0")


def _check_name(shard: Shard, name_of: Callable[[Any], str], keys: Sequence[Any]) -> None:
    """Raise StoreError if a shard of format 1 has a name that is not that of its ``keys``.

    A shard of format 2 states its name, which was compared when its header was read.
    """
    if shard.header.format < FORMAT and shard.path.name != name_of(keys) + SUFFIX:
        raise shard.damaged("its content does not match its name")


def pack_words(words: Sequence[str]) -> tuple[NDArray[np.uint8], IntArray]:
    """Pack words into one array of UTF-8 bytes and (V + 1,) offsets."""
    # Lone surrogates can occur in a Python string and are part of a word's identity.
    raw = [word.encode("utf-8", "surrogatepass") for word in words]
    offsets = np.cumsum([0, *map(len, raw)], dtype=np.int64)
    return np.frombuffer(b"".join(raw), dtype=np.uint8), offsets


def unpack_words(text: NDArray[np.uint8], offsets: IntArray) -> list[str]:
    """Unpack words: the inverse of :func:`pack_words`."""
    raw, bounds = text.tobytes(), offsets.tolist()
    return [raw[start:end].decode("utf-8", "surrogatepass") for start, end in pairwise(bounds)]


def _joined(arrays: list[Any]) -> IntArray:
    return np.concatenate(arrays) if arrays else np.zeros(0, dtype=np.int64)
