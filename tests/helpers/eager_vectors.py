"""Reference implementation for tests: read all word vectors of a text file line by line."""

from __future__ import annotations

import gzip
import itertools
import re
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, cast

import numpy as np
from numpy.typing import NDArray

from elmobench.core.errors import ModelError
from elmobench.features.provider import FloatArray

Format = Literal["auto", "glove", "word2vec"]

_HEADER = re.compile(rb"[0-9]+ [0-9]+")
_NUMBER = re.compile(rb"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_SAMPLE = 200


@dataclass(frozen=True)
class VectorTable:
    """Words with their vectors.

    Attributes:
        rows: row of ``vectors``, by word.
        vectors: (V, D).
        mean, std: (D,) over all words.
        format: as which the file was read; it determines the words and vectors.
    """

    rows: dict[str, int]
    vectors: FloatArray
    mean: FloatArray
    std: FloatArray
    format: Literal["glove", "word2vec"]

    @property
    def size(self) -> int:
        """Number of words, V."""
        return len(self.rows)


def read_vectors(path: Path, format: Format = "auto") -> VectorTable:
    """Read a file of word vectors.

    Args:
        path: the file; gzipped if its name ends in ``.gz``.
        format: ``auto`` treats a first line of two integers as word2vec's header.

    Raises:
        ModelError: a row has another length, the header does not match, a word appears twice, a
            value is not a finite number, or the file is damaged. Names file and line.
    """
    with _open(path) as stream:
        return _read(stream, path, format)


@contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    try:
        with ExitStack() as stack:
            stream: IO[bytes] = stack.enter_context(path.open("rb"))
            if path.suffix == ".gz":
                stream = cast(IO[bytes], stack.enter_context(gzip.GzipFile(fileobj=stream)))
            yield stream
    except (OSError, EOFError, zlib.error) as error:
        raise ModelError(
            f"cannot be read: {error}", where=str(path), fix="fetch the file again"
        ) from error


def _read(stream: IO[bytes], path: Path, format: Format) -> VectorTable:
    lines = enumerate(stream, start=1)
    sample = list(itertools.islice(lines, _SAMPLE))
    if not sample:
        raise ModelError("is empty", where=str(path), fix="fetch the file again")
    header = _header(sample[0][1], path, format)
    if header is not None:
        sample = sample[1:]
        dim = header[1]
    else:
        # Words may contain blanks and rows may be damaged, so take the most frequent count.
        counts = Counter(len(re.findall(rb" +", line.rstrip(b" \r\n"))) for _, line in sample)
        dim, rows = counts.most_common(1)[0]
        if 2 * rows < len(sample):
            raise ModelError("no rows", where=f"{path}:1", fix="check the format option")
    if dim < 1:
        raise ModelError(
            "there are no vectors in the first lines",
            where=f"{path}:1",
            fix="check the format option",
        )
    rows: dict[str, int] = {}
    first = 1 if header is None else 2
    kept: list[FloatArray] = []
    total, squares = np.zeros(dim), np.zeros(dim)
    for number, line in itertools.chain(sample, lines):
        word, values = _row(line, dim, path, number, spaces=header is None)
        if word in rows:
            raise ModelError(
                f"the word {word!r} appears here and in line {first + rows[word]}",
                where=f"{path}:{number}",
                fix="remove one of the two rows",
            )
        total += values
        squares += np.square(values)
        rows[word] = len(kept)
        kept.append(values.astype(np.float32))
    size = len(rows)
    if header is not None and header[0] != size:
        raise ModelError(
            f"the header announces {header[0]} words, but there are {size}",
            where=f"{path}:1",
            fix="fetch the file again: it may be truncated",
        )
    mean = total / size
    std = np.sqrt(np.maximum(squares / size - np.square(mean), 0))
    vectors = np.stack(kept) if kept else np.zeros((0, dim), dtype=np.float32)
    return VectorTable(
        rows,
        vectors,
        mean.astype(np.float32),
        std.astype(np.float32),
        "glove" if header is None else "word2vec",
    )


def _header(line: bytes, path: Path, format: Format) -> tuple[int, int] | None:
    """Return rows and values from word2vec's header; None for GloVe."""
    text = line.rstrip(b" \r\n")
    if not _HEADER.fullmatch(text) or format == "glove":
        if format == "word2vec":
            raise ModelError(
                "the first line is not word2vec's header of two numbers",
                where=f"{path}:1",
                fix="use format: glove for a file without a header",
            )
        return None
    count, dim = text.split(b" ")
    return int(count), int(dim)


def _row(
    line: bytes, dim: int, path: Path, number: int, *, spaces: bool
) -> tuple[str, NDArray[np.float64]]:
    where = f"{path}:{number}"
    # A word, then D fields without blanks; blanks around the word do not belong to it.
    match = re.fullmatch(
        rb" *(?P<word>.*?)(?P<values>(?: +[^ ]+){%d})[ \r\n]*" % dim, line, flags=re.DOTALL
    )
    word = match["word"] if match else b""
    # A row with one value too many looks like a word that contains a blank.
    wrong_length = match is None or (
        b" " in word and (not spaces or _NUMBER.fullmatch(word.rsplit(b" ", 1)[1]) is not None)
    )
    if wrong_length:
        raise ModelError(
            f"{len(line.split(b' ')) - 1} values, expected {dim}",
            where=where,
            fix="correct the row, or fetch the file again",
        )
    assert match is not None
    try:
        with warnings.catch_warnings():
            # numpy warns where it stops at text that is not a number.
            warnings.simplefilter("error", DeprecationWarning)
            values = np.fromstring(match["values"].decode("ascii"), dtype=float, sep=" ")
        text = word.decode("utf-8")
    except (ValueError, DeprecationWarning):
        raise ModelError(
            "the word is not UTF-8, or a value is not a number",
            where=where,
            fix="correct the row, or fetch the file again",
        ) from None
    if len(values) != dim or not np.isfinite(values).all() or not text:
        raise ModelError(
            "no word, or a value that is not a finite number",
            where=where,
            fix="correct the row, or fetch the file again",
        )
    return text, values
