"""Encode sentences into word vectors of all layers: windows, batches, pooling of pieces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import torch
from torch import nn

from elmobench.data.examples import Sentence
from elmobench.features.provider import FloatArray
from elmobench.features.transformer.pieces import Pieces, WordPieces
from elmobench.features.transformer.windows import IntArray, plan_windows

Pooling = Literal["mean", "first", "last"]

# Maximum size of a batch, padding included: enough for large products, with bounded memory. A
# longer window is a batch of its own.
_BATCH_PIECES: Final = 2048


@dataclass(frozen=True, slots=True)
class Row:
    """One window of one sentence, and the words whose vectors it gives.

    Attributes:
        sentence: index of the sentence.
        ids: (n,) pieces with special tokens.
        words: (W,) positions in the sentence of the words that are taken from this window.
        begins: (W,) index in ``ids`` of the first piece of each of these words.
        counts: (W,) number of pieces of each of these words.
    """

    sentence: int
    ids: IntArray
    words: IntArray
    begins: IntArray
    counts: IntArray


@dataclass(frozen=True, slots=True)
class PaddedWindows:
    """Windows as one batch: (B, n) ``ids`` and ``mask``, and the words whose vectors they give.

    Attributes:
        ids: padded on the right.
        mask: 1 at pieces, 0 at padding.
        begins: (W,) index of each word's first piece in the flattened batch.
        counts: (W,) number of its pieces.
    """

    ids: IntArray
    mask: IntArray
    begins: IntArray
    counts: IntArray


class WindowEncoder:
    """Encode sentences with a network; a pure function of each sentence.

    Args:
        network: takes ``input_ids`` and ``attention_mask`` and returns ``hidden_states``.
        pieces: splits words into pieces.
        pad_id: for padding; it is masked, so any valid id will do.
        window: maximum number of pieces encoded at once, special tokens included.
        stride: pieces between the beginnings of successive windows.
        pooling: how a word's vector is computed from those of its pieces.
        layers, dim: number and width of the hidden states.
        alone: whether every window is a batch of its own.
    """

    def __init__(
        self,
        network: nn.Module,
        pieces: WordPieces,
        *,
        pad_id: int,
        window: int,
        stride: int,
        pooling: Pooling,
        layers: int,
        dim: int,
        alone: bool = False,
    ) -> None:
        self._network = network
        self._device = next(network.parameters()).device
        self._pieces = pieces
        self._pad_id = pad_id
        self._room = window - len(pieces.prefix) - len(pieces.suffix)
        self._stride = stride
        self._pooling = pooling
        self._layers = layers
        self._dim = dim
        self._alone = alone

    def __call__(self, sentences: Sequence[Sentence]) -> list[list[FloatArray]]:
        """Return one (T, D) array per layer for each sentence; zeros for words without pieces."""
        results: list[list[FloatArray]] = [
            [np.zeros((len(s), self._dim), dtype=np.float32) for _ in range(self._layers)]
            for s in sentences
        ]
        for batch in _batches(self.rows(sentences), 1 if self._alone else _BATCH_PIECES):
            self._run(batch, results)
        return results

    def rows(self, sentences: Sequence[Sentence]) -> list[Row]:
        """The windows of all sentences."""
        return [
            row
            for number, pieces in enumerate(self._pieces(sentences))
            for row in self._rows(number, pieces)
        ]

    def padded(self, batch: Sequence[Row]) -> PaddedWindows:
        """The windows as one padded batch."""
        longest = max(len(row.ids) for row in batch)
        ids = np.full((len(batch), longest), self._pad_id, dtype=np.int64)
        mask = np.zeros((len(batch), longest), dtype=np.int64)
        for b, row in enumerate(batch):
            ids[b, : len(row.ids)] = row.ids
            mask[b, : len(row.ids)] = 1
        begins = np.concatenate([row.begins + b * longest for b, row in enumerate(batch)])
        counts = np.concatenate([row.counts for row in batch])
        return PaddedWindows(ids, mask, begins, counts)

    def _rows(self, sentence: int, pieces: Pieces) -> Iterator[Row]:
        ids, counts = _truncated(pieces, self._room)
        edges = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        prefix, suffix = self._pieces.prefix, self._pieces.suffix
        for window in plan_windows(counts, self._room, self._stride):
            start, own = edges[window.first], slice(window.own_first, window.own_stop)
            inner = ids[start : edges[window.stop]]
            yield Row(
                sentence=sentence,
                ids=np.concatenate([prefix, inner, suffix]).astype(np.int64),
                words=pieces.words[own],
                begins=edges[own] - start + len(prefix),
                counts=counts[own],
            )

    def _run(self, batch: Sequence[Row], results: list[list[FloatArray]]) -> None:
        padded = self.padded(batch)
        hidden: Sequence[torch.Tensor] = self._network(
            input_ids=torch.from_numpy(padded.ids).to(self._device),
            attention_mask=torch.from_numpy(padded.mask).to(self._device),
            output_hidden_states=True,
            return_dict=True,
        ).hidden_states
        ends = np.cumsum([len(row.words) for row in batch])
        for j, states in enumerate(hidden):  # (B, n, D)
            flat: FloatArray = states.float().cpu().numpy().reshape(-1, self._dim)
            vectors = np.split(pool(flat, padded.begins, padded.counts, self._pooling), ends[:-1])
            for row, own in zip(batch, vectors, strict=True):
                results[row.sentence][j][row.words] = own


def pool(flat: FloatArray, begins: IntArray, counts: IntArray, pooling: Pooling) -> FloatArray:
    """Compute (W, D) vectors of words from the (N, D) vectors of pieces.

    Args:
        flat: one row per piece.
        begins: (W,) row of each word's first piece.
        counts: (W,) number of its pieces, which are consecutive; at least 1.
        pooling: the ``mean`` of the pieces, or the ``first`` or ``last`` one.
    """
    total: FloatArray = flat[begins + counts - 1 if pooling == "last" else begins]
    if pooling != "mean":
        return total
    for i in range(1, int(counts.max(initial=0))):
        longer = counts > i
        total[longer] += flat[begins[longer] + i]
    total /= counts[:, None].astype(np.float32)
    return total


def _truncated(pieces: Pieces, room: int) -> tuple[IntArray, IntArray]:
    """Return ids and counts of pieces, with each word truncated to ``room`` pieces."""
    if pieces.counts.max(initial=0) <= room:
        return pieces.ids, pieces.counts
    begins = np.cumsum(pieces.counts) - pieces.counts
    within = np.arange(len(pieces.ids)) - np.repeat(begins, pieces.counts)
    return pieces.ids[within < room], np.minimum(pieces.counts, room)


def _batches(rows: Sequence[Row], pieces: int) -> Iterator[list[Row]]:
    """Yield batches of rows of similar length, longest first, of at most ``pieces`` pieces."""
    batch: list[Row] = []
    for row in sorted(rows, key=lambda row: -len(row.ids)):
        if batch and (len(batch) + 1) * len(batch[0].ids) > pieces:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
