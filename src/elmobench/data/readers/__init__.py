"""Readers, which turn the bytes of a data set into examples."""

from elmobench.data.readers.base import (
    READERS,
    Reader,
    ReaderOptions,
    ReadResult,
    SourceText,
    read_bytes,
)

__all__ = ["READERS", "ReadResult", "Reader", "ReaderOptions", "SourceText", "read_bytes"]
