"""A guess at the language of texts, by their most frequent words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

_WORDS = {
    "en": {"the", "of", "and", "to", "is", "in", "that", "it", "was", "for", "with", "this"},
    "de": {"der", "die", "und", "das", "ist", "nicht", "ein", "eine", "den", "mit", "zu", "von"},
    "fr": {"le", "la", "les", "et", "des", "est", "une", "que", "dans", "pour", "du", "pas"},
    "es": {"el", "la", "los", "que", "de", "y", "una", "es", "con", "por", "del", "para"},
    "nl": {"de", "het", "een", "en", "van", "is", "niet", "dat", "met", "voor", "zijn", "op"},
    "it": {"il", "di", "che", "la", "e", "un", "per", "non", "una", "con", "del", "sono"},
}
_LEAST = 0.08
"""The share of a language's words above which a text is in it."""

UNDETERMINED = "und"
"""The code for a language that is not known."""


def guessed_language(tokens: Iterable[str]) -> str:
    """The code of the language whose frequent words are the most frequent; ``und`` if none is.

    >>> guessed_language("The film was good , and that is what I like in it".split())
    'en'
    """
    counts = Counter(token.lower() for token in tokens if token.isalpha())
    total = sum(counts.values())
    shares = {
        code: sum(counts[word] for word in words) / max(1, total) for code, words in _WORDS.items()
    }
    best = max(shares, key=lambda code: shares[code])
    return best if shares[best] >= _LEAST else UNDETERMINED
