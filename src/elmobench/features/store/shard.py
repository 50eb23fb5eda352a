"""One immutable file of stored features: safetensors, written once, read by memory map."""

from __future__ import annotations

import errno
import hashlib
import math
import mmap
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from elmobench.core.errors import StoreError
from elmobench.core.files import atomic_path
from elmobench.core.parsing import check_is_file, parsing
from elmobench.features.store.blocks import BlockCheck, IntArray, checked_blocks
from elmobench.features.store.damage import DamagedStoreError
from elmobench.features.store.header import (
    CHANGED,
    FORMAT,
    LENGTH_BYTES,
    MAX_HEADER_BYTES,
    REBUILD,
    Header,
    ShardArray,
    is_as_written,
    make_header,
    parse_header,
    raw_bytes,
    storage_order,
)

SUFFIX = ".safetensors"
META = "meta.json"
LOCKS = "locks"

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class MappedArray:
    """One array of a shard, mapped into memory; only the pages that are used are read.

    Args:
        path: of the shard.
        name: of the array.
        values: the array.
        offset: of the array in the file.
        file: the map, and the size of its file when the header was read; None if the array is
            empty and nothing is mapped.
        check: checks its blocks; None in shards of format 1, which have no checksums of blocks.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        values: NDArray[Any],
        offset: int,
        file: tuple[mmap.mmap, int] | None = None,
        check: BlockCheck | None = None,
    ) -> None:
        self._values = values
        self._path = path
        self._name = name
        self._offset = offset
        self._file = file
        self._check = check

    @property
    def values(self) -> NDArray[Any]:
        """The array. A user checks the rows that it reads, before it uses them.

        A user asks for it again before each use, and does not keep it: the system ends a process
        that reads a mapped file beyond its end. A file that is cut during a use is not noticed.

        Raises:
            StoreError: if the file was cut since its header was read.
        """
        if self._file is not None:
            file, expected = self._file
            if (size := file.size()) != expected:
                raise DamagedStoreError(
                    f"is damaged: its size changed from {expected} to {size} bytes while in use",
                    where=str(self._path),
                    fix=REBUILD,
                )
        return self._values

    def check_rows(self, start: IntArray, length: IntArray) -> None:
        """Check runs of rows that this process has not checked yet.

        Args:
            start: (n,) first row of each run.
            length: (n,) number of rows of each run.

        Raises:
            StoreError: if they have changed since they were written.
        """
        values = self.values
        if self._check is not None and values.size:
            row_bytes = values.nbytes // len(values)
            self._report(self._check.rows(start, length, row_bytes))

    def checked(self) -> NDArray[Any]:
        """Check all blocks and return the array. Raises StoreError as :meth:`check_rows` does."""
        values = self.values
        if self._check is not None:
            self._report(self._check.all())
        return values

    def _report(self, place: int | None) -> None:
        if place is not None:
            raise DamagedStoreError(
                f"is damaged: array {self._name!r} has changed since it was written, near byte "
                f"{self._offset + place} of the file",
                where=str(self._path),
                fix=REBUILD,
            )


@dataclass(frozen=True)
class Shard:
    """A shard's header.

    Attributes:
        path: the file.
        header: its arrays by name, and the facts besides them.
        size: of the file, in bytes.
        state: identifies the file and its state when the header was read.
    """

    path: Path
    header: Header
    size: int
    state: tuple[int, ...]

    @property
    def arrays(self) -> Mapping[str, ShardArray]:
        """Its arrays by name."""
        return self.header.arrays

    @property
    def checksum(self) -> str:
        """Of the arrays at the time of writing, see :func:`content_checksum`."""
        return str(self.header.facts["checksum"])

    @property
    def versions(self) -> Mapping[str, str] | None:
        """Versions of the libraries that encoded it; None if its writer did not write them."""
        return self.header.facts.get("versions")

    def map(self, name: str) -> MappedArray:
        """Map the array ``name``.

        Raises:
            StoreError: if there is no such array, or if the file was deleted, truncated or
                replaced after its header was read.
        """
        array = self.arrays.get(name)
        if array is None:
            raise self.damaged(f"it has no array {name!r}")
        if 0 in array.shape:
            empty = np.zeros(array.shape, dtype=array.dtype)
            return MappedArray(self.path, name, empty, array.offset)
        try:
            with self.path.open("rb") as stream:
                if _state(stream.fileno()) != self.state:
                    raise StoreError(
                        "was replaced while in use", where=str(self.path), fix="run it again"
                    )
                skipped = array.offset % mmap.ALLOCATIONGRANULARITY
                file = mmap.mmap(
                    stream.fileno(),
                    skipped + array.nbytes,
                    access=mmap.ACCESS_READ,
                    offset=array.offset - skipped,
                )
        except (OSError, ValueError) as error:
            deleted = isinstance(error, FileNotFoundError)
            raise StoreError(
                "was deleted while in use" if deleted else f"cannot be read ({error})",
                where=str(self.path),
                fix="build the features again",
            ) from error
        # The array keeps the map alive. np.memmap has no way to ask for the file's size later.
        flat = np.frombuffer(file, array.dtype, math.prod(array.shape), skipped)
        values = flat.reshape(array.shape)
        check = None
        if array.blocks is not None:
            data = flat.view(np.uint8)
            done = checked_blocks((str(self.path), *self.state, name), len(array.blocks))
            check = BlockCheck(data, array.blocks, self.header.facts["block_bytes"], done)
        return MappedArray(self.path, name, values, array.offset, (file, self.size), check)

    def checked(self, name: str) -> NDArray[Any]:
        """Map the array ``name`` and check all of it. Raises StoreError if it is damaged."""
        return self.map(name).checked()

    def damaged(self, what: str) -> DamagedStoreError:
        """Return the error for damage that is described by ``what``."""
        return DamagedStoreError(f"is damaged: {what}", where=str(self.path), fix=REBUILD)


def write_shard(
    path: Path,
    arrays: Mapping[str, NDArray[Any]],
    checksum: str,
    versions: Mapping[str, str],
) -> int:
    """Write a shard atomically, without copying its arrays.

    The bytes equal those of ``safetensors.numpy.save``, which makes two copies.

    Args:
        path: of the shard, in the folder of its provider; the header states both names.
        arrays: C-contiguous, little-endian.
        checksum: of the arrays, see :func:`content_checksum`.
        versions: of the libraries that computed them.

    Returns:
        Size of the file in bytes.

    Raises:
        StoreError: if it could not be written; the message names the folder and the space needed.
    """
    name = path.name.removesuffix(SUFFIX)
    header = make_header(arrays, checksum, versions, path.parent.name, name)
    size = len(header) + sum(array.nbytes for array in arrays.values())
    try:
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            stream.write(header)
            for key in storage_order(arrays):
                stream.write(raw_bytes(arrays[key]))
    except OSError as error:
        raise write_error(error, path.parent, size) from error
    return size


def folder_lock(folder: Path, timeout: float = -1) -> FileLock:
    """Return the lock that is held while a shard is moved into ``folder`` or the folder is deleted.

    The lock file is next to the folder: inside, it would be deleted with the folder. Locks are the
    operating system's: they end with their process, however it ends, so that a lock file that is
    left behind blocks nothing.
    """
    return FileLock(folder.with_name(f"{folder.name}.lock"), timeout=timeout)


def write_error(error: OSError, folder: Path, needed: int = 0) -> StoreError:
    """Return the error for a failed write into ``folder``, of ``needed`` bytes if that is known."""
    what = f"a shard of {needed / 1e6:.1f} MB" if needed else "files of the feature store"
    if error.errno in _NO_SPACE:
        free = _free_bytes(folder)
        # A disk without room for further files may have free bytes, which would mislead.
        short = free if free is not None and free < max(needed, 1 << 20) else None
        room = "" if short is None else f" ({short / 1e6:.1f} MB free)"
        return StoreError(
            f"no space for {what}{room}: {error.strerror}. Finished shards are kept",
            where=str(folder),
            fix="free some space (`elmobench features prune`) or set ELMOBENCH_STORE to another "
            "disk, and run again to continue",
        )
    return StoreError(
        f"cannot write {what}: {error.strerror or error}",
        where=str(folder),
        fix="set ELMOBENCH_STORE to a folder that you may write to",
    )


def _free_bytes(folder: Path) -> int | None:
    """Free bytes of the disk of ``folder``, which need not exist; None if that is unknown."""
    for place in (folder, *folder.parents):
        try:
            return shutil.disk_usage(place).free
        except OSError:
            continue
    return None


def read_shard(path: Path) -> Shard:
    """Read and check the header of a shard. Raises DamagedStoreError if it is damaged."""
    return _read_shard(path)[0]


def _read_shard(path: Path) -> tuple[Shard, bytes]:
    """The shard, and the bytes of its header with its length in front."""
    with parsing(path, DamagedStoreError, what="is not a readable shard", fix=REBUILD):
        check_is_file(path)
        with path.open("rb") as stream:
            state = _state(stream.fileno())
            size = os.fstat(stream.fileno()).st_size
            raw = stream.read(LENGTH_BYTES)
            length = int.from_bytes(raw, "little")
            if len(raw) < LENGTH_BYTES or length > min(size - LENGTH_BYTES, MAX_HEADER_BYTES):
                raise ValueError("its header is longer than the file, or than a header may be")
            raw += stream.read(length)
        header = parse_header(raw, size, str(path))
        if header.format == FORMAT:
            stated = (header.facts["folder"], f"{header.facts['name']}{SUFFIX}")
            if stated != (path.parent.name, path.name):
                raise ValueError(f"it was written as {'/'.join(stated)}")
        return Shard(path, header, size, state), raw


def check_shard(path: Path) -> Shard:
    """Read a whole shard and check every byte of it.

    Raises:
        StoreError: if anything differs from what was written.
    """
    shard, raw = _read_shard(path)
    arrays = {name: shard.checked(name) for name in shard.arrays}
    if content_checksum(arrays) != shard.checksum:
        raise shard.damaged("its content has changed since it was written")
    if shard.header.format < FORMAT and not is_as_written(raw, shard.header):
        raise shard.damaged(CHANGED)
    return shard


def content_checksum(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return the BLAKE2b (hex) of names, types, shapes and bytes of C-contiguous arrays."""
    state = hashlib.blake2b(digest_size=32)
    for name in sorted(arrays):
        array = arrays[name]
        state.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        state.update(raw_bytes(array))
    return state.hexdigest()


def _state(descriptor: int) -> tuple[int, ...]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
