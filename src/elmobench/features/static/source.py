"""Sources of static vectors: read the vectors of requested words from a file."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from elmobench.core.errors import ElmobenchWarning, ModelError
from elmobench.features.provider import FloatArray
from elmobench.features.static.containers import VectorFile
from elmobench.features.static.formats import Kind

Duplicates = Literal["error", "first"]
Hashes = NDArray[np.int64]

_NO_HASHES: Final[Hashes] = np.zeros(0, dtype=np.int64)


class VectorSource(ABC):
    """Words and vectors of one file, read on request and kept until the process ends.

    Args:
        file: with the vectors.
        kind: its format.
        dim: values per vector, D.
    """

    reading: str | None = None
    """Version of the rules by which the file is read, if they gave other vectors in the first
    version of this program: it enters the fingerprint.
    """

    def __init__(self, file: VectorFile, kind: Kind, dim: int) -> None:
        self.file = file
        self.kind: Kind = kind
        self.dim = dim

    @abstractmethod
    def read(self, words: Iterable[str]) -> None:
        """Read the vectors of ``words`` that have not been read, in one pass over the file.

        The first pass checks the whole file.

        Raises:
            ModelError: the file is damaged or truncated, a row has another length, a count is
                wrong, a word appears twice, or a value is not a finite number. The message names
                file and row.
        """

    @abstractmethod
    def index(self, words: Iterable[str]) -> None:
        """Prepare :meth:`knows`: call :meth:`read` if nothing has been read."""

    @abstractmethod
    def knows(self, word: str) -> bool:
        """Whether the file lists ``word``."""

    def covers(self, word: str) -> bool:
        """Whether ``word`` has a vector, listed or computed."""
        return self.knows(word)

    @abstractmethod
    def vector(self, word: str) -> FloatArray | None:
        """Return the (D,) vector of a word that has been read; None if it has no vector."""

    @property
    @abstractmethod
    def parameters(self) -> int:
        """Number of values from which vectors are computed."""

    @property
    def parameter_count_is_cheap(self) -> bool:
        """Whether :attr:`parameters` is known without a pass over the file."""
        return True

    @abstractmethod
    def statistics(self) -> tuple[FloatArray, FloatArray]:
        """Return (D,) mean and (D,) standard deviation of the vectors of all listed words."""


@dataclass(frozen=True)
class Block:
    """Some rows of a file.

    Attributes:
        first: line or row number of the first row.
        words: N words, none empty.
        values: (N, D), float64 or float32; not yet checked to be finite.
    """

    first: int
    words: list[str]
    values: NDArray[Any]


class RowSource(VectorSource):
    """A file with one word and its vector per row, read block by block.

    The vectors of requested words and a 64-bit hash of every word are kept. The hashes show whether
    a word is in the file (with an error rate of 1e-13 per word in a file of a million words) and
    find words that appear twice.

    Args:
        duplicates: whether a word in two rows is an ``error``, or its ``first`` row is used.
    """

    def __init__(self, file: VectorFile, kind: Kind, dim: int, duplicates: Duplicates) -> None:
        super().__init__(file, kind, dim)
        self._duplicates = duplicates
        self._vectors: dict[str, FloatArray] = {}
        self._absent: set[str] = set()
        self._hashes: Hashes | None = None
        self._suspects = _NO_HASHES
        self._statistics: tuple[FloatArray, FloatArray] | None = None

    @abstractmethod
    def blocks(self, stream: IO[bytes]) -> Iterator[Block]:
        """Yield all rows, in order. Raises ModelError for malformed rows."""

    @abstractmethod
    def place(self, row: int) -> str:
        """Describe a row, numbered as in :attr:`Block.first`, for messages."""

    def read(self, words: Iterable[str]) -> None:
        """See :meth:`VectorSource.read`."""
        wanted = {word for word in words if word not in self._vectors and word not in self._absent}
        if self._hashes is not None:
            wanted = {word for word in wanted if self._listed(word)}
        if not wanted and self._hashes is not None:
            return
        vectors, hashes = self._pass(wanted)
        repeated = _repeated(hashes)
        if len(np.setdiff1d(repeated, self._suspects)):
            # Words with equal hashes are probably equal: compare their spelling in a second pass.
            self._suspects = repeated
            vectors, hashes = self._pass(wanted)
        self._vectors.update(vectors)
        self._absent.update(wanted - vectors.keys())
        self._hashes = hashes

    def index(self, words: Iterable[str]) -> None:
        """See :meth:`VectorSource.index`."""
        if self._hashes is None:
            self.read(words)

    def knows(self, word: str) -> bool:
        """See :meth:`VectorSource.knows`."""
        return word in self._vectors or (word not in self._absent and self._listed(word))

    def vector(self, word: str) -> FloatArray | None:
        """See :meth:`VectorSource.vector`."""
        return self._vectors.get(word)

    @property
    def parameters(self) -> int:
        """Number of values in the file."""
        self.index(())
        assert self._hashes is not None
        return len(self._hashes) * self.dim

    @property
    def parameter_count_is_cheap(self) -> bool:
        """Whether the file has been read, so that the number of its rows is known."""
        return self._hashes is not None

    def statistics(self) -> tuple[FloatArray, FloatArray]:
        """See :meth:`VectorSource.statistics`; computed while the file is read."""
        self.index(())
        assert self._statistics is not None
        return self._statistics

    def _listed(self, word: str) -> bool:
        assert self._hashes is not None
        code = hash(word)
        at = int(np.searchsorted(self._hashes, code))
        return at < len(self._hashes) and int(self._hashes[at]) == code

    def _pass(self, wanted: set[str]) -> tuple[dict[str, FloatArray], Hashes]:
        """Return the vectors of ``wanted`` words in the file, and sorted hashes of all words."""
        vectors: dict[str, FloatArray] = {}
        first_rows: dict[str, int] = {}
        hashes = [_NO_HASHES]
        moments = Moments(self.dim)
        with self.file.open() as stream:
            for block in self.blocks(stream):
                values = self._as_float32(block)
                codes = np.fromiter(map(hash, block.words), np.int64, len(block.words))
                repeats = self._repeats(block, codes, first_rows)
                if repeats:
                    kept = [i for i in range(len(codes)) if i not in repeats]
                    block = Block(block.first, [block.words[i] for i in kept], block.values[kept])
                    values, codes = values[kept], codes[kept]
                moments.add(block.values)
                hashes.append(codes)
                for word, vector in zip(block.words, values, strict=True):
                    if word in wanted:
                        vectors[word] = vector.copy()
        if moments.size == 0:
            raise ModelError(
                "the file has no words", where=self.file.name, fix="fetch the file again"
            )
        if self._statistics is None and not moments.any_value:
            warnings.warn(f"{self.file.name}: every vector is zero", ElmobenchWarning, stacklevel=2)
        self._statistics = moments.result()
        return vectors, np.sort(np.concatenate(hashes))

    def _as_float32(self, block: Block) -> FloatArray:
        with np.errstate(over="ignore"):
            values = block.values.astype(np.float32, copy=False)
        if not np.isfinite(values).all():
            row = int(np.argmin(np.isfinite(values).all(axis=1)))
            raise ModelError(
                "a value is not a finite number",
                where=self.place(block.first + row),
                fix="correct the row, or fetch the file again",
            )
        return values

    def _repeats(self, block: Block, codes: Hashes, first_rows: dict[str, int]) -> set[int]:
        """Return the indices in ``block`` of rows whose word appears in an earlier row."""
        repeats: set[int] = set()
        if not len(self._suspects):
            return repeats
        for i in np.flatnonzero(np.isin(codes, self._suspects)).tolist():
            word, row = block.words[i], block.first + i
            if first_rows.setdefault(word, row) == row:
                continue
            if self._duplicates == "error":
                raise ModelError(
                    f"the word {word!r} appears here and in {self._row_name(first_rows[word])}",
                    where=self.place(row),
                    fix="remove one of the two rows, or set the option duplicates: first",
                )
            repeats.add(i)
        return repeats

    def _row_name(self, row: int) -> str:
        return f"line {row}"


class Moments:
    """Running mean and standard deviation of rows, summed sequentially in float64."""

    def __init__(self, dim: int) -> None:
        self.size = 0
        self._total = np.zeros(dim)
        self._squares = np.zeros(dim)

    def add(self, values: NDArray[Any]) -> None:
        """Add (N, D) rows."""
        self.size += len(values)
        # numpy adds along the first axis row by row, so blocks of any size give equal sums.
        self._total = np.add.reduce(np.vstack([self._total, values]), axis=0)
        squares = np.square(values, dtype=np.float64)
        self._squares = np.add.reduce(np.vstack([self._squares, squares]), axis=0)

    @property
    def any_value(self) -> bool:
        """Whether a value is not zero."""
        return bool(self._squares.any())

    def result(self) -> tuple[FloatArray, FloatArray]:
        """Return (D,) mean and (D,) standard deviation."""
        mean = self._total / self.size
        variance = np.maximum(self._squares / self.size - np.square(mean), 0)
        return mean.astype(np.float32), np.sqrt(variance).astype(np.float32)


def _repeated(hashes: Hashes) -> Hashes:
    """Return each hash that appears more than once in a sorted array, once."""
    return np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
