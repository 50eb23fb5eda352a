"""Trainable static vectors: the words that have one, and the vectors that training starts from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from elmobench.core.errors import ConfigError
from elmobench.data.examples import Sentence
from elmobench.features.provider import FeatureProvider


class WordVocabulary:
    """Words that have a row in a trainable embedding; ids start at 1.

    Args:
        words: distinct words in the order of their ids, in lower case if ``lowercase`` is set.
        lowercase: whether all spellings of a word share its id.

    >>> vocabulary = WordVocabulary.of([("The", "cat"), ("the", "Cat")], lowercase=True)
    >>> vocabulary.words, vocabulary.id_of("THE"), vocabulary.id_of("dog")
    (('cat', 'the'), 2, 0)
    """

    def __init__(self, words: Sequence[str], *, lowercase: bool) -> None:
        self.words = tuple(words)
        self.lowercase = lowercase
        self._ids = {word: i + 1 for i, word in enumerate(self.words)}

    @classmethod
    def of(cls, sentences: Iterable[Sentence], *, lowercase: bool) -> WordVocabulary:
        """The vocabulary of ``sentences``, sorted, so that it does not depend on their order."""
        spelled = {token for sentence in sentences for token in sentence}
        words = {word.lower() for word in spelled} if lowercase else spelled
        return cls(sorted(words), lowercase=lowercase)

    def id_of(self, word: str) -> int:
        """The id of ``word``; 0 if it has none."""
        return self._ids.get(word.lower() if self.lowercase else word, 0)

    def spell(self, sentence: Sentence) -> Sentence:
        """``sentence`` as its words are looked up: in lower case, or as it is."""
        return tuple(token.lower() for token in sentence) if self.lowercase else sentence


def initial_vectors(
    provider: FeatureProvider,
    vocabulary: WordVocabulary,
    unknown: Literal["normal", "zero"],
    generator: np.random.Generator,
) -> Tensor:
    """(V + 1, D) vectors that a trainable embedding starts from; row 0 (padding) is zero.

    Row i is the pre-trained vector of the word with id i. A word has none if the provider gives it
    zeros. With ``normal`` such a word gets numbers from a normal distribution with the mean and
    standard deviation of all values in the pre-trained vectors of the vocabulary, as AllenNLP's
    ``Embedding`` does (Gardner et al. 2018); with ``zero`` it stays zero.

    Args:
        provider: of static vectors, with one layer.
        vocabulary: the words.
        unknown: see above.
        generator: draws the numbers, word by word in the order of ids.

    Raises:
        ConfigError: if numbers must be drawn and no word has a pre-trained vector.
    """
    vectors = provider.encode_types(vocabulary.words)[0]
    absent: NDArray[np.bool_] = ~np.any(vectors, axis=1)
    if unknown == "normal" and absent.any():
        if absent.all():
            raise ConfigError(
                f"none of the {len(absent)} words of the data has a vector in {provider.name}",
                where=f"features {provider.name}(trainable)",
                fix="use vectors of the language of the data, or start from zeros: set "
                "mix.trainable_unknown: zero",
            )
        found = vectors[~absent].astype(np.float64)
        drawn = generator.normal(found.mean(), found.std(), (int(absent.sum()), vectors.shape[1]))
        vectors = vectors.copy()
        vectors[absent] = drawn.astype(np.float32)
    vectors = np.tile(vectors, (1, provider.layers[0].repeat))
    padding = np.zeros((1, vectors.shape[1]), dtype=np.float32)
    return torch.from_numpy(np.concatenate([padding, vectors]))
