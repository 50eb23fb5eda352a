"""Records in a Parquet file; needs pyarrow."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from elmobench.core.errors import ConfigError, DataError
from elmobench.core.parsing import parsing, reason
from elmobench.data.readers.base import SourceText
from elmobench.data.readers.record_options import RecordOptions
from elmobench.data.readers.records import RecordReader, Row

MAX_BYTES = 1 << 30
"""The largest size of all columns before compression, as the file states it, and as they are read.

The two differ where a value is stored once for many rows.
"""
MAX_VALUES = 100_000_000
"""The largest number of values, those that are missing included: a billion of these are few bytes.
"""
_ROWS = 1024


class ParquetReader(RecordReader[RecordOptions]):
    """One record per row; only the columns that the options name are read.

    ``lines`` of a source counts rows.
    """

    name: ClassVar[str] = "parquet"
    version: ClassVar[int] = 1
    options_type = RecordOptions

    def records(
        self, text: SourceText, options: RecordOptions, dropped: Counter[str]
    ) -> Iterator[Row]:
        """See :class:`RecordReader`.

        Raises:
            ConfigError: pyarrow is not installed.
            DataError: it is no Parquet file, is too large, or lacks a column or selected row.
        """
        file = parquet_file(text.data, text.name)
        known = set(file.schema_arrow.names)
        columns = [
            column
            for name in options.paths
            if (column := name if name in known else name.split(".")[0]) in known
        ]
        total = file.metadata.num_rows
        first, last = text.lines or (1, total)
        if last > total:
            raise DataError(f"has {total} rows, but the card selects row {last}", where=text.name)
        for number, row in enumerate(parquet_rows(file, columns, text.name), start=1):
            if number > last:
                return
            if number >= first:
                yield number, f"{text.name}, row {number}", row


def parquet_file(data: bytes, name: str) -> Any:
    """An opened ``pyarrow.parquet.ParquetFile``, whose sizes were checked.

    Raises:
        ConfigError: pyarrow is not installed.
        DataError: it is no Parquet file, is too large, or has two columns of one name.
    """
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise ConfigError(
            "the reader 'parquet' needs pyarrow", fix="pip install 'elmobench[parquet]'"
        ) from error
    with _reading(name, "is no readable Parquet file"):
        file = parquet.ParquetFile(io.BytesIO(data))
        groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
        size = sum(group.total_byte_size for group in groups)
        values = sum(chunk.num_values for group in groups for chunk in _chunks(group))
        names = list(file.schema_arrow.names)
    if size > MAX_BYTES:
        raise _too_large(f"holds {size:,} bytes, at most {MAX_BYTES:,} are read", name)
    if values > MAX_VALUES:
        raise _too_large(f"holds {values:,} values, at most {MAX_VALUES:,} are read", name)
    if len(set(names)) < len(names):
        raise DataError("two columns have one name", where=name, fix="rename one of them")
    return file


def parquet_rows(file: Any, columns: Iterable[str], name: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of an opened file as mappings of these columns.

    Raises:
        DataError: the file is damaged, or holds more than :data:`MAX_BYTES` as it is read.
    """
    with _reading(name, "is no readable Parquet file"):
        groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
        sizes = [chunk.total_uncompressed_size for group in groups for chunk in _chunks(group)]
        # One value may be as large as its column, and be the value of every row.
        together = min(max(MAX_BYTES // max([1, *sizes]), 1), _ROWS)
        batches = file.iter_batches(batch_size=together, columns=list(dict.fromkeys(columns)))
    size = 0
    while True:
        with _reading(name, "is a damaged Parquet file"):
            batch = next(batches, None)
        if batch is None:
            return
        size += batch.nbytes
        if size > MAX_BYTES:
            raise _too_large(f"unpacks to more than {MAX_BYTES:,} bytes", name)
        with _reading(name, "is a damaged Parquet file"):
            rows = batch.to_pylist()
        yield from rows


def _chunks(group: Any) -> Iterator[Any]:
    """The columns of a group of rows, as the file describes them."""
    return (group.column(i) for i in range(group.num_columns))


def _too_large(what: str, name: str) -> DataError:
    return DataError(what, where=name, fix="divide it into several files")


@contextmanager
def _reading(name: str, what: str) -> Iterator[None]:
    """As :func:`parsing`; also for pyarrow's errors that are of no kind of Python's own."""
    import pyarrow

    try:
        with parsing(name, DataError, what=what):
            yield
    except pyarrow.ArrowException as error:
        raise DataError(f"{what}: {reason(error)}", where=name) from error


READER = ParquetReader()
