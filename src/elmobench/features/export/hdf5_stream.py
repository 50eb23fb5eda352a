"""A file that HDF5 can write to until the disk is full."""

from __future__ import annotations

import os
from pathlib import Path


class Hdf5Stream:
    """A new file that remembers the first failed write, for `h5py.File(stream, "w")`.

    When a write fails, the HDF5 library can neither go on nor close its file: it prints tracebacks
    while its objects are collected. Therefore every write seems to succeed; whoever writes
    calls :meth:`check` after each dataset, and before the file is used.

    Args:
        path: of the file; an existing one is replaced.

    Raises:
        OSError: if it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        # Without a buffer: its delayed writes would fail while HDF5 reads or moves.
        self._stream = path.open("w+b", buffering=0)
        self._error: OSError | None = None

    def check(self) -> None:
        """Raise the OSError of the first write that failed, if one did."""
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Close the file; the HDF5 file must be closed before. Raises OSError if a write failed."""
        try:
            self._stream.close()
        except OSError as error:
            self._error = self._error or error
        self.check()

    def write(self, data: memoryview) -> int:
        """Write ``data``, unless a write has failed before."""
        rest = memoryview(data)
        while self._error is None and len(rest):
            try:
                rest = rest[self._stream.write(rest) :]  # a nearly full disk takes a part
            except OSError as error:
                self._error = error
        return len(data)

    def truncate(self, size: int | None = None) -> None:
        """Change the size of the file, unless a write has failed before."""
        if self._error is None:
            try:
                self._stream.truncate(size)
            except OSError as error:
                self._error = error

    def flush(self) -> None:
        """Do nothing: there is no buffer."""

    def read(self, size: int = -1) -> bytes:
        """Read bytes; HDF5 reads what it has written."""
        return self._stream.read(size)

    def readinto(self, buffer: memoryview) -> int:
        """Read bytes into ``buffer``."""
        return self._stream.readinto(buffer)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to another position."""
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """The position in the file."""
        return self._stream.tell()
