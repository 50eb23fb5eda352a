"""Ids of the characters or bytes of words, for character CNNs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final

import numpy as np
from torch import Tensor

from elmobench.tasks.padding import BoundedCache, IntArray, pad_rows

UNKNOWN = 1
_FIRST = 2
_CACHED_WORDS = 200_000
_WORD_BEGINS: Final = 259
_WORD_ENDS: Final = 260


class WordPieces(ABC):
    """Ids of the pieces of words, which are characters or bytes; 0 is padding."""

    def __init__(self) -> None:
        self._words: BoundedCache[str, IntArray] = BoundedCache(_CACHED_WORDS)

    @abstractmethod
    def __len__(self) -> int:
        """Number of ids, including that of padding."""

    @abstractmethod
    def _ids_of(self, word: str) -> list[int]:
        """Ids of one word's pieces."""

    def word(self, word: str) -> IntArray:
        """Ids of one word's pieces."""
        ids = self._words.get(word)
        if ids is None:
            ids = np.array(self._ids_of(word), dtype=np.int64)
            self._words[word] = ids
        return ids

    def batch(self, sentences: Sequence[Sequence[str]], width: int) -> tuple[Tensor, Tensor]:
        """Ids of the distinct words of B sentences.

        A character CNN computes each of the V distinct words once; the second tensor then gives
        every token its word's vector.

        Returns:
            (V, C) ids of the distinct words, a single empty word if there are none; and (B, width)
            row of each token's word, 0 at padding.
        """
        rows: dict[str, int] = {}
        index = [
            np.array([rows.setdefault(token, len(rows)) for token in tokens], dtype=np.int64)
            for tokens in sentences
        ]
        return pad_rows([self.word(word) for word in rows or [""]]), pad_rows(index, width)


class CharacterIds(WordPieces):
    """Ids of a fixed set of characters: 0 is padding, 1 any other character, 2 the first.

    >>> CharacterIds("abc").word("cab!").tolist()
    [4, 2, 3, 1]

    Args:
        characters: the characters in id order, each once.
        longest: number of characters after which a word is cut; None for no limit.
    """

    def __init__(self, characters: str, longest: int | None = None) -> None:
        super().__init__()
        self._ids = {char: i for i, char in enumerate(characters, start=_FIRST)}
        self._longest = longest

    def __len__(self) -> int:
        """Number of ids, including those of padding and unknown characters."""
        return len(self._ids) + _FIRST

    def _ids_of(self, word: str) -> list[int]:
        return [self._ids.get(char, UNKNOWN) for char in word[: self._longest]]


class ByteIds(WordPieces):
    """Ids of the UTF-8 bytes of words, between a mark of the beginning and one of the end.

    A byte b has the id b + 1. Lone surrogates, which have no UTF-8 form, are left out. Source of
    the numbers: AllenNLP's configurations of BiDAF.

    >>> ByteIds().word("né").tolist()
    [259, 111, 196, 170, 260]
    """

    def __len__(self) -> int:
        """262, as published: 0 is padding, and some ids stay without a use."""
        return _WORD_ENDS + 2

    def _ids_of(self, word: str) -> list[int]:
        return [_WORD_BEGINS, *(byte + 1 for byte in word.encode("utf-8", "ignore")), _WORD_ENDS]
