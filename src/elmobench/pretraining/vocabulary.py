"""Words by frequency, in the file format of bilm-tf: one per line, special words first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from elmobench.core.errors import DataError
from elmobench.core.files import write_text
from elmobench.core.parsing import read_text

BEGIN, END, UNKNOWN = "<S>", "</S>", "<UNK>"
SPECIAL = (BEGIN, END, UNKNOWN)
"""Ids 0, 1 and 2: begin and end of a sentence, and words outside of the vocabulary."""


class Vocabulary:
    """Words and their ids.

    Attributes:
        words: by id; :data:`SPECIAL` first, then by decreasing count, ties by spelling.
    """

    def __init__(self, words: Sequence[str], where: str = "vocabulary") -> None:
        self.words = tuple(words)
        if self.words[: len(SPECIAL)] != SPECIAL:
            raise DataError(
                f"begins with {' '.join(self.words[:3])!r} instead of {' '.join(SPECIAL)}",
                where=where,
                fix="the first three lines must be <S>, </S> and <UNK>",
            )
        if len(self.ids) < len(self.words):
            # The dictionary has the last position of each word.
            first = next(i for i, word in enumerate(self.words) if self.ids[word] != i)
            word = self.words[first]
            raise DataError(
                f"the word {word!r} appears twice, first in line {first + 1}",
                where=f"{where}:{self.ids[word] + 1}",
            )

    @cached_property
    def ids(self) -> dict[str, int]:
        """Word to id."""
        return {word: i for i, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    @classmethod
    def build(
        cls, counts: Mapping[str, int], *, size: int | None = None, min_count: int = 1
    ) -> Vocabulary:
        """Make a vocabulary of the most frequent words.

        Args:
            counts: how often each word occurs; counts of special words are ignored.
            size: largest number of words, special ones included.
            min_count: rarer words are left out.
        """
        kept = [w for w, n in counts.items() if n >= min_count and w not in SPECIAL]
        kept.sort(key=lambda word: (-counts[word], word))
        limit = None if size is None else max(0, size - len(SPECIAL))
        return cls([*SPECIAL, *kept[:limit]])

    @classmethod
    def read(cls, path: Path) -> Vocabulary:
        """Read a file with one word per line.

        Raises:
            DataError: if it cannot be read, does not begin with the special words, has a word twice
                or an empty line, or is not UTF-8.
        """
        text = read_text(path, fix="give a vocabulary: a text file with one word per line")
        # Not splitlines(), which also cuts at U+2028 and similar characters.
        words = [line.removesuffix("\r") for line in text.split("\n")]
        if words and not words[-1]:
            words.pop()
        if "" in words:
            raise DataError("an empty line", where=f"{path}:{words.index('') + 1}")
        return cls(words, str(path))

    @classmethod
    def read_given(cls, path: Path) -> Vocabulary:
        """Read a user's vocabulary file of bilm-tf's form, the most frequent words first.

        Raises:
            DataError: as :meth:`read`; also for a line with a space or tab, such as a word with its
                count, and for a file that has the special words only.
        """
        vocabulary = cls.read(path)
        for number, word in enumerate(vocabulary.words, start=1):
            if " " in word or "\t" in word:
                raise DataError(
                    f"a space or tab in {word!r}",
                    where=f"{path}:{number}",
                    fix="write one token per line and nothing else",
                )
        if len(vocabulary) == len(SPECIAL):
            raise DataError("there are no words after <S>, </S> and <UNK>", where=str(path))
        return vocabulary

    def write(self, path: Path) -> None:
        """Write the file, atomically. Raises DataError for a word that the file cannot hold."""
        for word in self.words:
            if not word or "\n" in word or word.endswith("\r"):
                raise DataError(f"a vocabulary file cannot hold {word!r}", where=str(path))
        write_text(path, "".join(f"{word}\n" for word in self.words))
