"""Occurrences of one word in several sentences, and the similarity of its vectors there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elmobench.core.errors import DataError
from elmobench.core.registry import did_you_mean
from elmobench.data.examples import Sentence
from elmobench.features.norms import norms
from elmobench.features.provider import FeatureProvider, FloatArray


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A word in its sentence.

    Attributes:
        sentence: the tokens of the sentence.
        number: index of the sentence.
        position: index of the word in the sentence.
    """

    sentence: Sentence
    number: int
    position: int

    @property
    def token(self) -> str:
        """The word as it is spelt in this sentence."""
        return self.sentence[self.position]


@dataclass(frozen=True)
class LayerView:
    """The N occurrences of a word in one layer.

    Attributes:
        number, name: number and name of the layer.
        by_spelling: whether the layer depends only on the word's spelling.
        vectors: (N, D).
        norms: (N,) L2 norms.
        cosines: (N, N) cosine similarities; NaN where a vector is zero.
    """

    number: int
    name: str
    by_spelling: bool
    vectors: FloatArray
    norms: FloatArray
    cosines: NDArray[np.float64]


def find_occurrences(word: str, sentences: Sequence[Sentence]) -> list[Occurrence]:
    """Find every occurrence of ``word``.

    In each sentence exact matches are taken; if there are none, matches that differ in case.

    Raises:
        DataError: if a sentence does not contain the word; names the sentence and similar words.
    """
    occurrences = []
    for number, sentence in enumerate(sentences):
        places = [i for i, token in enumerate(sentence) if token == word]
        if not places:
            folded = word.casefold()
            places = [i for i, token in enumerate(sentence) if token.casefold() == folded]
        if not places:
            raise DataError(
                f"there is no token {word!r} in {' '.join(sentence)!r}",
                where=f"sentence {number + 1}",
                fix=did_you_mean(word, set(sentence)),
            )
        occurrences += [Occurrence(sentence, number, place) for place in places]
    return occurrences


def cosine_matrix(vectors: FloatArray) -> NDArray[np.float64]:
    """Map (N, D) vectors to (N, N) cosines in float64; NaN where either vector is zero."""
    wide = vectors.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    # 0 / 0 gives NaN, as documented.
    with np.errstate(invalid="ignore"):
        unit = wide / lengths
    cosines: NDArray[np.float64] = np.clip(unit @ unit.T, -1.0, 1.0)
    return cosines


def layer_views(
    provider: FeatureProvider, occurrences: Sequence[Occurrence], layer: int | None = None
) -> list[LayerView]:
    """Vectors, norms and cosines of ``occurrences`` in every layer or in one layer.

    Args:
        provider: encodes the sentences.
        occurrences: N occurrences.
        layer: number of the layer, from 0; None for all layers.
    """
    sentences = list(dict.fromkeys(occurrence.sentence for occurrence in occurrences))
    encoded = dict(zip(sentences, provider.encode(sentences), strict=True))
    views = []
    for number, known in enumerate(provider.layers):
        if layer in (None, number):
            vectors = np.stack([encoded[o.sentence][number, o.position] for o in occurrences])
            views.append(
                LayerView(
                    number,
                    known.name,
                    known.kind == "type",
                    vectors,
                    norms(vectors),
                    cosine_matrix(vectors),
                )
            )
    return views
