"""The control for knowledge of words: neither sentence nor spelling decides, only the word does."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from elmobench.data.controls.word_knowledge import (
    ANIMAL,
    ANIMALS,
    FRAMES,
    GENERATOR,
    THING,
    THINGS,
    WordKnowledgeOptions,
)
from elmobench.data.examples import EdgeText

SPLITS = ["train", "dev", "test"]
MADE = GENERATOR.generate(WordKnowledgeOptions())


def word_and_label(example: EdgeText) -> tuple[str, str]:
    (tokens,), (edge,) = example.sentences, example.edges
    ((first, last),) = edge.spans
    assert first == last
    (label,) = edge.labels
    return tokens[first], label


def test_words_are_distinct_and_as_many_of_each_kind() -> None:
    assert len({*ANIMALS, *THINGS}) == len(ANIMALS) + len(THINGS) == 2 * len(THINGS)


@pytest.mark.parametrize("split", SPLITS)
def test_every_word_stands_in_every_sentence_and_has_one_label(split: str) -> None:
    frames: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for example in MADE[split]:
        word, label = word_and_label(example)
        assert word in {ANIMAL: ANIMALS, THING: THINGS}[label]
        (tokens,) = example.sentences
        frames[word].add(tuple("_" if token == word else token for token in tokens))
    assert {len(found) for found in frames.values()} == {len(FRAMES)}
    assert len(set.union(*frames.values())) == len(FRAMES)
    counts = Counter(label for _, label in map(word_and_label, MADE[split]))
    assert counts[ANIMAL] == counts[THING] == len(MADE[split]) / 2
    assert GENERATOR.context_free_ceiling(MADE[split]) == 100.0


def test_no_word_is_in_two_splits() -> None:
    words = [{word for word, _ in map(word_and_label, MADE[split])} for split in SPLITS]
    assert sum(map(len, words)) == len(set.union(*words))


def test_spelling_says_nothing() -> None:
    """A classifier of sequences of one to three characters guesses on the words of test."""
    (train, gold), (words, expected) = (
        zip(*sorted({*map(word_and_label, MADE[split])}), strict=True)
        for split in ("train", "test")
    )
    features = CountVectorizer(analyzer="char_wb", ngram_range=(1, 3))
    classifier = LogisticRegression(C=0.1, max_iter=1000).fit(features.fit_transform(train), gold)
    assert classifier.score(features.transform(train), gold) > 0.95
    # 40 words: within 15 points of a half lie 95 % of all guesses.
    assert abs(classifier.score(features.transform(words), expected) - 0.5) < 0.155


def test_what_cannot_be_made_is_an_error() -> None:
    with pytest.raises(ValueError, match="not a multiple of 10"):
        WordKnowledgeOptions.model_validate({"sizes": {"train": 66}})
    with pytest.raises(ValueError, match="words of each kind are needed, there are 64"):
        WordKnowledgeOptions.model_validate({"sizes": {"train": 640}})
