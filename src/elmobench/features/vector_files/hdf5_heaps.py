"""A stream of an HDF5 file that hides damaged heaps, in which the HDF5 library would hang.

Texts of variable length are in global heaps (HDF5's file format specification, section III.E). The
library reads a heap object by object, and goes on by the size that each states; for free space
of size zero it stays where it is for ever (HDFGroup/hdf5, issue 1707).
"""

from __future__ import annotations

import io
import struct

_SIGNATURE = b"GCOL"
_START = struct.Struct("<4sB3xQ")  # signature, version, size of the heap
_OBJECT = struct.Struct("<HH4xQ")  # index, references, size
_LARGEST = 1 << 28


class CheckedHeaps(io.FileIO):
    """A file for ``h5py.File(stream, "r")``, whose damaged heaps lose their signature.

    The library then says that the heap is damaged. Reading arrays so is slow; texts are few.
    """

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read bytes into ``buffer``; return their number, 0 at the end."""
        start = self.tell()
        count = super().readinto(buffer) or 0
        end = self.tell()
        data = bytes(buffer[:count])
        at = data.find(_SIGNATURE)
        while at >= 0:
            if self._is_endless(start + at):
                buffer[at : at + len(_SIGNATURE)] = bytes(len(_SIGNATURE))
            at = data.find(_SIGNATURE, at + 1)
        self.seek(end)
        return count

    def _is_endless(self, position: int) -> bool:
        """Whether the heap at ``position`` has free space of size zero."""
        self.seek(position)
        start = self.read(_START.size)
        if len(start) < _START.size:
            return False
        size = min(_START.unpack(start)[2], _LARGEST)
        heap = start + self.read(size - _START.size if size > _START.size else 0)
        at = _START.size
        while at + _OBJECT.size <= len(heap):
            index, _, length = _OBJECT.unpack_from(heap, at)
            if index == 0 and length == 0:
                return True
            # The size of free space counts this header; texts end at a multiple of eight bytes.
            at += length if index == 0 else _OBJECT.size + (length + 7) // 8 * 8
        return False
