"""Nearest neighbours in stored features, by cosine, in bounded memory."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from elmobench.data.examples import Sentence
from elmobench.features.provider import FloatArray
from elmobench.features.store.blocks import IntArray
from elmobench.features.store.stored_features import StoredFeatures

_CHUNK_VALUES: Final = 1 << 23  # 32 MB of float32 at a time


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An occurrence near a query.

    Attributes:
        cosine: cosine with the query.
        sentence: the tokens of the sentence.
        position: index of the word in the sentence.
        count: number of occurrences that it represents: in a layer that depends only on spelling,
            all occurrences of the word; otherwise 1.
    """

    cosine: float
    sentence: Sentence
    position: int
    count: int = 1


class NeighbourSearch:
    """Search for nearest neighbours among the occurrences in some sentences.

    Args:
        stored: stored features of all ``sentences``.
        sentences: distinct sentences.
        word: search only occurrences of this word, in any case; None for all words.
        chunk_values: number of vector components in memory at a time.

    Raises:
        StoreError: if a sentence is not stored.
    """

    def __init__(
        self,
        stored: StoredFeatures,
        sentences: Sequence[Sentence],
        word: str | None = None,
        chunk_values: int = _CHUNK_VALUES,
    ) -> None:
        self._folded = None if word is None else word.casefold()
        self._sentences = [s for s in sentences if any(map(self._wanted, s))]
        self._stored = stored
        self._view = stored.view(self._sentences)
        self._chunk_values = chunk_values
        self._counts = Counter(t for s in self._sentences for t in s)

    def _wanted(self, token: str) -> bool:
        return self._folded is None or token.casefold() == self._folded

    def nearest(self, queries: FloatArray, layer: int, k: int) -> list[list[Neighbour]]:
        """The ``k`` occurrences with the highest cosine with each query.

        Cosines are rounded to six digits; occurrences with equal cosines are in the order of the
        sentences. Zero vectors (unknown words) have no direction and are never neighbours.

        Args:
            queries: (Q, D).
            layer: number of the layer, from 0. In a layer that depends only on spelling, every
                word form is one neighbour, at its first occurrence.
            k: number of neighbours per query.

        Returns:
            At most ``k`` neighbours per query, the nearest first; none for a zero query.
        """
        by_spelling = self._stored.layers[layer].kind == "type"
        lengths = np.linalg.norm(queries.astype(np.float64), axis=1)
        nonzero = np.flatnonzero(lengths > 0)
        unit = (queries[nonzero] / lengths[nonzero, None]).astype(np.float32)
        best: list[list[tuple[float, int, int]]] = [[] for _ in queries]
        seen: set[str] | None = set() if by_spelling else None
        width = self._stored.dim
        for numbers in _batches(self._view.lengths, width, self._chunk_values, by_spelling):
            places = self._places(numbers, seen)
            if not len(places) or not len(nonzero):
                continue
            vectors = self._view.gather(numbers, [layer])[:, 0][places[:, 0], places[:, 1]]
            cosines = _cosines(vectors, unit)
            where = np.stack([numbers[places[:, 0]], places[:, 1]], axis=1)
            for column, query in enumerate(nonzero.tolist()):
                best[query] = _merged(best[query], cosines[:, column], where, k)
        return [[self._neighbour(*entry, by_spelling) for entry in entries] for entries in best]

    def _neighbour(self, minus: float, number: int, position: int, by_spelling: bool) -> Neighbour:
        sentence = self._sentences[number]
        count = self._counts[sentence[position]] if by_spelling else 1
        return Neighbour(-minus, sentence, position, count)

    def _places(self, numbers: IntArray, seen: set[str] | None) -> IntArray:
        """(N, 2) batch row and position of the tokens that may be neighbours."""
        places = []
        for b, number in enumerate(numbers.tolist()):
            for t, token in enumerate(self._sentences[number]):
                if not self._wanted(token):
                    continue
                if seen is not None:
                    if token in seen:
                        continue
                    seen.add(token)
                places.append((b, t))
        return np.asarray(places, dtype=np.int64).reshape(-1, 2)


def _batches(lengths: IntArray, dim: int, chunk_values: int, in_order: bool) -> Iterator[IntArray]:
    """Yield numbers of sentences whose padded batch has at most ``chunk_values``, or one sentence.

    Batches are formed by length, so that they have little padding, unless ``in_order`` is set.
    """
    order = np.arange(len(lengths)) if in_order else np.argsort(lengths, kind="stable")
    start, longest = 0, 0
    for end, number in enumerate(order.tolist()):
        longer = max(longest, int(lengths[number]))
        if end > start and (end + 1 - start) * longer * dim > chunk_values:
            yield order[start:end]
            start, longer = end, int(lengths[number])
        longest = longer
    if start < len(order):
        yield order[start:]


def _cosines(vectors: FloatArray, unit: FloatArray) -> NDArray[np.float64]:
    """(N, D) vectors and (Q, D) unit vectors to (N, Q) cosines; -inf for zero vectors."""
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))[:, None]
    products = vectors @ unit.T
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines = products / lengths
    rounded = np.round(np.clip(cosines, -1, 1).astype(np.float64), 6)
    out: NDArray[np.float64] = np.where(lengths > 0, rounded, -np.inf)
    return out


def _merged(
    best: list[tuple[float, int, int]],
    cosines: NDArray[np.float64],
    where: IntArray,
    k: int,
) -> list[tuple[float, int, int]]:
    """The best ``k`` of old and new neighbours, by falling cosine, then by place."""
    if len(cosines) > k:
        # Keep all that tie with the k-th, so that their places decide.
        bound = np.partition(cosines, len(cosines) - k)[len(cosines) - k]
        chosen = np.flatnonzero(cosines >= bound)
    else:
        chosen = np.arange(len(cosines))
    new = [
        (-float(cosines[i]), int(where[i, 0]), int(where[i, 1]))
        for i in chosen.tolist()
        if np.isfinite(cosines[i])
    ]
    return heapq.nsmallest(k, [*best, *new])
