"""The characters that a character CNN knows, and the distinct words of a batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from elmobench.tasks.padding import BoundedCache, IntArray, pad_rows

UNKNOWN = 1
_FIRST = 2
_CACHED_WORDS = 200_000


class CharacterIds:
    """Ids of a fixed set of characters: 0 pads, 1 is any other character, the rest follow.

    Args:
        characters: the characters in id order, each once.
    """

    def __init__(self, characters: str) -> None:
        self._ids = {char: i for i, char in enumerate(characters, start=_FIRST)}
        self._words: BoundedCache[str, IntArray] = BoundedCache(_CACHED_WORDS)

    def __len__(self) -> int:
        """Number of ids, padding and unknown included."""
        return len(self._ids) + _FIRST

    def word(self, word: str) -> IntArray:
        """Ids of one word's characters."""
        found = self._words.get(word)
        if found is None:
            ids = [self._ids.get(char, UNKNOWN) for char in word]
            found = self._words[word] = np.array(ids, dtype=np.int64)
        return found

    def batch(self, sentences: Sequence[Sequence[str]], width: int) -> tuple[Tensor, Tensor]:
        """The distinct words of a batch.

        Returns:
            (V, C) character ids of the distinct words (one empty word if there is none), and
            (B, width) the row of each token's word (0 at padding).
        """
        rows: dict[str, int] = {}
        index = [
            np.array([rows.setdefault(token, len(rows)) for token in tokens], dtype=np.int64)
            for tokens in sentences
        ]
        return pad_rows([self.word(word) for word in rows or [""]]), pad_rows(index, width)
