"""The check that everything which takes tokenised sentences applies to what it is given.

Python iterates over strings by character, over mappings by key and over data frames by column name.
Each of these would be encoded as something else than the text, without an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, Final

from elmobench.core.quoting import shortened
from elmobench.data.examples import Sentence

_TOKENS: Final = "give a list of tokens, such as ['The', 'river', 'bank']"
_SENTENCES: Final = "give a list of sentences, each a list of tokens: [['The', 'river'], ['Hello']]"


def as_sentence(tokens: Iterable[str], name: str = "a sentence", advice: str = _TOKENS) -> Sentence:
    """Return ``tokens`` as a tuple of plain strings, reading them once.

    >>> as_sentence(["The", "river"])
    ('The', 'river')

    Args:
        tokens: a list, tuple, array, series or generator of strings; none is a sentence without
            tokens. A token may be empty.
        name: what it is called in messages.
        advice: what to give instead, for messages.

    Raises:
        TypeError: for a string, bytes, a mapping, a set, a data frame or anything that cannot be
            iterated over; and for tokens that are not strings. The message says what to give.
    """
    check_container(tokens, name, advice)
    sentence = tuple(tokens)
    if set(map(type, sentence)) <= {str}:
        return sentence
    for i, token in enumerate(sentence):
        if not isinstance(token, str):
            raise TypeError(
                f"token {i} of {name} is {_kind(token)} ({_shown(token)}), not a string; {advice}"
            )
    return tuple(map(str, sentence))  # numpy's strings, and other subclasses


def as_sentences(sentences: Iterable[Iterable[str]]) -> list[Sentence]:
    """Return sentences as a list of tuples, reading a generator once.

    Raises:
        TypeError: as :func:`as_sentence`; the message numbers the sentence from 0.
    """
    return list(each_sentence(sentences))


def each_sentence(sentences: Iterable[Iterable[str]]) -> Iterator[Sentence]:
    """Yield sentences as :func:`as_sentences` returns them, without keeping them."""
    check_container(sentences, "the input", _SENTENCES)
    for i, sentence in enumerate(sentences):
        yield as_sentence(sentence, f"sentence {i}")


def as_words(words: Sequence[str]) -> Sentence:
    """Return words as a tuple of plain strings. Raises TypeError as :func:`as_sentence`."""
    return as_sentence(words, "the words")


def check_container(given: Any, name: str, advice: str) -> None:
    """Raise TypeError unless ``given`` has an order and iterates over its elements.

    Args:
        given: to check; nothing is read from it.
        name: what it is called in the message.
        advice: what to give instead.
    """
    wrong = (
        isinstance(given, str | bytes | bytearray | memoryview | Mapping | Set)
        or hasattr(type(given), "columns")  # frames of pandas, polars and pyarrow
        or not hasattr(type(given), "__iter__")
        or getattr(given, "ndim", 1) == 0
    )
    if wrong:
        raise TypeError(f"{name} is {_kind(given)} ({_shown(given)}); {advice}")


def _kind(given: Any) -> str:
    if isinstance(given, str):
        return "a string"
    if given is None:
        return "nothing"
    name = type(given).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _shown(given: Any) -> str:
    if isinstance(given, str | bytes | int | float | type(None)):
        return shortened(repr(given))
    return "..."
