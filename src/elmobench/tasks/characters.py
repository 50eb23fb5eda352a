"""Character ids of words, for character CNNs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from elmobench.tasks.padding import BoundedCache, IntArray, pad_rows

UNKNOWN = 1
_FIRST = 2
_CACHED_WORDS = 200_000


class CharacterIds:
    """Ids of a fixed set of characters: 0 is padding, 1 any other character, 2 the first.

    >>> CharacterIds("abc").word("cab!").tolist()
    [4, 2, 3, 1]

    Args:
        characters: the characters in id order, each once.
    """

    def __init__(self, characters: str) -> None:
        self._ids = {char: i for i, char in enumerate(characters, start=_FIRST)}
        self._words: BoundedCache[str, IntArray] = BoundedCache(_CACHED_WORDS)

    def __len__(self) -> int:
        """Number of ids, including those of padding and unknown characters."""
        return len(self._ids) + _FIRST

    def word(self, word: str) -> IntArray:
        """Ids of one word's characters."""
        ids = self._words.get(word)
        if ids is None:
            ids = np.array([self._ids.get(char, UNKNOWN) for char in word], dtype=np.int64)
            self._words[word] = ids
        return ids

    def batch(self, sentences: Sequence[Sequence[str]], width: int) -> tuple[Tensor, Tensor]:
        """Character ids of the distinct words of B sentences.

        A character CNN computes each of the V distinct words once; the second tensor then gives
        every token its word's vector.

        Returns:
            (V, C) character ids of the distinct words, a single empty word if there are none; and
            (B, width) row of each token's word, 0 at padding.
        """
        rows: dict[str, int] = {}
        index = [
            np.array([rows.setdefault(token, len(rows)) for token in tokens], dtype=np.int64)
            for tokens in sentences
        ]
        return pad_rows([self.word(word) for word in rows or [""]]), pad_rows(index, width)
