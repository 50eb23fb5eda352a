"""Where the frozen vectors of a part come from: the feature store, or a model now."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from elmobench.data.examples import Sentence
from elmobench.features.provider import FeatureProvider
from elmobench.features.store.feature_store import StoredFeatures

KEPT_MEANS = 1 << 28
"""Bytes of means that are kept in memory."""

KEPT_VIEWS = 4
"""Representations of one task whose places, and vectors of word types, are kept in memory: with
``@seed=run`` each seed has one of its own."""

_SENTENCES_PER_READ = 64


class PartSource(Protocol):
    """Source of the frozen vectors of one part."""

    def gather(self, rows: NDArray[np.int64], layers: Sequence[int] | None) -> NDArray[np.float32]:
        """(B, L', T, D) vectors of the sentences ``rows``, padded with zeros on the right.

        Args:
            rows: rows of the sentence table.
            layers: the L' layers to read; None for all.
        """
        ...


class StoredPart:
    """A part whose vectors are read from the feature store by memory map.

    Args:
        stored: the features.
        sentences: of the table.
        needed: rows of the table that are stored and can be read; None for all of them.
    """

    def __init__(
        self,
        stored: StoredFeatures,
        sentences: Sequence[Sentence],
        needed: NDArray[np.int64] | None = None,
    ) -> None:
        self._place: NDArray[np.int64] | None = None  # of each row in the view; -1 for none
        if needed is not None:
            self._place = np.full(len(sentences), -1, dtype=np.int64)
            self._place[needed] = np.arange(len(needed))
            sentences = [sentences[row] for row in needed]
        self._view = stored.view(sentences)

    @property
    def digest(self) -> str:
        """Digest of the stored vectors; see :attr:`StoredView.digest`."""
        return self._view.digest

    @property
    def encoded_by(self) -> dict[str, list[str]]:
        """Versions of the libraries that encoded them; see :attr:`StoredView.encoded_by`."""
        return self._view.encoded_by

    @property
    def nbytes_per_token(self) -> float:
        """Stored bytes per token; see :attr:`StoredView.nbytes_per_token`."""
        return self._view.nbytes_per_token

    def gather(self, rows: NDArray[np.int64], layers: Sequence[int] | None) -> NDArray[np.float32]:
        """See :class:`PartSource`."""
        if self._place is not None:
            rows = self._place[rows]
            if (rows < 0).any():
                raise ValueError("a sentence is read that no cell of the experiment needs")
        return self._view.gather(rows, layers)


class MeanPart:
    """The mean over the tokens of each sentence, as a sentence of one token.

    A probe that reads nothing but the mean of a text needs no more, since a mix without dropout and
    without a norm per token is linear: it gives the mean of mixed vectors from means of layers. A
    mean does not depend on the other sentences of a batch.

    Args:
        source: gives the vectors of the tokens.
        lengths: number of tokens of every sentence of the table.
        max_bytes: means are computed once and kept in memory if those of all sentences take no more
            than this; otherwise they are computed whenever they are read.
    """

    def __init__(
        self, source: PartSource, lengths: NDArray[np.int64], max_bytes: int = KEPT_MEANS
    ) -> None:
        self._source = source
        self._lengths = lengths
        self._max_bytes = max_bytes
        self._known: NDArray[np.bool_] = np.zeros(len(lengths), dtype=np.bool_)
        self._means: NDArray[np.float32] | None = None  # (sentences, L', D)

    @property
    def nbytes(self) -> int:
        """Bytes of the means that are kept."""
        return 0 if self._means is None else self._means.nbytes

    def gather(self, rows: NDArray[np.int64], layers: Sequence[int] | None) -> NDArray[np.float32]:
        """(B, L', 1, D) means; zero for a sentence without tokens. See :class:`PartSource`.

        ``layers`` must be the same in all calls.
        """
        new = np.unique(rows[~self._known[rows]])
        for start in range(0, len(new), _SENTENCES_PER_READ):
            some = new[start : start + _SENTENCES_PER_READ]
            means = self._computed(some, layers)
            if self._means is None:
                shape = (len(self._lengths), *means.shape[1:])
                if 4 * math.prod(shape) > self._max_bytes:
                    return self._computed(rows, layers)[:, :, None]
                self._means = np.empty(shape, dtype=np.float32)
            self._means[some] = means
            self._known[some] = True
        if self._means is None:
            return self._computed(rows, layers)[:, :, None]
        return self._means[rows][:, :, None]

    def _computed(
        self, rows: NDArray[np.int64], layers: Sequence[int] | None
    ) -> NDArray[np.float32]:
        vectors = self._source.gather(rows, layers)
        means = np.zeros((vectors.shape[0], vectors.shape[1], vectors.shape[3]), dtype=np.float32)
        for b, length in enumerate(self._lengths[rows]):
            if length:
                means[b] = vectors[b, :, :length].mean(axis=1, dtype=np.float64)
        return means


class NoVectors:
    """The source of a part whose vectors the model computes in training."""

    def gather(self, rows: NDArray[np.int64], layers: Sequence[int] | None) -> NDArray[np.float32]:
        """An array (B, 0, 0, 0) without values."""
        return np.zeros((len(rows), 0, 0, 0), dtype=np.float32)


class LivePart:
    """A part whose vectors are computed now and kept in memory: for new text, and for tests."""

    def __init__(self, provider: FeatureProvider, sentences: Sequence[Sentence]) -> None:
        self._vectors = provider.encode(sentences)
        self._shape = (provider.num_layers, provider.dim)

    def gather(self, rows: NDArray[np.int64], layers: Sequence[int] | None) -> NDArray[np.float32]:
        """See :class:`PartSource`."""
        chosen = list(range(self._shape[0])) if layers is None else list(layers)
        longest = max((self._vectors[i].shape[1] for i in rows), default=0)
        out = np.zeros((len(rows), len(chosen), longest, self._shape[1]), dtype=np.float32)
        for b, i in enumerate(rows):
            vectors = self._vectors[i]
            out[b, :, : vectors.shape[1]] = vectors[chosen]
        return out
