"""Buckets of a word's character n-grams, as fastText computes them."""

from __future__ import annotations

from typing import Final

_OFFSET: Final = 2166136261
_PRIME: Final = 16777619
# The official program hashes signed bytes, which are widened to 32 bits with their sign.
_WIDENED: Final = tuple(byte if byte < 128 else byte | 0xFFFFFF00 for byte in range(256))


def ngram_buckets(word: str, shortest: int, longest: int, buckets: int) -> list[int]:
    """Return the bucket of every n-gram of ``<word>``, one per n-gram, repeated ones included.

    The brackets mark the ends of the word and do not count as n-grams by themselves. The hash is
    FNV-1a of 32 bits over UTF-8 (``Dictionary::computeSubwords`` of the official program,
    https://github.com/facebookresearch/fastText). The hash of an n-gram continues that of the
    n-gram which is one character shorter.

    Args:
        word: any text that UTF-8 can encode.
        shortest: least number of characters of an n-gram; less than 1 counts as 1.
        longest: largest number of characters.
        buckets: number of buckets, at least 1.

    >>> from elmobench.features.static.ngram_hashes import ngram_buckets
    >>> ngram_buckets("a", 3, 6, 2_000_000)  # of "<a>"
    [1087600]
    """
    characters = [[_WIDENED[byte] for byte in char.encode()] for char in f"<{word}>"]
    last = len(characters) - 1
    found = []
    for start in range(last + 1):
        state = _OFFSET
        for length, values in enumerate(characters[start : start + longest], 1):
            for value in values:
                state = (state ^ value) * _PRIME & 0xFFFFFFFF
            if length >= shortest and (length > 1 or 0 < start < last):
                found.append(state % buckets)
    return found
