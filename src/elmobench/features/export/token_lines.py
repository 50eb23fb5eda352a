"""Read a text file with one tokenised sentence per line, several times, without keeping it."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from elmobench.core.errors import DataError
from elmobench.core.files import writing
from elmobench.core.parsing import parsing
from elmobench.data.examples import Sentence

_BOM = b"\xef\xbb\xbf"
_MEMORY = 1 << 22


@dataclass(frozen=True, slots=True)
class LineCounts:
    """Counts and digest of a file of tokenised lines.

    Attributes:
        sentences: number of lines, including empty lines.
        tokens: number of tokens in all lines.
        token_bytes: UTF-8 bytes of all tokens, without the spaces between them.
        sha256: of the file's bytes (hex), without a byte-order mark.
    """

    sentences: int
    tokens: int
    token_bytes: int
    sha256: str


class TokenLines:
    """Sentences of a seekable stream: one per line, UTF-8, with LF or CRLF line ends.

    An empty line is a sentence without tokens, so that sentence and line numbers agree.

    Args:
        stream: open for reading bytes.
        name: for error messages.
        tokenizer: splits a line into tokens.
    """

    def __init__(
        self, stream: BinaryIO, name: str, tokenizer: Callable[[str], Sequence[str]]
    ) -> None:
        self.name = name
        self._stream = stream
        self._tokenizer = tokenizer
        self.counts = LineCounts(0, 0, 0, "")
        """Counts from the last complete pass of :meth:`sentences`."""

    def sentences(self) -> Iterator[Sentence]:
        """Yield the sentences of all lines; only one such iterator may be active at a time.

        Raises:
            DataError: for a line that is not UTF-8; the message names the line.
        """
        self._stream.seek(0)
        state = hashlib.sha256()
        number = tokens = size = 0
        for number, raw in enumerate(self._stream, start=1):
            line = raw.removeprefix(_BOM) if number == 1 else raw
            state.update(line)
            sentence = tuple(self._tokenizer(self._text(line, number)))
            tokens += len(sentence)
            size += sum(len(token.encode("utf-8")) for token in sentence)
            yield sentence
        self.counts = LineCounts(number, tokens, size, state.hexdigest())

    def count(self) -> LineCounts:
        """Read everything once, so that errors are found before the encoding begins."""
        for _ in self.sentences():
            pass
        return self.counts

    def at(self, index: int) -> str:
        """Return ``file:line`` of the sentence with this index, from 0; for errors."""
        return f"{self.name}:{index + 1}"

    def _text(self, raw: bytes, number: int) -> str:
        try:
            return raw.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataError(
                f"is not UTF-8: byte 0x{raw[error.start]:02x} at position {error.start + 1}",
                where=self.at(number - 1),
                fix="convert the file to UTF-8",
            ) from error


@contextmanager
def open_lines(
    path: Path, tokenizer: Callable[[str], Sequence[str]], stdin: BinaryIO
) -> Iterator[TokenLines]:
    """Open the lines of ``path``, or of ``stdin`` for ``-``.

    Streams that can be read only once (standard input, pipes) are copied to a temporary file.

    Raises:
        DataError: if the file does not exist or cannot be read.
        ElmobenchError: if there is no room for the copy.
    """
    if path == Path("-"):
        with _spooled(stdin) as stream:
            yield TokenLines(stream, "standard input", tokenizer)
    elif os.path.isfile(path):
        with _opened(path) as file:
            yield TokenLines(file, str(path), tokenizer)
    elif os.path.exists(path) and not os.path.isdir(path):
        with _opened(path) as pipe, _spooled(pipe) as stream:
            yield TokenLines(stream, str(path), tokenizer)
    else:
        raise DataError(
            "is a folder" if os.path.isdir(path) else "there is no such file",
            where=str(path),
            fix="name a text file with one tokenised sentence per line, or - for standard input",
        )


def _opened(path: Path) -> BinaryIO:
    with parsing(path):
        return path.open("rb")


@contextmanager
def _spooled(source: BinaryIO) -> Iterator[BinaryIO]:
    with tempfile.SpooledTemporaryFile(max_size=_MEMORY) as copy:
        with writing(
            Path(tempfile.gettempdir()), fix="make room there, or set TMPDIR to another folder"
        ):
            shutil.copyfileobj(source, copy)
            copy.seek(0)
        yield copy  # type: ignore[misc]
