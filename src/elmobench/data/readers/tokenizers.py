"""Tokenisers that a card may name. Each is a fixed rule, so that its name identifies it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Literal, get_args

from elmobench.data.blanks import split_blanks

TokenizerName = Literal["spaces", "blanks", "whitespace", "words", "treebank"]

_WORDS = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")


def _spaces(text: str) -> list[str]:
    # str.split() would cut at U+00A0 and U+0085, which occur inside published tokens.
    return [token for token in text.split(" ") if token]


def _words(text: str) -> list[str]:
    return _WORDS.findall(text)


def _treebank(text: str) -> list[str]:
    # Imported here: it takes a second, and few cards need it.
    from nltk.tokenize.treebank import (  # type: ignore[import-untyped]
        TreebankWordTokenizer,
    )

    tokens: list[str] = TreebankWordTokenizer().tokenize(text)
    return tokens


TOKENIZERS: dict[TokenizerName, Callable[[str], list[str]]] = {
    "spaces": _spaces,
    "blanks": split_blanks,
    "whitespace": str.split,
    "words": _words,
    "treebank": _treebank,
}
"""``spaces``: cut at U+0020 only, for text that is already tokenised. ``blanks``: cut at U+0020 and
tabs only. ``whitespace``: cut at any white space of Unicode. ``words``: runs of word characters,
inner apostrophes included (``don't``), and every other visible character by itself; for raw text.
``treebank``: the Penn Treebank's rule for one sentence, by NLTK: ``do n't``, double quotes as ``
and ''."""

SpanTokenizerName = Literal["blanks", "whitespace", "words", "clitics"]
"""Tokenisers that return the positions of tokens; see :func:`character_spans`."""

SPAN_TOKENIZER_NAMES: tuple[SpanTokenizerName, ...] = get_args(SpanTokenizerName)

AnyTokenizerName = Literal["spaces", "blanks", "whitespace", "words", "treebank", "clitics"]
"""The names of both kinds; those of the same name split equally."""

_FIXED = {
    "blanks": re.compile(r"[^ \t]+"),
    "whitespace": re.compile(r"\S+"),
    "words": _WORDS,
}


def character_spans(text: str, tokenizer: SpanTokenizerName) -> list[tuple[int, int]]:
    """The tokens of ``text`` as characters ``[start, end)``, in order; no two overlap.

    ``blanks``, ``whitespace`` and ``words`` are the rules of :data:`TOKENIZERS`. ``clitics`` is for
    data that mark parts of words: what is not white space is cut into numbers with inner points,
    commas and colons (``10,000``, ``3.5``), abbreviations of single letters (``U.S.``), the
    clitics ``'s 're 've 'll 'd 'm n't`` by themselves, runs of word characters, and every other
    character by itself, hyphens too. Combining marks and invisible format characters (Unicode
    categories M and Cf: accents, joiners, variation selectors) stay with the character before
    them. Every character but white space is in some token.
    """
    if tokenizer == "clitics":
        marks = {char for char in text if not char.isascii() and _attaches(char)}
        pattern = _clitics("".join(sorted(marks)))
    else:
        pattern = _FIXED[tokenizer]
    return [match.span() for match in pattern.finditer(text)]


def tokens_of(text: str, tokenizer: AnyTokenizerName) -> list[str]:
    """The tokens of ``text``, split by a tokenizer of either kind.

    >>> tokens_of("He can't.", "clitics"), tokens_of("He can't.", "words")
    (['He', 'ca', "n't", '.'], ['He', "can't", '.'])
    """
    if tokenizer == "clitics":
        return [text[start:end] for start, end in character_spans(text, tokenizer)]
    return TOKENIZERS[tokenizer](text)


def _attaches(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] == "M" or category == "Cf"


@lru_cache(maxsize=256)
def _clitics(marks: str) -> re.Pattern[str]:
    """The rule for a text that holds these characters of categories M and Cf."""
    attached = re.escape(marks)
    more = f"[{attached}]*" if marks else ""
    letter = rf"\w{more}"
    # \b would see a border before a mark, so the end of a clitic is spelled out.
    end = rf"(?![\w{attached}])"
    negation = rf"n['’]t{end}"
    return re.compile(
        rf"\d+(?:[.,:]\d+)+{more}"
        rf"|(?:[^\W\d_]\.){{2,}}{more}"
        rf"|(?:(?!{negation}){letter})+(?={negation})"
        rf"|{negation}"
        rf"|['’](?:s|re|ve|ll|d|m){end}"
        rf"|(?:{letter})+"
        rf"|[^\w\s]{more}",
        re.IGNORECASE,
    )
