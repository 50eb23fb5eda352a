"""Text formats of GloVe and word2vec: one word and its values per line, separated by single blanks.

word2vec's format begins with a line of two numbers, rows and values; some writers end every line
with a blank. GloVe's files have words that contain blanks, so values are counted from the right.
fastText's ``.vec`` is word2vec's text format.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import IO, Final, Literal

import numpy as np
from numpy.typing import NDArray

from elmobench.core.errors import ModelError
from elmobench.features.static.containers import VectorFile
from elmobench.features.static.formats import header_of
from elmobench.features.static.source import Block, Duplicates, RowSource

_NUMBER = re.compile(rb"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_PLAIN: Final = b"0123456789+-.eE "
_SAMPLE: Final = 200
_BLOCK_BYTES: Final = 1 << 21
_LONGEST_LINE: Final = 1 << 25


class TextSource(RowSource):
    """Vectors in a text format.

    Args:
        file: with the vectors.
        kind: ``word2vec`` if there is a header.
        duplicates: see :class:`RowSource`.

    Raises:
        ModelError: the first lines contain no vectors.
    """

    def __init__(
        self, file: VectorFile, kind: Literal["glove", "word2vec"], duplicates: Duplicates
    ) -> None:
        self._count: int | None = None
        with file.open() as stream:
            lines = (line for lines in _line_blocks(stream, file.name) for line in lines)
            sample = [line.rstrip(b" \r") for line in islice(lines, _SAMPLE)]
        header = header_of(sample[0]) if kind == "word2vec" else None
        if header is None:
            # Words may contain blanks and rows may be damaged, so take the most frequent count.
            dim = Counter(line.count(b" ") for line in sample).most_common(1)[0][0]
        else:
            self._count, dim = header
        if dim < 1:
            raise ModelError(
                "there are no vectors in the first lines",
                where=f"{file.name}:1",
                fix="check the format option",
            )
        super().__init__(file, kind, dim, duplicates)

    def place(self, row: int) -> str:
        """Return file and line, for messages."""
        return f"{self.file.name}:{row}"

    def blocks(self, stream: IO[bytes]) -> Iterator[Block]:
        """See :meth:`RowSource.blocks`."""
        number = 1
        for lines in _line_blocks(stream, self.file.name):
            if number == 1 and self._count is not None:
                lines, number = lines[1:], 2
            if lines:
                yield self._block(lines, number)
            number += len(lines)
        size = number - 2
        if self._count not in (None, size):
            raise ModelError(
                f"the header announces {self._count} words, but there are {size}",
                where=self.place(1),
                fix="fetch the file again: it may be truncated",
            )

    def _block(self, lines: list[bytes], first: int) -> Block:
        """Parse all rows at once; after a failure one by one, to report the row and the problem."""
        words: list[bytes] = []
        rows: list[bytes] = []
        for line in lines:
            line = line.rstrip(b" \r")
            if line.count(b" ") == self.dim:
                word, _, row = line.partition(b" ")
            else:
                word, row = self._split(line, first + len(words))
            words.append(word)
            rows.append(row)
        values = _numbers(b" ".join(rows), len(rows) * self.dim)
        try:
            texts = [word.decode("utf-8") for word in words]
        except UnicodeDecodeError:
            texts = []
        if values is None or not all(texts) or not texts:
            return self._parse_rows(words, rows, first)
        return Block(first, texts, values.reshape(-1, self.dim))

    def _split(self, line: bytes, number: int) -> tuple[bytes, bytes]:
        """Split a line with more or fewer blanks than values into word and values."""
        pieces = line.rsplit(b" ", self.dim)
        word = pieces[0]
        # A row with one value too many looks like a word that contains a blank.
        wrong_length = len(pieces) != self.dim + 1 or (
            b" " in word
            and (self._count is not None or _NUMBER.fullmatch(word.rsplit(b" ", 1)[1]) is not None)
        )
        if wrong_length:
            raise ModelError(
                f"{line.count(b' ')} values, expected {self.dim}",
                where=self.place(number),
                fix="correct the row, or fetch the file again",
            )
        return word, line[len(word) + 1 :]

    def _parse_rows(self, words: list[bytes], rows: list[bytes], first: int) -> Block:
        texts, values = [], []
        for number, (word, row) in enumerate(zip(words, rows, strict=True), start=first):
            try:
                text = word.decode("utf-8")
                numbers = [_number(piece) for piece in row.split(b" ")]
            except ValueError:
                raise ModelError(
                    "the word is not UTF-8, or a value is not a number",
                    where=self.place(number),
                    fix="correct the row, or fetch the file again",
                ) from None
            if not text:
                raise ModelError(
                    "there is no word before the values",
                    where=self.place(number),
                    fix="correct the row, or fetch the file again",
                )
            texts.append(text)
            values.append(numbers)
        return Block(first, texts, np.asarray(values, dtype=np.float64))


def _number(piece: bytes) -> float:
    """Parse a value; infinities and NaN are accepted here and reported by a later check."""
    if _NUMBER.fullmatch(piece) is None and piece.lower().lstrip(b"+-") not in (b"nan", b"inf"):
        raise ValueError
    return float(piece)


def _numbers(text: bytes, size: int) -> NDArray[np.float64] | None:
    """Parse ``size`` numbers separated by single blanks; None if ``text`` is anything else."""
    # numpy parses "1-2" as two numbers and skips any white space, which would hide missing values.
    if b"  " in text or text[:1] == b" " or text[-1:] == b" " or text.translate(None, _PLAIN):
        return None
    try:
        with warnings.catch_warnings():
            # numpy warns if it stops at text that is not a number.
            warnings.simplefilter("error", DeprecationWarning)
            values = np.fromstring(text, dtype=np.float64, sep=" ")
    except (ValueError, DeprecationWarning):
        return None
    return values if len(values) == size else None


def _line_blocks(stream: IO[bytes], where: str) -> Iterator[list[bytes]]:
    """Yield all lines, without line ends, in blocks of some megabytes."""
    incomplete: list[bytes] = []
    while data := stream.read(_BLOCK_BYTES):
        end = data.rfind(b"\n")
        if end < 0:
            incomplete.append(data)
            if len(incomplete) * _BLOCK_BYTES > _LONGEST_LINE:
                raise ModelError(
                    "a line has more than 32 MB, so this is not a text file of word vectors",
                    where=where,
                    fix="check the format option",
                )
            continue
        lines = b"".join([*incomplete, data[:end]]).split(b"\n")
        incomplete = [data[end + 1 :]] if end + 1 < len(data) else []
        yield lines
    if incomplete:
        yield b"".join(incomplete).split(b"\n")
