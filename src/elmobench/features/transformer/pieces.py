"""Split words into the pieces of a tokenizer, with the word of each piece."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from elmobench.core.errors import ModelError
from elmobench.core.surrogates import replace_surrogates
from elmobench.features.transformer.checks import library_errors
from elmobench.features.transformer.windows import IntArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# A tokenizer's records of the pieces need far more memory than the arrays that are kept.
_SENTENCES_AT_ONCE: Final = 512
_CHECK_FILES: Final = "check the tokenizer's files"
_PROBE: Final = ("we", "saw", "The", "cat", ",", "don't", "x1", "café")


@dataclass(frozen=True, slots=True)
class Pieces:
    """One sentence, without special tokens.

    Attributes:
        ids: (n,) ids of the pieces, in order.
        words: (W,) positions in the sentence of the words that have pieces, ascending.
        counts: (W,) number of pieces of each of these words; the sum is n.
    """

    ids: IntArray
    words: IntArray
    counts: IntArray


class WordPieces:
    """Split words as the tokenizer splits them in running text.

    Words are passed to the tokenizer one by one, so that no piece spans two words. If the tokenizer
    marks words by a preceding blank (byte-level BPE), every word gets a blank, including the first
    word of a sentence. Words of which the tokenizer keeps nothing have no pieces; the empty string
    never has any. Lone surrogates, which are not valid text, are read as U+FFFD.

    Args:
        tokenizer: its truncation and padding are switched off.
        where: the features, for messages.

    Raises:
        ModelError: if single words are split differently from running text, or the tokenizer
            fails.
    """

    def __init__(self, tokenizer: Tokenizer, where: str) -> None:
        self._tokenizer = tokenizer
        self._where = where
        with library_errors("its tokenizer fails", where, _CHECK_FILES):
            tokenizer.no_padding()
            tokenizer.no_truncation()
            self._blank = self._leading_blank(where)
            self.prefix, self.suffix = self._special_tokens(where)

    def __call__(self, sentences: Sequence[Sequence[str]]) -> Iterator[Pieces]:
        """Yield the pieces of each sentence, in order."""
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
        text = replace_surrogates(word)
        return f" {text}" if self._blank else text

    def _encode(self, texts: list[list[str]]) -> list[Any]:
        with library_errors("its tokenizer fails", self._where, _CHECK_FILES):
            encodings: list[Any] = self._tokenizer.encode_batch(
                texts, is_pretokenized=True, add_special_tokens=False
            )
        return encodings

    def _leading_blank(self, where: str) -> bool:
        """Whether words must be passed with a preceding blank."""
        running = self._tokenizer.encode(" ".join(_PROBE), add_special_tokens=False).ids
        for blank in (False, True):
            # The first word of a text may be split differently, since no blank precedes it.
            given = [f" {word}" if blank else word for word in _PROBE[1:]]
            (alone,) = self._encode([given])
            if running[len(running) - len(alone.ids) :] == alone.ids:
                return blank
        raise ModelError(
            "its tokenizer splits single words differently from running text",
            where=where,
            fix="use a model whose pieces do not span words",
        )

    def _special_tokens(self, where: str) -> tuple[list[int], list[int]]:
        """Return the ids that the tokenizer adds before and after a text."""
        words = [self._text(word) for word in _PROBE]
        full = self._tokenizer.encode(words, is_pretokenized=True)
        inner = self._tokenizer.encode(words, is_pretokenized=True, add_special_tokens=False).ids
        kept = [i for i, word in enumerate(full.word_ids) if word is not None]
        if kept:
            prefix, suffix = full.ids[: kept[0]], full.ids[kept[-1] + 1 :]
            if [*prefix, *inner, *suffix] == full.ids:
                return prefix, suffix
        raise ModelError(
            "its tokenizer adds special tokens within a text, or gives no pieces",
            where=where,
            fix=_CHECK_FILES,
        )
