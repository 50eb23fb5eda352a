"""Text formats of GloVe and word2vec: one word and its values per line.

word2vec's format begins with a line of two numbers, rows and values; some writers end every line
with a blank. GloVe's files have words that contain blanks, so values are counted from the right.
fastText's ``.vec`` is word2vec's text format. Published files put single blanks between values;
tabs and runs of blanks, which spreadsheets and scripts write, are read as well.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import IO, Final, Literal

import numpy as np
from numpy.typing import NDArray

from elmobench.core.errors import ModelError
from elmobench.features.static.containers import VectorFile
from elmobench.features.static.formats import MARK, header_of
from elmobench.features.static.line_layout import is_number, layout_of, shown
from elmobench.features.static.source import Block, Duplicates, RowSource

_PLAIN: Final = b"0123456789+-.eE "
_BLANKS: Final = b" \t\r"
_SEPARATORS: Final = re.compile(rb"[ \t]+")
_DECIMAL_COMMA: Final = re.compile(rb"[-+]?[0-9]+,[0-9]+")
_TAB_TO_BLANK: Final = bytes.maketrans(b"\t", b" ")
_SAMPLE: Final = 200
_SAMPLE_BYTES: Final = 1 << 24
_BLOCK_BYTES: Final = 1 << 21
_LONGEST_LINE: Final = 1 << 25
_CORRECT: Final = "correct the row, or fetch the file again"


class TextSource(RowSource):
    """Vectors in a text format.

    Args:
        file: with the vectors.
        kind: ``word2vec`` if there is a header.
        duplicates: see :class:`RowSource`.

    Raises:
        ModelError: the first lines contain no vectors, or fit no format; the message shows one.
    """

    def __init__(
        self, file: VectorFile, kind: Literal["glove", "word2vec"], duplicates: Duplicates
    ) -> None:
        self._count: int | None = None
        with file.open() as stream:
            marked = stream.read(len(MARK)) == MARK
        with file.open() as stream:
            sample = _sample(stream, file.name)
        header = header_of(sample[0]) if kind == "word2vec" else None
        if header is None:
            layout = layout_of(sample, None, file.name, first=1)
        else:
            self._count, dim = header
            layout = layout_of(sample[1:], dim, file.name, first=2)
        super().__init__(file, kind, layout.dim, duplicates)
        # Earlier versions read such files as other words or values.
        self.reading = "2" if marked or not layout.single_blanks else None

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
            line = line.rstrip(_BLANKS)
            plain = line.translate(_TAB_TO_BLANK) if b"\t" in line else line
            if plain.count(b" ") == self.dim:
                word, _, row = plain.partition(b" ")
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

    def _split(self, line: bytes, row: int) -> tuple[bytes, bytes]:
        """Split a line with more or fewer separators than values into word and values."""
        fields = list(_SEPARATORS.finditer(line))
        if line[:1] in (b" ", b"\t") and len(fields) == self.dim:
            return b"", line  # the word is missing: reported with the row's number
        if len(fields) < self.dim:
            raise self._wrong_length(line, row)
        separator = fields[-self.dim]
        word, values = line[: separator.start()].lstrip(_BLANKS), line[separator.end() :]
        # A row with one value too many looks like a word that contains a blank, unless tabs
        # separate all fields, or the word from the values.
        last = _SEPARATORS.split(word)[-1]
        tabs = line.count(b"\t") if separator.group() == b"\t" else 0
        number = is_number(last) or _DECIMAL_COMMA.fullmatch(last) is not None
        doubtful = tabs != self.dim and (number or (self._count is not None and tabs != 1))
        if b"\t" in word or (last != word and doubtful):
            raise self._wrong_length(line, row)
        return word, _SEPARATORS.sub(b" ", values)

    def _wrong_length(self, line: bytes, row: int) -> ModelError:
        found = len(_SEPARATORS.findall(line.strip(_BLANKS)))
        return ModelError(
            f"{found} values, expected {self.dim}; the line is {shown(line)}",
            where=self.place(row),
            fix=_CORRECT,
        )

    def _parse_rows(self, words: list[bytes], rows: list[bytes], first: int) -> Block:
        texts, values = [], []
        for number, (word, row) in enumerate(zip(words, rows, strict=True), start=first):
            if not word:
                raise ModelError(
                    "there is no word before the values", where=self.place(number), fix=_CORRECT
                )
            try:
                texts.append(word.decode("utf-8"))
            except UnicodeDecodeError:
                raise ModelError(
                    f"the word is not UTF-8: {shown(word)}",
                    where=self.place(number),
                    fix="convert the file to UTF-8, or correct the row",
                ) from None
            pieces = row.split(b" ")
            wrong = next((piece for piece in pieces if not is_number(piece)), None)
            if wrong is not None:
                comma = _DECIMAL_COMMA.fullmatch(wrong) is not None
                raise ModelError(
                    f"the value {shown(wrong)} is not a number",
                    where=self.place(number),
                    fix="write decimal points, not commas" if comma else _CORRECT,
                )
            values.append([float(piece) for piece in pieces])
        return Block(first, texts, np.asarray(values, dtype=np.float64))


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


def _sample(stream: IO[bytes], where: str) -> list[bytes]:
    """Return the first lines of a file, without blanks at their ends; at least one."""
    sample: list[bytes] = []
    size = 0
    for lines in _line_blocks(stream, where):
        for line in lines:
            sample.append(line.rstrip(_BLANKS))
            size += len(line)
            if len(sample) == _SAMPLE or size > _SAMPLE_BYTES:
                return sample
    return sample or [b""]


def _line_blocks(stream: IO[bytes], where: str) -> Iterator[list[bytes]]:
    """Yield all lines, without line ends and byte-order mark, in blocks of some megabytes."""
    incomplete: list[bytes] = []
    start = stream.read(len(MARK))
    if start != MARK:
        incomplete.append(start)
    while data := stream.read(_BLOCK_BYTES):
        end = data.rfind(b"\n")
        if end < 0:
            incomplete.append(data)
            if sum(map(len, incomplete)) > _LONGEST_LINE:
                raise ModelError(
                    "a line has more than 32 MB, so this is not a text file of word vectors",
                    where=where,
                    fix="check the format option",
                )
            continue
        lines = b"".join([*incomplete, data[:end]]).split(b"\n")
        incomplete = [data[end + 1 :]] if end + 1 < len(data) else []
        yield lines
    if any(incomplete):
        yield b"".join(incomplete).removesuffix(b"\n").split(b"\n")
