"""Reading stored features: the index over a provider's shards, and fast batches."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elmobench.data.examples import Sentence, as_sentence
from elmobench.digests import SENTENCE_DIGEST_BYTES, digest_of, sentence_digest
from elmobench.errors import StoreError
from elmobench.features.provider import FloatArray, Layer
from elmobench.features.store_shard import SUFFIX, Shard, read_shard

IntArray = NDArray[np.int64]


class ShardGroup:
    """The shards of one kind (``token`` or ``type``) in a folder, their layers mapped lazily."""

    def __init__(self, folder: Path, kind: str) -> None:
        # Sorted, so that the answer does not depend on the file system.
        self.shards = [read_shard(path) for path in sorted(folder.glob(f"{kind}s-*{SUFFIX}"))]
        self._kind = kind
        self._layers: dict[tuple[int, str], NDArray[Any]] = {}

    def layer(self, shard: int, name: str) -> NDArray[Any]:
        """(rows, dim) vectors of layer ``name`` in shard number ``shard``."""
        key = (shard, name)
        if key not in self._layers:
            self._layers[key] = self.shards[shard].map(f"{self._kind}_{name}")
        return self._layers[key]

    @property
    def nbytes(self) -> int:
        """Size of all files."""
        return sum(shard.size for shard in self.shards)


class SentenceIndex:
    """Where each stored sentence lies.

    Attributes:
        group: the token shards.
        row: sentence digest -> row of the arrays below.
        shard, offset, length: (S,) number of the shard, first token in it, number of tokens.
    """

    def __init__(self, folder: Path) -> None:
        self.group = ShardGroup(folder, "token")
        self.row: dict[bytes, int] = {}
        shards, offsets, lengths = [], [], []
        rows = 0
        for number, shard in enumerate(self.group.shards):
            bounds = shard.map("offsets")
            raw = shard.map("digests").tobytes()
            for i in range(len(bounds) - 1):
                start = i * SENTENCE_DIGEST_BYTES
                self.row.setdefault(raw[start : start + SENTENCE_DIGEST_BYTES], rows + i)
            rows += len(bounds) - 1
            shards.append(np.full(len(bounds) - 1, number, dtype=np.int64))
            offsets.append(bounds[:-1])
            lengths.append(np.diff(bounds))
        self.shard, self.offset, self.length = map(_joined, (shards, offsets, lengths))

    @property
    def tokens(self) -> int:
        """Number of stored tokens, sentences in two shards counted twice."""
        return int(self.length.sum())


class WordIndex:
    """Where each stored word type lies.

    Attributes:
        group: the type shards.
        row: word -> row of the arrays below.
        shard, offset: (V,) number of the shard and row in it.
    """

    def __init__(self, folder: Path) -> None:
        self.group = ShardGroup(folder, "type")
        self.row: dict[str, int] = {}
        shards, offsets = [], []
        rows = 0
        for number, shard in enumerate(self.group.shards):
            words = unpack_words(shard.map("words"), shard.map("word_offsets"))
            for i, word in enumerate(words):
                self.row.setdefault(word, rows + i)
            rows += len(words)
            shards.append(np.full(len(words), number, dtype=np.int64))
            offsets.append(np.arange(len(words), dtype=np.int64))
        self.shard, self.offset = map(_joined, (shards, offsets))


def pack_words(words: Sequence[str]) -> tuple[NDArray[np.uint8], IntArray]:
    """Words as one array of UTF-8 bytes and (V + 1,) offsets."""
    # Lone surrogates can stand in a Python string and are part of a word's identity.
    raw = [word.encode("utf-8", "surrogatepass") for word in words]
    offsets = np.cumsum([0, *map(len, raw)], dtype=np.int64)
    return np.frombuffer(b"".join(raw), dtype=np.uint8), offsets


def unpack_words(text: NDArray[np.uint8], offsets: IntArray) -> list[str]:
    """The inverse of :func:`pack_words`."""
    raw, bounds = text.tobytes(), offsets.tolist()
    return [raw[start:end].decode("utf-8", "surrogatepass") for start, end in pairwise(bounds)]


class StoredFeatures:
    """What the store holds of one provider at one precision, as of when it was opened.

    Args:
        folder: of the provider; it need not exist.
        layers: of the provider.
        name: of the provider, for messages.

    Raises:
        StoreError: if a shard's header is damaged.
    """

    def __init__(self, folder: Path, layers: Sequence[Layer], name: str) -> None:
        self.layers = tuple(layers)
        self.name = name
        self.dim = layers[0].dim * layers[0].repeat
        self.has_tokens = any(layer.kind == "token" for layer in layers)
        self.has_types = any(layer.kind == "type" for layer in layers)
        self.sentences = SentenceIndex(folder)
        self.words = WordIndex(folder)

    @property
    def nbytes_per_token(self) -> float:
        """Bytes on disk, word types included, a stored token (or type, without token layers)."""
        rows = self.sentences.tokens if self.has_tokens else len(self.words.row)
        return (self.sentences.group.nbytes + self.words.group.nbytes) / rows if rows else 0.0

    def missing(self, sentences: Sequence[Sequence[str]]) -> list[Sentence]:
        """The distinct sentences, in the given order, that are not wholly stored."""
        distinct = dict.fromkeys(map(as_sentence, sentences))
        return [sentence for sentence in distinct if not self._holds(sentence)]

    def _holds(self, sentence: Sentence) -> bool:
        if self.has_types and not all(word in self.words.row for word in sentence):
            return False
        return not self.has_tokens or sentence_digest(sentence) in self.sentences.row

    def view(self, sentences: Sequence[Sequence[str]]) -> StoredView:
        """``sentences`` looked up once, to gather batches of them by number.

        Raises:
            StoreError: if some are not stored; says how many and shows one.
        """
        distinct = [as_sentence(sentence) for sentence in sentences]
        absent = self.missing(distinct)
        if absent:
            raise StoreError(
                f"{len(absent)} sentences have no stored vectors, for example "
                f"{' '.join(absent[0])[:60]!r}",
                where=f"features {self.name!r}",
                fix="run the experiment again, or build them with `elmobench features build`",
            )
        return StoredView(self, distinct)

    def gather(
        self,
        sentences: Sequence[Sequence[str]],
        layers: Sequence[int] | None = None,
        max_length: int | None = None,
    ) -> FloatArray:
        """Vectors of a few sentences; training loops use :meth:`view`.

        See :meth:`StoredView.gather` for arguments and result.
        """
        view = self.view(sentences)
        return view.gather(np.arange(len(sentences)), layers, max_length)


class StoredView:
    """Sentences resolved to places in the shards.

    Attributes:
        lengths: (S,) tokens of each sentence.
    """

    def __init__(self, stored: StoredFeatures, sentences: Sequence[Sentence]) -> None:
        self._stored = stored
        self.lengths: IntArray = np.asarray([len(s) for s in sentences], dtype=np.int64)
        if stored.has_tokens:
            index = stored.sentences
            row = np.asarray([index.row[sentence_digest(s)] for s in sentences], dtype=np.int64)
            self._shard = index.shard[row].tolist()
            self._offset = index.offset[row].tolist()
        self._types: list[IntArray] = []
        self._type_tables: dict[int, FloatArray] = {}
        if stored.has_types:
            known = stored.words.row
            flat = np.asarray([known[word] for s in sentences for word in s], dtype=np.int64)
            # Rows of the store, and for each token its row among these.
            self._type_rows, local = np.unique(flat, return_inverse=True)
            self._types = np.split(local, np.cumsum(self.lengths)[:-1])

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over name and stored checksum of each shard that this view reads.

        Equal digests mean equal vectors, to the bit. The reverse does not hold: the same
        vectors may lie in other shards. Nothing is read for it.
        """
        shards: list[Shard] = []
        if self._stored.has_tokens:
            group = self._stored.sentences.group
            shards += [group.shards[number] for number in set(self._shard)]
        if self._stored.has_types:
            words = self._stored.words
            used = np.unique(words.shard[self._type_rows]).tolist()
            shards += [words.group.shards[number] for number in used]
        return digest_of(sorted([shard.path.name, shard.checksum] for shard in shards))

    def gather(
        self,
        indices: Sequence[int] | IntArray,
        layers: Sequence[int] | None = None,
        max_length: int | None = None,
    ) -> FloatArray:
        """Vectors of the sentences with these numbers.

        Args:
            indices: B numbers of sentences of this view.
            layers: L' layers in the wanted order; None for all.
            max_length: sentences are cut to their first ``max_length`` tokens.

        Returns:
            (B, L', T, D) float32, zero at the right of each sentence's end, with T the length of
            the longest one.
        """
        chosen = range(len(self._stored.layers)) if layers is None else layers
        numbers = np.asarray(indices, dtype=np.int64)
        lengths = self.lengths[numbers]
        if max_length is not None:
            lengths = np.minimum(lengths, max_length)
        longest = int(lengths.max(initial=0))
        out = np.empty((len(numbers), len(chosen), longest, self._stored.dim), dtype=np.float32)
        sizes = lengths.tolist()
        for k, number in enumerate(chosen):
            layer = self._stored.layers[number]
            if layer.kind == "type":
                self._fill_types(out[:, k], number, numbers.tolist(), sizes)
            else:
                self._fill_tokens(out[:, k], layer, numbers.tolist(), sizes)
        for b, size in enumerate(sizes):
            out[b, :, size:] = 0
        return out

    def _fill_tokens(
        self, out: FloatArray, layer: Layer, numbers: list[int], sizes: list[int]
    ) -> None:
        group = self._stored.sentences.group
        for b, (i, size) in enumerate(zip(numbers, sizes, strict=True)):
            start = self._offset[i]
            vectors = group.layer(self._shard[i], layer.name)[start : start + size]
            _put(out[b, :size], vectors, layer)

    def _fill_types(
        self, out: FloatArray, number: int, numbers: list[int], sizes: list[int]
    ) -> None:
        table, layer = self._type_table(number), self._stored.layers[number]
        for b, (i, size) in enumerate(zip(numbers, sizes, strict=True)):
            _put(out[b, :size], table[self._types[i][:size]], layer)

    def _type_table(self, number: int) -> FloatArray:
        """(V', dim) vectors of this view's word types, read together once."""
        if number not in self._type_tables:
            layer, words = self._stored.layers[number], self._stored.words
            table = np.empty((len(self._type_rows), layer.dim), dtype=np.float32)
            shard, offset = words.shard[self._type_rows], words.offset[self._type_rows]
            for which in np.unique(shard):
                here = shard == which
                table[here] = words.group.layer(int(which), layer.name)[offset[here]]
            self._type_tables[number] = table
        return self._type_tables[number]


def _put(out: FloatArray, vectors: NDArray[Any], layer: Layer) -> None:
    """Copy (T, dim) stored vectors side by side into (T, D)."""
    for i in range(layer.repeat):
        out[:, i * layer.dim : (i + 1) * layer.dim] = vectors


def _joined(arrays: list[Any]) -> IntArray:
    return np.concatenate(arrays) if arrays else np.zeros(0, dtype=np.int64)
