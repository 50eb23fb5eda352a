"""Buckets of n-grams: published hash values, a list by hand, and gensim's function."""

import random

import pytest

from elmobench.features.static.ngram_hashes import ngram_buckets

ALL = 2**32


@pytest.mark.parametrize(("word", "value"), [("a", 0xE40C292C), ("foobar", 0xBF9CF968)])
def test_hashes_are_the_published_values_of_fnv_1a(word, value):
    """Values from the test suite of the hash's authors (http://www.isthe.com/chongo/tech/comp/fnv)."""
    n = len(word)
    found = ngram_buckets(word, n, n, ALL)
    assert len(found) == (3 if n > 1 else 1)
    assert found[n > 1] == value


@pytest.mark.parametrize(
    ("shortest", "longest", "listed"),
    [
        (1, 3, ["<n", "<na", "n", "na", "naï", "a", "aï", "aï>", "ï", "ï>"]),
        (3, 4, ["<na", "<naï", "naï", "naï>", "aï>"]),
        (5, 9, ["<naï>"]),
        (6, 9, []),
        (3, 2, []),
        (0, 1, ["n", "a", "ï"]),
    ],
)
def test_every_n_gram_has_a_bucket_and_brackets_alone_have_none(shortest, longest, listed):
    def bucket(ngram):
        # FNV-1a; a byte above 127 is a negative number of 32 bits.
        state = 0x811C9DC5
        for byte in ngram.encode():
            state = (state ^ int.from_bytes([byte], signed=True) % ALL) * 0x01000193 % ALL
        return state % 1000

    assert ngram_buckets("naï", shortest, longest, 1000) == [bucket(ngram) for ngram in listed]


def test_equal_to_gensim():
    peer = pytest.importorskip("gensim.models.fasttext").ft_ngram_hashes
    chance = random.Random(0)
    for _ in range(500):
        word = "".join(chance.choices("abcde<>éß東🙂 ", k=chance.randint(0, 9)))
        settings = chance.randint(0, 6), chance.randint(0, 8), chance.choice([1, 7, 2_000_000])
        assert ngram_buckets(word, *settings) == peer(word, *settings), (word, settings)
