"""fastText's ``.bin``: vectors of words and of hashed character n-grams.

The vector of a listed word is the mean of its own row and the rows of its n-grams; that of another
word is the mean of the rows of its n-grams. This equals ``getWordVector`` of the official program
(Bojanowski et al. 2017, https://github.com/facebookresearch/fastText).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

from elmobench.core.errors import ModelError
from elmobench.features.provider import FloatArray
from elmobench.features.static.containers import VectorFile
from elmobench.features.static.fasttext_file import Reader, read_header
from elmobench.features.static.ngram_hashes import ngram_buckets
from elmobench.features.static.source import Hashes, Moments, VectorSource

# The sentence end is a word without n-grams: EOS in the official program.
_END_OF_SENTENCE: Final = "</s>"
# Rows of the input matrix added at a time. This is fixed, since it determines the order of sums.
_CHUNK_ROWS: Final = 4096
_WORDS_PER_PASS: Final = 200_000


class FastTextSource(VectorSource):
    """A model in fastText's ``.bin`` format, read as a stream without keeping a whole matrix.

    Names that are not UTF-8 cannot match any word and are skipped.

    Raises:
        ModelError: the model is quantised, supervised, of another version or truncated.
    """

    def __init__(self, file: VectorFile) -> None:
        with file.open() as stream:
            self._header = read_header(Reader(stream, file.name))
        super().__init__(file, "fasttext", self._header.dim)
        self._vectors: dict[str, FloatArray] = {}
        self._known: dict[str, bool] = {}
        self._hashes: Hashes | None = None
        self._statistics: tuple[FloatArray, FloatArray] | None = None

    def read(self, words: Iterable[str]) -> None:
        """See :meth:`VectorSource.read`."""
        wanted = {word for word in words if word not in self._known}
        if not wanted and self._hashes is not None:
            return
        rows: dict[str, int] = {}
        with self.file.open() as stream:
            reader = Reader(stream, self.file.name)
            hashes = self._read_words(reader, wanted, rows)
            targets = [(word, rows.get(word, -1)) for word in sorted(wanted)]
            vectors, counts = self._means(reader, targets)
        self._hashes = hashes
        for (word, row), vector, count in zip(targets, vectors, counts, strict=True):
            self._known[word] = row >= 0
            if count:
                self._vectors[word] = vector.astype(np.float32)

    def index(self, words: Iterable[str]) -> None:
        """See :meth:`VectorSource.index`."""
        if self._hashes is None:
            self.read(words)

    def knows(self, word: str) -> bool:
        """See :meth:`VectorSource.knows`."""
        if word in self._known:
            return self._known[word]
        assert self._hashes is not None
        at = int(np.searchsorted(self._hashes, hash(word)))
        return at < len(self._hashes) and int(self._hashes[at]) == hash(word)

    def covers(self, word: str) -> bool:
        """Whether ``word`` is listed or has n-grams."""
        return self.knows(word) or bool(len(self._ngrams(word)))

    def vector(self, word: str) -> FloatArray | None:
        """See :meth:`VectorSource.vector`."""
        return self._vectors.get(word)

    @property
    def parameters(self) -> int:
        """Number of values in the input matrix."""
        return (self._header.words + self._header.bucket) * self.dim

    def statistics(self) -> tuple[FloatArray, FloatArray]:
        """See :meth:`VectorSource.statistics`.

        This reads the file once more per 200,000 words. It is only needed for words without
        n-grams.
        """
        if self._statistics is None:
            moments = Moments(self.dim)
            for start in range(0, self._header.words, _WORDS_PER_PASS):
                listed: dict[str, int] = {}
                with self.file.open() as stream:
                    reader = Reader(stream, self.file.name)
                    rows = range(start, min(start + _WORDS_PER_PASS, self._header.words))
                    self._read_words(reader, rows, listed)
                    vectors, _ = self._means(reader, list(listed.items()))
                moments.add(vectors)
            self._statistics = moments.result()
        return self._statistics

    def _ngrams(self, word: str) -> list[int]:
        """Return the buckets of a word's n-grams, one per n-gram."""
        header = self._header
        if word == _END_OF_SENTENCE or header.bucket == 0 or header.maxn == 0:
            return []
        try:
            word.encode("utf-8")
        except UnicodeEncodeError:
            return []
        return ngram_buckets(word, header.minn, header.maxn, header.bucket)

    def _read_words(self, reader: Reader, wanted: set[str] | range, rows: dict[str, int]) -> Hashes:
        """Add the ``wanted`` words (or the words of the ``wanted`` rows) to ``rows``.

        Returns:
            Sorted hashes of all words.
        """
        header = read_header(reader)
        hashes = array("q")
        by_row = isinstance(wanted, range)
        for row in range(header.words):
            name, kind = reader.entry(row)
            try:
                word = name.decode("utf-8")
            except UnicodeDecodeError:
                continue
            if kind != 0 or not word:
                raise ModelError(
                    "this entry is a label or empty, but the header announces only words",
                    where=f"{self.file.name}: word {row + 1} of {header.words}",
                    fix="fetch the file again",
                )
            hashes.append(hash(word))
            if (row if by_row else word) in wanted:
                if word in rows:
                    raise ModelError(
                        f"the word {word!r} is listed twice",
                        where=f"{self.file.name}: word {row + 1} of {header.words}",
                        fix="fetch the file again",
                    )
                rows[word] = row
        return np.sort(np.frombuffer(hashes, dtype=np.int64))

    def _means(
        self, reader: Reader, targets: list[tuple[str, int]]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Average the rows of each target (word, its row or -1); read the rest of the file.

        Returns:
            (N, D) vectors, zero if there is nothing to average; (N,) numbers of averaged rows.
        """
        words = self._header.words
        needed: list[NDArray[np.int64]] = []
        for word, row in targets:
            buckets = np.asarray(self._ngrams(word), dtype=np.int64) + words
            needed.append(buckets if row < 0 else np.concatenate([[row], buckets]))
        counts = np.asarray([len(target_rows) for target_rows in needed], dtype=np.int64)
        rows = np.concatenate(needed) if needed else np.zeros(0, dtype=np.int64)
        owners = np.repeat(np.arange(len(targets)), counts)
        order = np.lexsort((rows, owners, rows // _CHUNK_ROWS))
        rows, owners = rows[order], owners[order]
        chunks = rows // _CHUNK_ROWS
        matrices = self._input_matrix(reader)
        first = next(matrices)  # checks the size of the matrix, before memory is taken for it
        total = np.zeros((len(targets), self.dim))
        for start, matrix in chain([first], matrices):
            here = slice(*np.searchsorted(chunks, [start // _CHUNK_ROWS, start // _CHUNK_ROWS + 1]))
            if here.start < here.stop:
                _add_rows(total, owners[here], matrix[rows[here] - start])
        return total / np.maximum(counts, 1)[:, None], counts

    def _input_matrix(self, reader: Reader) -> Iterator[tuple[int, FloatArray]]:
        """Yield the first row and the values of each chunk; then skip the output matrix."""
        rows, columns = reader.matrix_shape()
        if 4 * rows * columns > self.file.most_bytes:
            raise ModelError(
                f"the input matrix is {rows} x {columns}, larger than the file",
                where=self.file.name,
                fix="fetch the file again: it is truncated or damaged",
            )
        expected = (self._header.words + self._header.bucket, self.dim)
        if (rows, columns) != expected:
            raise ModelError(
                f"the input matrix is {rows} x {columns}, but the header says "
                f"{expected[0]} x {expected[1]}",
                where=self.file.name,
                fix="fetch the file again",
            )
        for start in range(0, rows, _CHUNK_ROWS):
            size = min(_CHUNK_ROWS, rows - start)
            raw = reader.take(4 * columns * size, f"row {start} of the input matrix")
            matrix = np.frombuffer(raw, dtype="<f4").reshape(size, columns)
            finite = np.isfinite(matrix).all(axis=1)
            if not finite.all():
                raise ModelError(
                    "a value is not a finite number",
                    where=f"{self.file.name}: row {start + int(np.argmin(finite))} "
                    "of the input matrix",
                    fix="fetch the file again",
                )
            yield start, matrix
        rows, columns = reader.matrix_shape()
        reader.finish(4 * rows * columns)


def _add_rows(
    total: NDArray[np.float64], owners: NDArray[np.int64], vectors: NDArray[np.float32]
) -> None:
    """Add to each row of ``total`` its vectors, in order; ``owners``, their rows, is sorted."""
    starts = np.flatnonzero(np.diff(owners, prepend=-1))
    total[owners[starts]] += np.add.reduceat(vectors.astype(np.float64), starts, axis=0)
