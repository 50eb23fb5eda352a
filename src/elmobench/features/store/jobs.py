"""Jobs of a build: each encodes one shard, of sentences or of word types."""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from elmobench.core.errors import StoreError
from elmobench.data.examples import Sentence
from elmobench.features.provider import FeatureProvider, Layer
from elmobench.features.store.index import pack_words, read_sentences, read_words
from elmobench.features.store.plan import sentences_name, words_name
from elmobench.features.store.precision import EncodedLayer, Precision
from elmobench.features.store.shard import SUFFIX, read_shard

K = TypeVar("K", bytes, str)


class StoredKeys:
    """The sentences and words that a folder contains, refreshed while other processes write to it.

    Args:
        folder: of the provider; it need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: set[str] = set()
        self._lock = threading.Lock()
        self.sentences: set[bytes] = set()
        self.words: set[str] = set()

    @property
    def shards(self) -> int:
        """Number of shards read so far."""
        return len(self._seen)

    def refresh(self) -> None:
        """Read the index of the shards added since the last call.

        Raises:
            StoreError: if the header or the index of one is damaged.
        """
        with self._lock:
            for path in sorted(self._folder.glob(f"*{SUFFIX}")):
                if path.name in self._seen:
                    continue
                try:
                    shard = read_shard(path)
                    if path.name.startswith("tokens-"):
                        self.sentences.update(read_sentences(shard)[0])
                    else:
                        self.words.update(read_words(shard))
                except StoreError:
                    if os.path.lexists(path):
                        raise
                    continue  # It was pruned after it was listed.
                self._seen.add(path.name)


class ShardJob(ABC, Generic[K]):
    """The part of a dataset that goes into one shard.

    Args:
        keys: the keys of its sentences or words, in order.
        layers: the provider's layers that are stored in this shard.
        provider: encodes them.
        precision: of the stored values.
    """

    def __init__(
        self,
        keys: Sequence[K],
        layers: Sequence[Layer],
        provider: FeatureProvider,
        precision: Precision,
    ) -> None:
        self.keys: list[K] = list(keys)
        self._layers = layers
        self._provider = provider
        self._precision = precision

    @property
    @abstractmethod
    def sentences(self) -> int:
        """Number of sentences, whether or not they are already stored."""

    @abstractmethod
    def count(self, keys: Sequence[K]) -> tuple[int, int, int]:
        """Count the sentences, tokens and types of ``keys``."""

    @abstractmethod
    def name(self, keys: Sequence[K]) -> str:
        """Return the name of the shard of ``keys``, without its suffix."""

    @abstractmethod
    def missing(self, known: StoredKeys) -> list[K]:
        """Return the keys that no shard contains."""

    @abstractmethod
    def encode(self, keys: Sequence[K]) -> dict[str, NDArray[Any]]:
        """Encode ``keys`` into the arrays of their shard.

        Raises:
            StoreError: if a value is not finite, or too large for the precision.
        """

    @abstractmethod
    def subset(
        self, arrays: Mapping[str, NDArray[Any]], keys: Sequence[K], kept: Container[K]
    ) -> dict[str, NDArray[Any]]:
        """Reduce the ``arrays`` of ``keys`` to the rows of the keys in ``kept``."""

    def _encoded_layer(self, layer: Layer, rows: int) -> EncodedLayer:
        return EncodedLayer(layer, rows, self._precision, self._provider.name)


class TypeJob(ShardJob[str]):
    """Word types and the layers that depend only on spelling."""

    @property
    def sentences(self) -> int:
        """Zero: only sentences count as progress."""
        return 0

    def count(self, keys: Sequence[str]) -> tuple[int, int, int]:
        """See :meth:`ShardJob.count`."""
        return 0, 0, len(keys)

    def name(self, keys: Sequence[str]) -> str:
        """See :meth:`ShardJob.name`."""
        return words_name(keys)

    def missing(self, known: StoredKeys) -> list[str]:
        """See :meth:`ShardJob.missing`."""
        return [word for word in self.keys if word not in known.words]

    def encode(self, keys: Sequence[str]) -> dict[str, NDArray[Any]]:
        """See :meth:`ShardJob.encode`."""
        arrays = _words(keys)
        vectors = self._provider.encode_types(keys)
        for layer, array in zip(self._layers, vectors, strict=True):
            encoded = self._encoded_layer(layer, len(keys))
            encoded.put(0, array)
            arrays |= encoded.arrays()
        return arrays

    def subset(
        self, arrays: Mapping[str, NDArray[Any]], keys: Sequence[str], kept: Container[str]
    ) -> dict[str, NDArray[Any]]:
        """See :meth:`ShardJob.subset`."""
        rows = [i for i, key in enumerate(keys) if key in kept]
        vectors = {name: a[rows] for name, a in arrays.items() if name not in _WORD_ARRAYS}
        return _words([keys[i] for i in rows]) | vectors


class TokenJob(ShardJob[bytes]):
    """Sentences, by digest, and the layers that depend on context.

    Args:
        distinct: sentences by digest, for at least all keys.
    """

    def __init__(
        self,
        keys: Sequence[bytes],
        layers: Sequence[Layer],
        provider: FeatureProvider,
        precision: Precision,
        distinct: Mapping[bytes, Sentence],
    ) -> None:
        super().__init__(keys, layers, provider, precision)
        self._distinct = distinct

    @property
    def sentences(self) -> int:
        """See :attr:`ShardJob.sentences`."""
        return len(self.keys)

    def count(self, keys: Sequence[bytes]) -> tuple[int, int, int]:
        """See :meth:`ShardJob.count`."""
        return len(keys), sum(len(self._distinct[key]) for key in keys), 0

    def name(self, keys: Sequence[bytes]) -> str:
        """See :meth:`ShardJob.name`."""
        return sentences_name(keys)

    def missing(self, known: StoredKeys) -> list[bytes]:
        """See :meth:`ShardJob.missing`."""
        return [digest for digest in self.keys if digest not in known.sentences]

    def encode(self, keys: Sequence[bytes]) -> dict[str, NDArray[Any]]:
        """See :meth:`ShardJob.encode`."""
        arrays = self._index_arrays(keys)
        offsets = arrays["offsets"].tolist()
        vectors = self._provider.encode_tokens([self._distinct[key] for key in keys])
        encoded = [self._encoded_layer(layer, offsets[-1]) for layer in self._layers]
        # Vectors are released once converted, so that memory does not hold the shard twice.
        vectors.reverse()
        for start in offsets[:-1]:
            for layer, array in zip(encoded, vectors.pop(), strict=True):
                layer.put(start, array)
        for layer in encoded:
            arrays |= layer.arrays()
        return arrays

    def subset(
        self, arrays: Mapping[str, NDArray[Any]], keys: Sequence[bytes], kept: Container[bytes]
    ) -> dict[str, NDArray[Any]]:
        """See :meth:`ShardJob.subset`."""
        chosen = np.asarray([key in kept for key in keys])
        rows = np.repeat(chosen, np.diff(arrays["offsets"]))
        vectors = {name: a[rows] for name, a in arrays.items() if name not in _SENTENCE_ARRAYS}
        return self._index_arrays([key for key in keys if key in kept]) | vectors

    def _index_arrays(self, keys: Sequence[bytes]) -> dict[str, NDArray[Any]]:
        raw = np.frombuffer(b"".join(keys), dtype=np.uint8)
        lengths = [len(self._distinct[key]) for key in keys]
        return {
            "digests": raw.reshape(len(keys), -1),
            "offsets": np.cumsum([0, *lengths], dtype=np.int64),
        }


_SENTENCE_ARRAYS = frozenset({"digests", "offsets"})
_WORD_ARRAYS = frozenset({"words", "word_offsets"})


def _words(words: Sequence[str]) -> dict[str, NDArray[Any]]:
    text, offsets = pack_words(words)
    return {"words": text, "word_offsets": offsets}
