"""The layout of fastText's ``.bin``: that of ``saveModel`` of the official program.

Versions 11 and 12, little-endian::

    int32  magic, version, dim, ws, epoch, minCount, neg, wordNgrams, loss, model, bucket, minn,
           maxn, lrUpdateRate
    double t
    int32  entries, words, labels
    int64  tokens, prune index
    entry  name, zero byte, int64 count, int8 type        (as often as there are entries)
    bool   quantised; int64 rows, columns; float32 values  (the input matrix: words, then buckets)
    bool   quantised; int64 rows, columns; float32 values  (the output matrix, not used here)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import IO, Final

from elmobench.core.errors import ModelError

_HEADER: Final = struct.Struct("<14id3i2q")
_VERSIONS: Final = (11, 12)
_WIDEST: Final = 100_000
_BLOCK_BYTES: Final = 1 << 22
_LONGEST_WORD: Final = 1 << 16


@dataclass(frozen=True)
class Header:
    """What the vectors depend on.

    Attributes:
        dim: values a vector, D.
        bucket: number of buckets that n-grams are hashed to.
        minn, maxn: length of n-grams, in characters.
        words: number of listed words.
    """

    dim: int
    bucket: int
    minn: int
    maxn: int
    words: int


class Reader:
    """A stream in pieces of exact size, each asked for by name."""

    def __init__(self, stream: IO[bytes], where: str) -> None:
        self.where = where
        self._stream = stream
        self._data = b""
        self._at = 0

    def take(self, size: int, what: str) -> bytes:
        """The next ``size`` bytes. Raises ModelError if there are fewer."""
        if not self._fill(size):
            raise self._cut(what)
        piece = self._data[self._at : self._at + size]
        self._at += size
        return piece

    def entry(self, row: int) -> tuple[bytes, int]:
        """Name and type of the next entry of the dictionary."""
        end = self._data.find(b"\0", self._at)
        if end < 0 or end + 10 > len(self._data):
            self._fill(_LONGEST_WORD)
            end = self._data.find(b"\0", self._at)
            if end < 0 or end + 10 > len(self._data):
                raise self._cut(f"word {row + 1}")
        name, kind = self._data[self._at : end], self._data[end + 9]
        self._at = end + 10
        return name, kind

    def matrix_shape(self) -> tuple[int, int]:
        """Rows and columns of the matrix that comes next."""
        quantised, rows, columns = struct.unpack("<?2q", self.take(17, "a matrix"))
        if quantised or rows < 0 or columns < 0:
            raise ModelError(
                "a matrix is quantised (.ftz), or its size damaged",
                where=self.where,
                fix="use the .bin of an unsupervised model",
            )
        return rows, columns

    def finish(self, size: int) -> None:
        """Pass over the last ``size`` bytes. Raises ModelError if there are more or fewer."""
        left = size - (len(self._data) - self._at)
        while data := self._stream.read(_BLOCK_BYTES):
            left -= len(data)
        if left > 0:
            raise self._cut("the output matrix")
        if left < 0:
            raise ModelError(
                f"{-left} bytes follow after the model's end",
                where=self.where,
                fix="fetch the file again",
            )

    def _fill(self, size: int) -> bool:
        """Have ``size`` bytes ready; False if the file ends before."""
        missing = size - (len(self._data) - self._at)
        pieces = [self._data[self._at :]] if missing > 0 else []
        while missing > 0 and (data := self._stream.read(max(_BLOCK_BYTES, missing))):
            pieces.append(data)
            missing -= len(data)
        if pieces:
            self._data, self._at = b"".join(pieces), 0
        return missing <= 0

    def _cut(self, what: str) -> ModelError:
        return ModelError(
            f"the file ends in {what}", where=self.where, fix="fetch the file again: it is cut"
        )


def read_header(reader: Reader) -> Header:
    """Read the header. Raises ModelError for models that have no word vectors of this kind."""
    fields = _HEADER.unpack(reader.take(_HEADER.size, "the header"))
    version, dim, bucket, minn, maxn = (fields[i] for i in (1, 2, 10, 11, 12))
    entries, words, labels, _, pruned = fields[15:]
    if version not in _VERSIONS:
        problem = f"is of version {version} of fastText's format, not 11 or 12"
    elif labels or words != entries:
        problem = "is a supervised model (a classifier), not one of word vectors"
    elif pruned != -1:
        problem = "is pruned or quantised (.ftz): its vectors are not those that were trained"
    elif not (1 <= dim <= _WIDEST and bucket >= 0 and minn >= 0 and maxn >= 0 and words >= 1):
        problem = "has a damaged header"
    else:
        return Header(dim, bucket, minn, maxn, words)
    raise ModelError(problem, where=reader.where, fix="use an unsupervised model's .bin")
