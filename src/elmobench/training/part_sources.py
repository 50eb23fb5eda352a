"""Where the frozen vectors of a part come from: the feature store, or a model now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from elmobench.data.examples import Sentence
from elmobench.features.provider import FeatureProvider
from elmobench.features.store.feature_store import StoredFeatures


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
