"""Read the stored features of one provider: look sentences up and gather batches of vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from elmobench.core.digests import SENTENCE_DIGEST_BYTES, digest_of, sentence_digest
from elmobench.core.errors import StoreError
from elmobench.core.quoting import quoted
from elmobench.data.examples import Sentence
from elmobench.data.sentences import as_sentences
from elmobench.features.provider import FloatArray, Layer
from elmobench.features.store.blocks import IntArray
from elmobench.features.store.gather import BatchRows, dequantized, fill_tokens, fill_types
from elmobench.features.store.index import SentenceIndex, WordIndex
from elmobench.features.store.plan import as_texts
from elmobench.features.store.precision import (
    Precision,
    array_layout,
    row_bytes,
    scales_name,
    values_name,
)
from elmobench.features.store.shard import Shard

_OFFSET_BYTES: Final = 8


class StoredFeatures:
    """The stored features of one provider at one precision, as of the time of opening.

    Args:
        folder: of the provider; it need not exist.
        layers: of the provider.
        name: of the provider, for messages.
        precision: of the stored values.
        per_text: whether a sentence is stored as one token, its text, with one vector.

    Raises:
        StoreError: if a shard's header or index is damaged. Vectors are checked when they are
            first read.
    """

    def __init__(
        self,
        folder: Path,
        layers: Sequence[Layer],
        name: str,
        precision: Precision,
        *,
        per_text: bool = False,
    ) -> None:
        self.per_text = per_text
        self.layers = tuple(layers)
        self.name = name
        self.precision = precision
        self.dim = layers[0].dim * layers[0].repeat
        self.has_tokens = any(layer.kind == "token" for layer in layers)
        self.has_types = any(layer.kind == "type" for layer in layers)
        self.sentences = SentenceIndex(folder)
        self.words = WordIndex(folder)
        for kind, index in (("token", self.sentences), ("type", self.words)):
            stored = [layer for layer in layers if layer.kind == kind]
            index.group.check_layout(stored, precision, index.rows)

    @property
    def nbytes_per_token(self) -> float:
        """Bytes on disk, word types included, per stored token (per type without token layers)."""
        rows = self.sentences.tokens if self.has_tokens else len(self.words.row)
        return (self.sentences.group.nbytes + self.words.group.nbytes) / rows if rows else 0.0

    def missing(self, sentences: Sequence[Sequence[str]]) -> list[Sentence]:
        """Return the distinct sentences, in the given order, that are not completely stored."""
        distinct = dict.fromkeys(self._units(sentences))
        return [sentence for sentence in distinct if not self._holds(sentence)]

    def _units(self, sentences: Sequence[Sequence[str]]) -> list[Sentence]:
        """What is stored for each of ``sentences``."""
        return as_texts(sentences) if self.per_text else as_sentences(sentences)

    def _holds(self, sentence: Sentence) -> bool:
        if self.has_types and not all(word in self.words.row for word in sentence):
            return False
        return not self.has_tokens or sentence_digest(sentence) in self.sentences.row

    def view(self, sentences: Sequence[Sequence[str]]) -> StoredView:
        """Look ``sentences`` up once, so that batches can be gathered by index.

        Raises:
            StoreError: if some are not stored; the message gives their number and an example.
        """
        distinct = self._units(sentences)
        absent = self.missing(distinct)
        if absent:
            raise StoreError(
                f"{len(absent)} sentences have no stored vectors, for example "
                f"{quoted(' '.join(absent[0]))}",
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
        """Return vectors of a few sentences; training loops use :meth:`view`.

        See :meth:`StoredView.gather` for arguments and result.
        """
        view = self.view(sentences)
        return view.gather(np.arange(len(view.lengths)), layers, max_length)


class StoredView:
    """A list of sentences with their positions in the shards.

    Attributes:
        lengths: (S,) number of tokens of each sentence.
    """

    def __init__(self, stored: StoredFeatures, sentences: Sequence[Sentence]) -> None:
        self._stored = stored
        self._sentences = sentences
        self.lengths: IntArray = np.asarray([len(s) for s in sentences], dtype=np.int64)
        if stored.has_tokens:
            index = stored.sentences
            row = np.asarray([index.row[sentence_digest(s)] for s in sentences], dtype=np.int64)
            self._shard, self._offset = index.shard[row], index.offset[row]
        self._checked: dict[int, NDArray[np.bool_]] = {}
        """Layer -> (S,) whether the vectors of a sentence have been checked."""
        self._type_tables: dict[int, FloatArray] = {}
        if stored.has_types:
            known = stored.words.row
            flat = np.asarray([known[word] for s in sentences for word in s], dtype=np.int64)
            # Rows in the store, and for each token, in running order, its index into them.
            self._type_rows, self._types = np.unique(flat, return_inverse=True)
            self._first = np.cumsum(self.lengths) - self.lengths

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of name and stored checksum of each shard that this view reads.

        Equal digests mean bit-identical vectors. The reverse does not hold: the same vectors can
        be in other shards. No vectors are read to compute it.
        """
        return digest_of(sorted([shard.path.name, shard.checksum] for shard in self._shards()))

    @property
    def encoded_by(self) -> dict[str, list[str]]:
        """Library -> its versions when the vectors of this view were encoded, sorted.

        Several versions if shards of different times are read, and among them ``unknown`` for
        shards that were written without versions. Only headers are read.
        """
        versions = [shard.versions or {"elmobench": "unknown"} for shard in self._shards()]
        names = sorted({name for mapping in versions for name in mapping})
        return {
            name: sorted({mapping.get(name, "unknown") for mapping in versions}) for name in names
        }

    def _shards(self) -> list[Shard]:
        """The shards that this view reads."""
        shards: list[Shard] = []
        if self._stored.has_tokens:
            group = self._stored.sentences.group
            shards += [group.shards[number] for number in np.unique(self._shard).tolist()]
        if self._stored.has_types:
            words = self._stored.words
            used = np.unique(words.shard[self._type_rows]).tolist()
            shards += [words.group.shards[number] for number in used]
        return shards

    @property
    def nbytes_per_token(self) -> float:
        """Stored bytes per token of this view's distinct sentences.

        Counts vectors and scales of the sentences and of their word types, and the index entries
        (digests, offsets, spellings); not other sentences, nor the headers of shards.
        """
        distinct = set(self._sentences)
        tokens = sum(map(len, distinct))
        if not tokens:
            return 0.0
        size = 0
        width = {"token": 0, "type": 0}
        for layer in self._stored.layers:
            width[layer.kind] += row_bytes(layer, self._stored.precision)
        if self._stored.has_tokens:
            size += width["token"] * tokens
            size += (SENTENCE_DIGEST_BYTES + _OFFSET_BYTES) * len(distinct)
        if self._stored.has_types:
            words = {word for sentence in distinct for word in sentence}
            size += (width["type"] + _OFFSET_BYTES) * len(words)
            size += sum(len(word.encode("utf-8", "surrogatepass")) for word in words)
        return size / tokens

    def gather(
        self,
        indices: Sequence[int] | IntArray,
        layers: Sequence[int] | None = None,
        max_length: int | None = None,
    ) -> FloatArray:
        """Return a padded batch of vectors.

        Args:
            indices: B indices of sentences of this view.
            layers: L' layers in the required order; None for all.
            max_length: sentences are truncated to their first ``max_length`` tokens.

        Returns:
            (B, L', T, D) float32, zero after the end of each sentence, with T the length of the
            longest sentence.

        Raises:
            StoreError: if a shard is damaged, or was deleted or replaced meanwhile.
        """
        chosen = range(len(self._stored.layers)) if layers is None else layers
        numbers = np.asarray(indices, dtype=np.int64)
        lengths = self.lengths[numbers]
        if max_length is not None:
            lengths = np.minimum(lengths, max_length)
        longest = int(lengths.max(initial=0))
        out = np.empty((len(numbers), len(chosen), longest, self._stored.dim), dtype=np.float32)
        if not out.size:
            return out
        if self._stored.has_tokens:
            shard = self._shard[numbers]
            rows = BatchRows(self._offset[numbers], lengths, longest)
        if self._stored.has_types:
            tokens = BatchRows(self._first[numbers], lengths, longest)
        for k, number in enumerate(chosen):
            layer = self._stored.layers[number]
            if layer.kind == "type":
                fill_types(out[:, k], layer, self._type_table(number), self._types, tokens)
            else:
                self._check_tokens(number, numbers)
                fill_tokens(out[:, k], layer, self._stored.sentences.group, shard, rows)
        return out

    def _check_tokens(self, number: int, sentences: IntArray) -> None:
        """Check what this view reads of the shards of ``sentences``, in a layer, the first time."""
        checked = self._checked.setdefault(number, np.zeros(len(self.lengths), dtype=np.bool_))
        new = sentences[~checked[sentences]]
        if not len(new):
            return
        layer, group = self._stored.layers[number], self._stored.sentences.group
        # All that this view reads of these shards at once, in the order of the file: a call per
        # batch would cost more, and from disk it would read the file in no order.
        of_shards = np.zeros(len(group.shards), dtype=np.bool_)
        of_shards[self._shard[new]] = True
        here = np.flatnonzero(of_shards[self._shard] & ~checked)
        for name in array_layout(layer, self._stored.precision, 0):
            group.check_rows(name, self._shard[here], self._offset[here], self.lengths[here])
        checked[here] = True

    def _type_table(self, number: int) -> FloatArray:
        """(V', dim) vectors of this view's word types, all read at first use."""
        if number not in self._type_tables:
            layer, words = self._stored.layers[number], self._stored.words
            table = np.empty((len(self._type_rows), layer.dim), dtype=np.float32)
            shard, offset = words.shard[self._type_rows], words.offset[self._type_rows]
            for name in array_layout(layer, self._stored.precision, 0):
                words.group.check_rows(name, shard, offset, np.ones_like(offset))
            for which in np.unique(shard).tolist():
                here = shard == which
                rows = offset[here]
                values = words.group.array(which, values_name(layer))[rows]
                scales = None
                if values.dtype == np.int8:
                    scales = words.group.array(which, scales_name(layer))[rows]
                table[here] = dequantized(values, scales)
            self._type_tables[number] = table
        return self._type_tables[number]
