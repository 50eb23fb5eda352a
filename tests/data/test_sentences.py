"""The check of sentences: what is read, in which order and how often, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from elmobench.data.sentences import as_sentence, as_sentences, each_sentence

TOKENS = ("The", "river", "", "\u00e9", "\ud800")


@pytest.mark.parametrize(
    "given",
    [
        list(TOKENS),
        TOKENS,
        np.array(TOKENS, dtype=object),
        pd.Series(TOKENS, index=[7, 7, 1, 0, 2], dtype=object),
        (token for token in TOKENS),
        dict(enumerate(TOKENS)).values(),
    ],
    ids=["list", "tuple", "array", "series", "generator", "values"],
)
def test_sequences_of_tokens_become_tuples_of_plain_strings(given):
    sentence = as_sentence(given)
    assert sentence == TOKENS
    assert set(map(type, sentence)) == {str}


def test_strings_of_numpy_become_plain_strings():
    assert set(map(type, as_sentence(np.array(["a", "bc"])))) == {str}
    assert as_sentences(np.array([["a", "b"], ["c", "d"]])) == [("a", "b"), ("c", "d")]


def test_no_sentences_and_sentences_without_tokens():
    assert as_sentences([]) == as_sentences(iter(())) == []
    assert as_sentences([[], (), np.array([])]) == [(), (), ()]


def test_a_generator_is_read_once_and_only_as_far_as_needed():
    read = []

    def sentences():
        for i in range(3):
            read.append(i)
            yield [str(i)]

    stream = each_sentence(sentences())
    assert next(stream) == ("0",)
    assert read == [0]
    assert list(stream) == [("1",), ("2",)]
    assert as_sentences(sentences()) == [("0",), ("1",), ("2",)]


CONTAINERS = {
    "a string": "the bank",
    "bytes": b"the bank",
    "a mapping": {"text": ["the bank"]},
    "a set": {"the", "bank"},
    "a frame": pd.DataFrame({"text": ["the bank"]}),
    "a number": 3,
    "nothing": None,
    "an array without axes": np.array("the bank"),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_what_has_no_tokens_in_order_is_refused(name):
    with pytest.raises(TypeError, match="give a list of tokens"):
        as_sentence(CONTAINERS[name])
    with pytest.raises(TypeError, match="give a list of sentences"):
        as_sentences(CONTAINERS[name])
    with pytest.raises(TypeError, match="sentence 1 is"):
        as_sentences([["a"], CONTAINERS[name]])


@pytest.mark.parametrize("token", [1, None, b"a", 1.5, float("nan"), ["a"], np.str_, pd.NA])
def test_tokens_that_are_not_strings_are_named(token):
    with pytest.raises(TypeError, match=r"token 1 of sentence 2 is .*, not a string"):
        as_sentences([[], ["a"], ["b", token]])
