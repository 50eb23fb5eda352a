"""One immutable file of stored features: safetensors, written once, read by memory map."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from elmobench.core.digests import canonical_json, digest_of
from elmobench.core.errors import StoreError
from elmobench.core.files import atomic_path

SUFFIX = ".safetensors"
META = "meta.json"
LOCKS = "locks"

# One key only: safetensors writes several in no fixed order, and shards are reproducible.
_META_KEY = "elmobench"
_DTYPES = {"I64": "<i8", "F32": "<f4", "F16": "<f2", "I8": "|i1", "U8": "|u1"}
_CODES = {dtype: code for code, dtype in _DTYPES.items()}
_ORDER = list(_DTYPES)
"""Element types in the order in which safetensors stores arrays, which keeps them aligned."""
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True)
class ShardArray:
    """Type, shape and byte offset of one array in its file."""

    dtype: str
    shape: tuple[int, ...]
    offset: int


@dataclass(frozen=True)
class Shard:
    """A shard's header.

    Attributes:
        path: the file.
        arrays: its arrays by name.
        checksum: of the content at the time of writing.
        size: of the file, in bytes.
        facts: what the header says besides its arrays.
    """

    path: Path
    arrays: Mapping[str, ShardArray]
    checksum: str
    size: int
    facts: Mapping[str, Any]

    @property
    def versions(self) -> Mapping[str, str] | None:
        """Versions of the libraries that encoded it; None if its writer did not write them."""
        return self.facts.get("versions")

    def map(self, name: str) -> NDArray[Any]:
        """Map the array ``name`` into memory; only the pages that are used are read.

        Raises:
            StoreError: if the file was deleted or truncated after its header was read.
        """
        array = self.arrays[name]
        if 0 in array.shape:
            return np.zeros(array.shape, dtype=array.dtype)
        try:
            mapped = np.memmap(
                self.path, dtype=array.dtype, mode="r", offset=array.offset, shape=array.shape
            )
        except (OSError, ValueError) as error:
            deleted = isinstance(error, FileNotFoundError)
            raise StoreError(
                "was deleted while in use" if deleted else f"cannot be read ({error})",
                where=str(self.path),
                fix="build the features again",
            ) from error
        # Slices of a plain array are cheaper than those of a memmap; the map stays alive.
        return mapped.view(np.ndarray)


def write_shard(
    path: Path,
    arrays: Mapping[str, NDArray[Any]],
    checksum: str,
    versions: Mapping[str, str],
) -> int:
    """Write a shard atomically, without copying its arrays.

    The bytes equal those of ``safetensors.numpy.save``, which makes two copies.

    Args:
        path: of the shard.
        arrays: C-contiguous, little-endian.
        checksum: of the arrays, see :func:`content_checksum`.
        versions: of the libraries that computed them.

    Returns:
        Size of the file in bytes.

    Raises:
        StoreError: if it could not be written; the message names the folder and the space needed.
    """
    # The order of the safetensors library: by element type, then by name.
    order = sorted(arrays, key=lambda name: (_ORDER.index(_code(arrays[name])), name))
    facts = _facts(checksum, versions)
    header: dict[str, Any] = {"__metadata__": {_META_KEY: canonical_json(facts)}}
    end = 0
    for name in order:
        begin, end = end, end + arrays[name].nbytes
        shape = list(arrays[name].shape)
        header[name] = {
            "dtype": _code(arrays[name]),
            "shape": shape,
            "data_offsets": [begin, end],
        }
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    size = 8 + len(text) + end
    try:
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            stream.write(struct.pack("<Q", len(text)) + text)
            for name in order:
                stream.write(_raw(arrays[name]))
    except OSError as error:
        raise write_error(error, path.parent, size) from error
    return size


def folder_lock(folder: Path) -> FileLock:
    """Return the lock that is held while a shard is moved into ``folder`` or the folder is deleted.

    The lock file is next to the folder: inside, it would be deleted with the folder.
    """
    return FileLock(folder.with_name(f"{folder.name}.lock"))


def write_error(error: OSError, folder: Path, needed: int) -> StoreError:
    """Return the error for a failed write of ``needed`` bytes into ``folder``."""
    if error.errno in _NO_SPACE:
        free = shutil.disk_usage(folder).free if folder.is_dir() else 0
        return StoreError(
            f"no space for a shard of {needed / 1e6:.1f} MB ({free / 1e6:.1f} MB free): "
            f"{error.strerror}. Finished shards are kept",
            where=str(folder),
            fix="free some space (`elmobench features prune`) or set ELMOBENCH_STORE to another "
            "disk, and run again to continue",
        )
    return StoreError(
        f"cannot write a shard of {needed / 1e6:.1f} MB: {error.strerror}",
        where=str(folder),
        fix="set ELMOBENCH_STORE to a folder that you may write to",
    )


def read_shard(path: Path) -> Shard:
    """Read the header of a shard. Raises StoreError if it is damaged."""
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > size - 8:
                raise ValueError("the header is longer than the file")
            header = json.loads(stream.read(length))
        start = 8 + length
        facts = json.loads(header.pop("__metadata__")[_META_KEY])
        arrays = {}
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            dtype, shape = _DTYPES[entry["dtype"]], tuple(map(int, entry["shape"]))
            if end - begin != np.dtype(dtype).itemsize * int(np.prod(shape, dtype=np.int64)):
                raise ValueError(f"array {name!r} has a size that does not match its shape")
            if begin < 0 or start + end > size:
                raise ValueError(f"array {name!r} ends beyond the file")
            arrays[name] = ShardArray(dtype, shape, start + begin)
        return Shard(path, arrays, str(facts["checksum"]), size, facts)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise StoreError(
            f"not a readable shard ({error})",
            where=str(path),
            fix="delete this file and build the features again",
        ) from error


def check_shard(shard: Shard) -> str | None:
    """Describe what is wrong with a shard's content; None if it is unchanged."""
    checksum = content_checksum({name: shard.map(name) for name in shard.arrays})
    if checksum != shard.checksum:
        return "its content has changed since it was written"
    # Shards of earlier versions of this program have a checksum only.
    if shard.facts not in ({"checksum": checksum}, _facts(checksum, shard.versions or {})):
        return "its header has changed since it was written"
    return None


def _facts(checksum: str, versions: Mapping[str, str]) -> dict[str, Any]:
    """What the header says besides the arrays.

    The checksum is of the arrays alone, so that equal vectors have equal checksums whichever
    versions computed them; the versions have a digest of their own.
    """
    own = dict(versions)
    return {"checksum": checksum, "versions": own, "versions_digest": digest_of(own)}


def content_checksum(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return the BLAKE2b (hex) of names, types, shapes and bytes of C-contiguous arrays."""
    state = hashlib.blake2b(digest_size=32)
    for name in sorted(arrays):
        array = arrays[name]
        state.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        state.update(_raw(array))
    return state.hexdigest()


def _raw(array: NDArray[Any]) -> memoryview:
    """The bytes of a C-contiguous array, without a copy."""
    return array.reshape(-1).view(np.uint8).data


def _code(array: NDArray[Any]) -> str:
    """The format's name of an array's element type."""
    return _CODES[array.dtype.str]
