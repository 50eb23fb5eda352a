"""word2vec's binary form: a header line, then ``word``, a blank and D little-endian floats.

The original tool writes a line end after each row, other tools do not; its reader skips line ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Final

import numpy as np

from elmobench.core.errors import ModelError
from elmobench.features.static.containers import VectorFile
from elmobench.features.static.formats import MARK, header_of
from elmobench.features.static.source import Block, Duplicates, RowSource

_BLOCK_BYTES: Final = 1 << 21
_LONGEST_WORD: Final = 10_000


class BinarySource(RowSource):
    """Vectors in word2vec's binary form; see :class:`RowSource` for the arguments."""

    def __init__(self, file: VectorFile, duplicates: Duplicates) -> None:
        with file.open() as stream:
            line = stream.readline(100)
        header = header_of(line.removeprefix(MARK).rstrip(b"\n"))
        assert header is not None, "checked by formats.kind_of"
        self._count, dim = header
        super().__init__(file, "word2vec-binary", dim, duplicates)

    def place(self, row: int) -> str:
        """Return file and number of the word, for messages."""
        return f"{self.file.name}: word {row} of {self._count}"

    def blocks(self, stream: IO[bytes]) -> Iterator[Block]:
        """See :meth:`RowSource.blocks`."""
        stream.readline(100)
        done, rest = 0, b""
        while done < self._count:
            data = stream.read(_BLOCK_BYTES)
            rest += data
            words, vectors, used = self._rows(rest, done)
            if words:
                values = np.frombuffer(b"".join(vectors), dtype="<f4").reshape(-1, self.dim)
                yield Block(done + 1, words, values)
            elif not data:
                raise ModelError(
                    "the file ends here",
                    where=self.place(done + 1),
                    fix="fetch the file again: it is truncated, or its header is wrong",
                )
            done, rest = done + len(words), rest[used:]
        # Read to the end, where compressed files have a checksum.
        while len(rest) < 2 and (data := stream.read(_BLOCK_BYTES)):
            rest += data
        if rest not in (b"", b"\n"):
            raise ModelError(
                f"there is more data after the {self._count} words that the header announces",
                where=self.file.name,
                fix="fetch the file again: the data or the header is wrong",
            )

    def _rows(self, data: bytes, done: int) -> tuple[list[str], list[bytes], int]:
        """Return words and vectors of the complete rows in ``data``, and their size in bytes."""
        words: list[str] = []
        vectors: list[bytes] = []
        used, width = 0, 4 * self.dim
        while done + len(words) < self._count:
            begin = used + data.startswith(b"\n", used)
            blank = data.find(b" ", begin, begin + _LONGEST_WORD)
            end = blank + 1 + width
            if blank < 0 and len(data) - begin < _LONGEST_WORD:
                break
            if blank >= 0 and end > len(data):
                break
            words.append(self._word(data[begin : max(blank, begin)], done + len(words) + 1))
            vectors.append(data[blank + 1 : end])
            used = end
        return words, vectors, used

    def _word(self, raw: bytes, row: int) -> str:
        try:
            word = raw.decode("utf-8")
        except UnicodeDecodeError:
            word = ""
        if not word:
            raise ModelError(
                "there is no word here, or it is not UTF-8",
                where=self.place(row),
                fix="fetch the file again: it is damaged, or its header is wrong",
            )
        return word

    def _row_name(self, row: int) -> str:
        return f"row {row}"
