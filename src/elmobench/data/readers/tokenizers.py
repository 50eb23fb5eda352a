"""Tokenisers that a card may name. Each is a fixed rule, so that it can stand in an identity."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

TokenizerName = Literal["spaces", "whitespace", "words", "treebank"]

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
    "whitespace": str.split,
    "words": _words,
    "treebank": _treebank,
}
"""``spaces``: cut at U+0020 only, for text that is already tokenised. ``whitespace``: cut at any
white space of Unicode. ``words``: runs of word characters, inner apostrophes included
(``don't``), and every other visible character by itself; for raw text. ``treebank``: the Penn
Treebank's rule for one sentence, by NLTK: ``do n't``, double quotes as `` and ''."""
