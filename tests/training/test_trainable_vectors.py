"""Trainable static vectors: their words, and the vectors that training starts from."""

from __future__ import annotations

import doctest
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from elmobench.core.errors import ConfigError
from elmobench.features.static.provider import StaticProvider
from elmobench.features.static.random_vectors import RandomStaticProvider
from elmobench.training import trainable_vectors
from elmobench.training.streams import RandomStreams
from elmobench.training.trainable_vectors import WordVocabulary, initial_vectors

FILE = "The 9 9 9\nthe 1 2 3\ncat 4 5 6\nRome 7 8 9\n"


@pytest.fixture
def provider(tmp_path: Path) -> StaticProvider:
    path = tmp_path / "vectors.txt"
    path.write_text(FILE)
    return StaticProvider.from_file(path, name="file", format="glove", case="keep")


def generator(seed: int = 1) -> np.random.Generator:
    return RandomStreams(seed).numpy("unknown")


def test_example() -> None:
    assert doctest.testmod(trainable_vectors).failed == 0


def test_words_as_spelt_or_in_lower_case() -> None:
    sentences = [("The", "cat"), ("the", "Cat", "sat")]
    cased = WordVocabulary.of(sentences, lowercase=False)
    assert cased.words == ("Cat", "The", "cat", "sat", "the")
    assert [cased.id_of(word) for word in ("Cat", "the", "THE")] == [1, 5, 0]
    assert cased.spell(("The",)) == ("The",)
    lower = WordVocabulary.of(sentences, lowercase=True)
    assert lower.words == ("cat", "sat", "the")
    assert [lower.id_of(word) for word in ("Cat", "cat", "THE", "dog")] == [1, 1, 3, 0]
    assert lower.spell(("The", "Dog")) == ("the", "dog")
    assert WordVocabulary.of(reversed(sentences), lowercase=True).words == lower.words


def test_rows_are_the_pre_trained_vectors(provider: StaticProvider) -> None:
    """Lower-cased words have the vector of the lower-cased word, although the file has others."""
    sentences = [("The", "Cat"), ("cat",)]
    cased = WordVocabulary.of(sentences, lowercase=False)  # Cat, The, cat
    rows = initial_vectors(provider, cased, "zero", generator())
    assert rows.tolist() == [[0, 0, 0], [0, 0, 0], [9, 9, 9], [4, 5, 6]]
    lower = WordVocabulary.of(sentences, lowercase=True)  # cat, the
    rows = initial_vectors(provider, lower, "normal", generator())
    assert rows.tolist() == [[0, 0, 0], [4, 5, 6], [1, 2, 3]]


def test_unknown_words_are_drawn_like_the_known_ones(provider: StaticProvider) -> None:
    """Mean and standard deviation are of the words that the data have: The and cat, not Rome."""
    unknown = [f"zz{i:04d}" for i in range(2000)]
    vocabulary = WordVocabulary.of([("The", "cat", *unknown)], lowercase=False)
    rows = initial_vectors(provider, vocabulary, "normal", generator())
    assert rows[1].tolist() == [9, 9, 9]
    assert rows[2].tolist() == [4, 5, 6]
    known = np.array([9, 9, 9, 4, 5, 6])
    drawn = rows[3:].double().numpy().ravel()
    assert drawn.shape == (6000,)
    # The largest distance to the normal's distribution function, at 6,000 numbers.
    normal = stats.norm(known.mean(), np.sqrt(((known - known.mean()) ** 2).mean()))
    assert stats.kstest(drawn, normal.cdf).statistic < 0.025
    for wrong in (stats.norm(known.mean(), 2 * known.std()), stats.norm(0, 1)):
        assert stats.kstest(drawn, wrong.cdf).statistic > 0.1


def test_draws_depend_on_the_seed_alone(provider: StaticProvider) -> None:
    vocabulary = WordVocabulary.of([("cat", "dog", "hen")], lowercase=False)
    one, again, other = (
        initial_vectors(provider, vocabulary, "normal", generator(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(one, again)
    assert torch.equal(one[1], other[1])
    assert (one[2:] != other[2:]).all()


def test_no_known_word_is_an_error(provider: StaticProvider) -> None:
    vocabulary = WordVocabulary.of([("hund", "katze")], lowercase=False)
    with pytest.raises(ConfigError, match="none of the 2 words of the data has a vector in file"):
        initial_vectors(provider, vocabulary, "normal", generator())
    assert initial_vectors(provider, vocabulary, "zero", generator()).abs().sum() == 0


def test_nothing_is_drawn_without_unknown_words() -> None:
    vocabulary = WordVocabulary.of([("a", "b")], lowercase=False)
    numbers = generator()
    initial_vectors(RandomStaticProvider(dim=3), vocabulary, "normal", numbers)
    assert numbers.random() == generator().random()
