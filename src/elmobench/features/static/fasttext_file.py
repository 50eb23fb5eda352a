"""The layout of fastText's ``.bin``, as written by ``saveModel`` of the official program.

Versions 11 and 12, little-endian::

    int32  magic, version, dim, ws, epoch, minCount, neg, wordNgrams, loss, model, bucket, minn,
           maxn, lrUpdateRate
    double t
    int32  entries, words, labels
    int64  tokens, prune index
    entry  name, zero byte, int64 count, int8 type        (repeated for all entries)
    bool   quantised; int64 rows, columns; float32 values  (the input matrix: words, then buckets)
    bool   quantised; int64 rows, columns; float32 values  (the output matrix, not used here)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import IO, Final

from elmobench.core.errors import ModelError
from elmobench.features.static.formats import WIDEST

_HEADER: Final = struct.Struct("<14id3i2q")
_VERSIONS: Final = (11, 12)
# The time for a word's n-grams grows with this; fastText's default is 6.
_LONGEST_NGRAM: Final = 100
_BLOCK_BYTES: Final = 1 << 22
_LONGEST_WORD: Final = 1 << 16


@dataclass(frozen=True)
class Header:
    """The fields of the header that vectors depend on.

    Attributes:
        dim: values per vector, D.
        bucket: number of buckets for the hashes of n-grams.
        minn, maxn: length of n-grams, in characters.
        words: number of listed words.
    """

    dim: int
    bucket: int
    minn: int
    maxn: int
    words: int


class Reader:
    """Read pieces of exact size from a stream; errors name the missing piece."""

    def __init__(self, stream: IO[bytes], where: str) -> None:
        self.where = where
        self._stream = stream
        self._data = b""
        self._at = 0

    def take(self, size: int, what: str) -> bytes:
        """Return the next ``size`` bytes. Raises ModelError if there are fewer."""
        if not self._fill(size):
            raise self._truncated(what)
        piece = self._data[self._at : self._at + size]
        self._at += size
        return piece

    def entry(self, row: int) -> tuple[bytes, int]:
        """Return name and type of the next entry of the dictionary."""
        end = self._data.find(b"\0", self._at)
        if end < 0 or end + 10 > len(self._data):
            self._fill(_LONGEST_WORD)
            end = self._data.find(b"\0", self._at)
            if end < 0 or end + 10 > len(self._data):
                raise self._truncated(f"word {row + 1}")
        name, kind = self._data[self._at : end], self._data[end + 9]
        self._at = end + 10
        return name, kind

    def matrix_shape(self) -> tuple[int, int]:
        """Return rows and columns of the next matrix."""
        quantised, rows, columns = struct.unpack("<?2q", self.take(17, "a matrix"))
        if quantised or rows < 0 or columns < 0:
            raise ModelError(
                "a matrix is quantised (.ftz), or its size is damaged",
                where=self.where,
                fix="use the .bin of an unsupervised model",
            )
        return rows, columns

    def finish(self, size: int) -> None:
        """Skip the last ``size`` bytes. Raises ModelError if there are more or fewer."""
        left = size - (len(self._data) - self._at)
        while data := self._stream.read(_BLOCK_BYTES):
            left -= len(data)
        if left > 0:
            raise self._truncated("the output matrix")
        if left < 0:
            raise ModelError(
                f"{-left} bytes follow after the end of the model",
                where=self.where,
                fix="fetch the file again",
            )

    def _fill(self, size: int) -> bool:
        """Buffer at least ``size`` bytes; return False if the file ends before."""
        missing = size - (len(self._data) - self._at)
        pieces = [self._data[self._at :]] if missing > 0 else []
        # In blocks, since reading allocates what is asked for, and a header may ask for anything.
        while missing > 0 and (data := self._stream.read(_BLOCK_BYTES)):
            pieces.append(data)
            missing -= len(data)
        if pieces:
            self._data, self._at = b"".join(pieces), 0
        return missing <= 0

    def _truncated(self, what: str) -> ModelError:
        return ModelError(
            f"the file ends in {what}",
            where=self.where,
            fix="fetch the file again: it is truncated",
        )


def read_header(reader: Reader) -> Header:
    """Read the header. Raises ModelError for models without unsupervised word vectors."""
    fields = _HEADER.unpack(reader.take(_HEADER.size, "the header"))
    version, dim, bucket, minn, maxn = (fields[i] for i in (1, 2, 10, 11, 12))
    entries, words, labels, _, pruned = fields[15:]
    if version not in _VERSIONS:
        problem = f"has version {version} of fastText's format, not 11 or 12"
    elif labels or words != entries:
        problem = "is a supervised model (a classifier), not a model of word vectors"
    elif pruned != -1:
        problem = "is pruned or quantised (.ftz), so its vectors are not the trained ones"
    elif not (
        1 <= dim <= WIDEST
        and bucket >= 0
        and minn >= 0
        and 0 <= maxn <= _LONGEST_NGRAM
        and words >= 1
    ):
        problem = "has a damaged header"
    else:
        return Header(dim, bucket, minn, maxn, words)
    raise ModelError(problem, where=reader.where, fix="use an unsupervised model's .bin")
