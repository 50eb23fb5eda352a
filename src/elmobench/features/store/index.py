"""Index of a provider's shards: shard and row of each sentence and each word type."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elmobench.core.digests import SENTENCE_DIGEST_BYTES
from elmobench.features.store.shard import SUFFIX, Shard, read_shard

IntArray = NDArray[np.int64]


class ShardGroup:
    """The shards of one kind (``token`` or ``type``) in a folder; arrays are mapped on demand."""

    def __init__(self, folder: Path, kind: str) -> None:
        # Sorted, so that the result does not depend on the file system.
        self.shards = [read_shard(path) for path in sorted(folder.glob(f"{kind}s-*{SUFFIX}"))]
        self._arrays: dict[tuple[int, str], NDArray[Any]] = {}

    def array(self, shard: int, name: str) -> NDArray[Any]:
        """Return the array ``name`` of shard number ``shard``, mapped."""
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
        row: row of the arrays below, by sentence digest.
        shard, offset, length: (S,) number of the shard, first token in it, number of tokens.
    """

    def __init__(self, folder: Path) -> None:
        self.group = ShardGroup(folder, "token")
        self.row: dict[bytes, int] = {}
        shards, offsets, lengths = [], [], []
        rows = 0
        for number, shard in enumerate(self.group.shards):
            bounds = shard.map("offsets")
            for i, digest in enumerate(sentences_of(shard)):
                self.row.setdefault(digest, rows + i)
            rows += len(bounds) - 1
            shards.append(np.full(len(bounds) - 1, number, dtype=np.int64))
            offsets.append(bounds[:-1])
            lengths.append(np.diff(bounds))
        self.shard, self.offset, self.length = map(_joined, (shards, offsets, lengths))

    @property
    def tokens(self) -> int:
        """Number of stored tokens; sentences in two shards count twice."""
        return int(self.length.sum())


class WordIndex:
    """Shard and position of each stored word type.

    Attributes:
        group: the type shards.
        row: row of the arrays below, by word.
        shard, offset: (V,) number of the shard and row in it.
    """

    def __init__(self, folder: Path) -> None:
        self.group = ShardGroup(folder, "type")
        self.row: dict[str, int] = {}
        shards, offsets = [], []
        rows = 0
        for number, shard in enumerate(self.group.shards):
            words = words_of(shard)
            for i, word in enumerate(words):
                self.row.setdefault(word, rows + i)
            rows += len(words)
            shards.append(np.full(len(words), number, dtype=np.int64))
            offsets.append(np.arange(len(words), dtype=np.int64))
        self.shard, self.offset = map(_joined, (shards, offsets))


def sentences_of(shard: Shard) -> list[bytes]:
    """Return the digests of the sentences in a token shard, in order."""
    raw, step = shard.map("digests").tobytes(), SENTENCE_DIGEST_BYTES
    return [raw[i : i + step] for i in range(0, len(raw), step)]


def words_of(shard: Shard) -> list[str]:
    """Return the words in a type shard, in order."""
    return unpack_words(shard.map("words"), shard.map("word_offsets"))


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
