"""From words to the pieces of a tokenizer, and which word each piece belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from elmobench.core.errors import ModelError
from elmobench.features.transformer.windows import IntArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# A tokenizer's records of every piece weigh far more than the numbers that are kept.
_SENTENCES_AT_ONCE: Final = 512
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_PROBE: Final = ("we", "saw", "The", "cat", ",", "don't", "x1", "café")


@dataclass(frozen=True, slots=True)
class Pieces:
    """One sentence, without special tokens.

    Attributes:
        ids: (n,) piece after piece, word after word.
        words: (W,) positions in the sentence of the words that have pieces, ascending.
        counts: (W,) how many pieces each of them has; they sum to n.
    """

    ids: IntArray
    words: IntArray
    counts: IntArray


class WordPieces:
    """Splits words as the tokenizer splits them inside of running text.

    Words are given to the tokenizer one by one, so that no piece spans two of them. Where it
    marks words by the blank before them (byte-level BPE), every word gets one, the first of a
    sentence too. Words that consist of nothing the tokenizer keeps have no pieces; the empty
    string never has. Lone surrogates, which are no text, are read as U+FFFD.

    Args:
        tokenizer: its truncation and padding are switched off.
        where: the features, for messages.

    Raises:
        ModelError: if words given one by one come out otherwise than in running text.
    """

    def __init__(self, tokenizer: Tokenizer, where: str) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        self._blank = self._leading_blank(where)
        self.prefix, self.suffix = self._special_tokens(where)

    def __call__(self, sentences: Sequence[Sequence[str]]) -> Iterator[Pieces]:
        """The pieces of each sentence, in order."""
        for start in range(0, len(sentences), _SENTENCES_AT_ONCE):
            batch = sentences[start : start + _SENTENCES_AT_ONCE]
            present = [[t for t, word in enumerate(sentence) if word] for sentence in batch]
            texts = [
                [self._text(sentence[t]) for t in places]
                for sentence, places in zip(batch, present, strict=True)
            ]
            for encoding, places in zip(self._encode(texts), present, strict=True):
                numbers = np.asarray(encoding.word_ids, dtype=np.int64)
                words, counts = np.unique(numbers, return_counts=True)
                yield Pieces(
                    ids=np.asarray(encoding.ids, dtype=np.int64),
                    words=np.asarray(places, dtype=np.int64)[words],
                    counts=counts.astype(np.int64),
                )

    def _text(self, word: str) -> str:
        text = _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", word)
        return f" {text}" if self._blank else text

    def _encode(self, texts: list[list[str]]) -> list[Any]:
        encodings: list[Any] = self._tokenizer.encode_batch(
            texts, is_pretokenized=True, add_special_tokens=False
        )
        return encodings

    def _leading_blank(self, where: str) -> bool:
        """Whether words must be given with a blank before them."""
        running = self._tokenizer.encode(" ".join(_PROBE), add_special_tokens=False).ids
        for blank in (False, True):
            # The first word of a text may look different: it has no blank before it.
            given = [f" {word}" if blank else word for word in _PROBE[1:]]
            (alone,) = self._encode([given])
            if running[len(running) - len(alone.ids) :] == alone.ids:
                return blank
        raise ModelError(
            "its tokenizer splits words that are given one by one otherwise than running text",
            where=where,
            fix="use a model whose pieces do not span words",
        )

    def _special_tokens(self, where: str) -> tuple[list[int], list[int]]:
        """Ids that the tokenizer puts before and behind a text."""
        words = [self._text(word) for word in _PROBE]
        full = self._tokenizer.encode(words, is_pretokenized=True)
        inner = self._tokenizer.encode(words, is_pretokenized=True, add_special_tokens=False).ids
        kept = [i for i, word in enumerate(full.word_ids) if word is not None]
        if kept:
            prefix, suffix = full.ids[: kept[0]], full.ids[kept[-1] + 1 :]
            if [*prefix, *inner, *suffix] == full.ids:
                return prefix, suffix
        raise ModelError(
            "its tokenizer adds special tokens inside of a text, or splits no text at all",
            where=where,
            fix="check the tokenizer's files",
        )
