"""Text files as a stream of tokenised sentences, in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from elmobench.core.digests import digest_of, file_sha256
from elmobench.core.errors import ConfigError, DataError
from elmobench.core.parsing import parsing
from elmobench.core.registry import did_you_mean
from elmobench.data.blanks import split_blanks
from elmobench.data.readers.tokenizers import SpanTokenizerName, character_spans
from elmobench.pretraining.sentences import RULE_VERSION, cut_sentences
from elmobench.pretraining.text_files import decode_line, text_lines

Paragraph = list[list[str]]
"""The sentences of one line of text."""


@dataclass(frozen=True)
class CorpusFile:
    """A file of a corpus.

    Attributes:
        path: where it is.
        sha256: digest of the file as it is, compressed or not.
        bytes: its size.
        modified_ns: time of its last change.
    """

    path: Path
    sha256: str
    bytes: int
    modified_ns: int

    @classmethod
    def open(cls, path: Path) -> CorpusFile:
        """Compute the digest of the file. Raises DataError if it cannot be read."""
        if not os.path.isfile(path):
            raise DataError("no such file", where=str(path))
        with parsing(path):
            state = path.stat()
            return cls(path, file_sha256(path), state.st_size, state.st_mtime_ns)

    def check_unchanged(self) -> None:
        """Raise DataError if the file was changed after its digest was computed."""
        with parsing(self.path):
            state = self.path.stat()
        if (state.st_size, state.st_mtime_ns) != (self.bytes, self.modified_ns):
            raise DataError(
                "the file was changed while it was read",
                where=str(self.path),
                fix="run the command again when nothing writes to the file",
            )


@dataclass(frozen=True)
class Corpus:
    """Text files with one sentence or paragraph per line; may be compressed (.gz, .xz, .bz2).

    Attributes:
        files: in the order in which they are read.
        tokenizer: None for one sentence per line with blanks or tabs between tokens, as in
            :mod:`elmobench.data.blanks`; else the rule (see
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
        files = tuple(CorpusFile.open(path) for path in paths)
        return cls(files, cast("SpanTokenizerName | None", tokenizer))

    @property
    def digest(self) -> str:
        """Digest of the sentences: of the files in their order, and of the tokeniser."""
        rule = None if self.tokenizer is None else [self.tokenizer, RULE_VERSION]
        return digest_of([rule, *(file.sha256 for file in self.files)])

    @property
    def names(self) -> str:
        """The first files, for messages."""
        return ", ".join(str(file.path) for file in self.files[:3])

    def paragraphs(self, on_bytes: Callable[[int], object] | None = None) -> Iterator[Paragraph]:
        """The paragraph of each line, in order; lines without tokens are skipped.

        Args:
            on_bytes: called about once per MB with the number of bytes of text read since its
                last call.

        Raises:
            DataError: for text that is not UTF-8, a file that changes while it is read, and see
                :func:`text_lines`; the message names file and line.
        """
        for file in self.files:
            read = 0
            for number, line in text_lines(file.path):
                read += len(line)
                if on_bytes is not None and read > 1 << 20:
                    on_bytes(read)
                    read = 0
                paragraph = self._cut(decode_line(line, file.path, number))
                if paragraph:
                    yield paragraph
            file.check_unchanged()
            if on_bytes is not None:
                on_bytes(read)

    def _cut(self, text: str) -> Paragraph:
        if self.tokenizer is None:
            # A carriage return would be lost at the end of a word in a vocabulary file.
            tokens = split_blanks(text.rstrip("\n").replace("\r", " "))
            return [tokens] if tokens else []
        spans = character_spans(text, self.tokenizer)
        return cut_sentences([text[start:end] for start, end in spans])
