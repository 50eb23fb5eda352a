"""Lines of text files, compressed or not: bounded in length, in memory and in expansion."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

from elmobench.core.errors import DataError
from elmobench.core.parsing import check_is_file, parsing

LONGEST_LINE = 8 * 2**20
"""In bytes. A file with a longer line most likely has no line ends."""

LARGEST_EXPANSION: Final = 200
"""Bytes of text per byte of a compressed file; text has less than 20."""

_FREE_EXPANSION: Final = 64 * 2**20
"""Bytes that any compressed file may hold, since little text may repeat itself."""

_XZ_MEMORY: Final = 512 * 2**20
"""Bytes that decompressing .xz may take; ``xz -9`` needs 65 MB."""

_PIECE: Final = 1 << 16


def text_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Numbers from 1, and the lines of the file with their line ends, without a byte-order mark.

    Files that end in ``.gz``, ``.xz`` or ``.bz2`` are decompressed.

    Raises:
        DataError: for a file that cannot be read or is damaged, a line longer than
            :data:`LONGEST_LINE`, or a compressed file that expands to more than
            :data:`LARGEST_EXPANSION` times its size; the message names file and line.
    """
    number = 0
    with parsing(path, what="cannot be read"):
        stream = _open(path)
    with stream:
        while True:
            with parsing(
                f"{path}:{number + 1}",
                what="cannot be read further",
                fix="check that the file is complete",
            ):
                line = stream.readline(LONGEST_LINE + 1)
            if not line:
                return
            number += 1
            if len(line) > LONGEST_LINE:
                raise DataError(
                    f"the line is longer than {LONGEST_LINE >> 20} MB",
                    where=f"{path}:{number}",
                    fix="write one sentence or paragraph per line",
                )
            yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line


def decode_line(line: bytes, path: Path, number: int) -> str:
    """The line as text. Raises DataError with file and line if it is not UTF-8."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        utf16 = number == 1 and line[:2] in (b"\xff\xfe", b"\xfe\xff")
        raise DataError(
            f"not UTF-8 at byte {error.start} of the line: {error.reason}",
            where=f"{path}:{number}",
            fix="convert the file, for example: iconv -f "
            f"{'utf-16' if utf16 else 'latin1'} -t utf-8",
        ) from error


def _open(path: Path) -> IO[bytes]:
    check_is_file(path)
    decompressors: dict[str, Any] = {
        ".gz": lambda: zlib.decompressobj(wbits=31),
        ".xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY),
        ".bz2": bz2.BZ2Decompressor,
    }
    make = decompressors.get(path.suffix)
    if make is None:
        return path.open("rb")
    return io.BufferedReader(_Decompressed(path, make), 1 << 18)


class _Decompressed(io.RawIOBase):
    """The content of a compressed file, of one or several streams one after another.

    The classes of the standard library limit neither the memory of .xz nor the expansion.
    """

    def __init__(self, path: Path, make: Any) -> None:
        self._path = path
        self._file = path.open("rb")
        self._make = make
        self._stream = make()
        self._rest = b""
        self._written = 0

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer``; 0 at the end of the file. Raises what the decompressor raises."""
        piece = b""
        while not piece:
            if self._stream.eof and not self._next_stream():
                return 0
            data = self._rest
            # Those of .xz and .bz2 keep input that they had no room for; zlib's gives it back.
            if not data and getattr(self._stream, "needs_input", True):
                data = self._file.read(_PIECE)
            piece = self._stream.decompress(data, len(buffer))
            self._rest = getattr(self._stream, "unconsumed_tail", b"")
            if not piece and not data and not self._stream.eof:
                raise EOFError("it ends early")
        self._written += len(piece)
        self._check_expansion()
        buffer[: len(piece)] = piece
        return len(piece)

    def _next_stream(self) -> bool:
        """Begin the stream after one that has ended; False at the end of the file."""
        rest = self._stream.unused_data or self._file.read(_PIECE)
        # Both formats allow zero bytes at the end, which some tapes and tools write.
        rest = rest.lstrip(b"\0")
        while not rest:
            rest = self._file.read(_PIECE)
            if not rest:
                return False
            rest = rest.lstrip(b"\0")
        self._stream, self._rest = self._make(), rest
        return True

    def _check_expansion(self) -> None:
        if self._written > _FREE_EXPANSION + LARGEST_EXPANSION * self._file.tell():
            raise DataError(
                f"expands to more than {LARGEST_EXPANSION} times its size, so it is no text",
                where=str(self._path),
                fix="decompress the file yourself if it is one",
            )
