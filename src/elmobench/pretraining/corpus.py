"""Text files as a stream of tokenised sentences, in bounded memory."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast, get_args

from elmobench.core.digests import digest_of, file_sha256
from elmobench.core.errors import ConfigError, DataError
from elmobench.core.registry import did_you_mean
from elmobench.data.readers.tokenizers import SpanTokenizerName, character_spans
from elmobench.pretraining.sentences import RULE_VERSION, cut_sentences

Paragraph = list[list[str]]
"""The sentences of one line of text."""

LONGEST_LINE = 8 * 2**20
"""In bytes. A file with a longer line most likely has no line ends."""


@dataclass(frozen=True)
class CorpusFile:
    """A file of a corpus.

    Attributes:
        path: where it is.
        sha256: digest of the file as it is, compressed or not.
        bytes: its size.
    """

    path: Path
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Corpus:
    """Text files with one sentence or paragraph per line; may be compressed (.gz, .xz, .bz2).

    Attributes:
        files: in the order in which they are read.
        tokenizer: None for one sentence per line with spaces between tokens; else the rule (see
            :func:`~elmobench.data.readers.tokenizers.character_spans`) that cuts raw paragraphs
            into tokens, which :func:`cut_sentences` then groups into sentences.
    """

    files: tuple[CorpusFile, ...]
    tokenizer: SpanTokenizerName | None = None

    @classmethod
    def open(cls, paths: Sequence[Path], tokenizer: str | None = None) -> Corpus:
        """Open the files at ``paths`` and compute their digests.

        Raises:
            ConfigError: for no files, a file that is given twice, or an unknown tokeniser.
            DataError: for a file that cannot be read.
        """
        known = get_args(SpanTokenizerName)
        if tokenizer is not None and tokenizer not in known:
            raise ConfigError(f"no tokeniser {tokenizer!r}", fix=did_you_mean(tokenizer, known))
        if not paths:
            raise ConfigError("a corpus needs at least one file")
        resolved = [path.resolve() for path in paths]
        if len(set(resolved)) < len(resolved):
            raise ConfigError("a file of the corpus is given twice")
        files = []
        for path in paths:
            if not path.is_file():
                raise DataError("no such file", where=str(path))
            files.append(CorpusFile(path, file_sha256(path), path.stat().st_size))
        return cls(tuple(files), cast("SpanTokenizerName | None", tokenizer))

    @property
    def digest(self) -> str:
        """Digest of the sentences: of the files in their order, and of the tokeniser."""
        rule = None if self.tokenizer is None else [self.tokenizer, RULE_VERSION]
        return digest_of([rule, *(file.sha256 for file in self.files)])

    def paragraphs(self, on_bytes: Callable[[int], object] | None = None) -> Iterator[Paragraph]:
        """The paragraph of each line, in order; lines without tokens are skipped.

        Args:
            on_bytes: called about once per MB with the number of bytes of text read since its
                last call.

        Raises:
            DataError: for text that is not UTF-8, a line longer than :data:`LONGEST_LINE`, or a
                damaged compressed file; the message names file and line.
        """
        for file in self.files:
            read = 0
            for number, line in enumerate(_lines(file.path), 1):
                read += len(line)
                if on_bytes is not None and read > 1 << 20:
                    on_bytes(read)
                    read = 0
                paragraph = self._cut(_decoded(line, file.path, number))
                if paragraph:
                    yield paragraph
            if on_bytes is not None:
                on_bytes(read)

    def _cut(self, text: str) -> Paragraph:
        if self.tokenizer is None:
            # Not str.split(), since U+00A0 and similar characters occur inside tokens.
            tokens = [token for token in text.strip("\r\n").split(" ") if token]
            return [tokens] if tokens else []
        spans = character_spans(text, self.tokenizer)
        return cut_sentences([text[start:end] for start, end in spans])


def _open(path: Path) -> IO[bytes]:
    match path.suffix:
        case ".gz":
            return cast("IO[bytes]", gzip.open(path))
        case ".xz":
            return lzma.open(path)
        case ".bz2":
            return bz2.open(path)
        case _:
            return path.open("rb")


def _lines(path: Path) -> Iterator[bytes]:
    number = 0
    try:
        with _open(path) as stream:
            while line := stream.readline(LONGEST_LINE + 1):
                number += 1
                if len(line) > LONGEST_LINE:
                    raise DataError(
                        f"the line is longer than {LONGEST_LINE >> 20} MB",
                        where=f"{path}:{number}",
                        fix="write one sentence or paragraph per line",
                    )
                yield line
    except (EOFError, lzma.LZMAError, OSError) as error:
        raise DataError(
            f"cannot be read further: {error}",
            where=f"{path}:{number + 1}",
            fix="check that the file is complete",
        ) from error


def _decoded(line: bytes, path: Path, number: int) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"not UTF-8 at byte {error.start} of the line: {error.reason}",
            where=f"{path}:{number}",
            fix="convert the file, for example: iconv -f latin1 -t utf-8",
        ) from error
