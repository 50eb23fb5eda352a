"""Records in a Parquet file; needs pyarrow."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import ClassVar

from elmobench.core.errors import ConfigError, DataError
from elmobench.core.parsing import parsing
from elmobench.data.readers.base import ReadResult, SourceText
from elmobench.data.readers.records import Record, RecordOptions, RecordReader

MAX_BYTES = 1 << 30
"""The largest size of all columns before compression, as the file states it."""
_ROWS = 1024


class ParquetReader(RecordReader):
    """One record per row; only the columns that the options name are read."""

    name: ClassVar[str] = "parquet"
    version: ClassVar[int] = 1

    def records(
        self, text: SourceText, options: RecordOptions, result: ReadResult
    ) -> Iterator[tuple[int, str, Record]]:
        """See :class:`RecordReader`.

        Raises:
            ConfigError: pyarrow is not installed, or the card selects lines.
            DataError: it is no Parquet file, is too large, or lacks a column.
        """
        try:
            from pyarrow import parquet
        except ImportError as error:
            raise ConfigError(
                "the reader 'parquet' needs pyarrow", fix="pip install 'elmobench[parquet]'"
            ) from error
        if text.lines is not None:
            raise ConfigError("'lines' selects lines of texts, not rows", where=text.name)
        with parsing(text.name, DataError, what="is no readable Parquet file"):
            file = parquet.ParquetFile(io.BytesIO(text.data))
            size = sum(
                file.metadata.row_group(i).total_byte_size
                for i in range(file.metadata.num_row_groups)
            )
            known = set(file.schema_arrow.names)
        if size > MAX_BYTES:
            raise DataError(
                f"holds {size:,} bytes, at most {MAX_BYTES:,} are read",
                where=text.name,
                fix="divide it into several files",
            )
        columns = [
            column
            for name in options.fields.values()
            if (column := name if name in known else name.split(".")[0]) in known
        ]
        with parsing(text.name, DataError, what="is no readable Parquet file"):
            batches = file.iter_batches(batch_size=_ROWS, columns=list(dict.fromkeys(columns)))
        number = 0
        while True:
            with parsing(text.name, DataError, what="is a damaged Parquet file"):
                batch = next(batches, None)
                rows = [] if batch is None else batch.to_pylist()
            if batch is None:
                return
            for row in rows:
                number += 1
                yield number, f"{text.name}, row {number}", row


READER = ParquetReader()
