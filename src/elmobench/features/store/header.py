"""The header of a shard: safetensors' own, with facts about the shard and a digest of itself.

Format 2 states the folder and the name of the shard, the XXH3 of each block of its arrays, and
the digest of the header's bytes. Headers of format 1 have none of these and no ``format``; they
are still read, and never rewritten.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from elmobench.core.digests import canonical_json, digest_of
from elmobench.core.parsing import parse_json_object
from elmobench.features.store.blocks import BLOCK_BYTES, block_checksums, parse_checksums
from elmobench.features.store.damage import DamagedStoreError

FORMAT: Final = 2
MAX_HEADER_BYTES: Final = 1 << 24
LENGTH_BYTES: Final = 8
CHANGED: Final = "its header has changed since it was written"
REBUILD: Final = (
    "delete this file, or let `elmobench features verify --delete` delete every damaged one, and "
    "run the command again: what it contained is encoded again"
)
"""What to do about a damaged shard."""

# One key only: safetensors writes several in no fixed order, and shards are reproducible.
_META_KEY: Final = "elmobench"
_DTYPES: Final = {"I64": "<i8", "F32": "<f4", "F16": "<f2", "I8": "|i1", "U8": "|u1"}
_CODES: Final = {dtype: code for code, dtype in _DTYPES.items()}
_ORDER: Final = list(_DTYPES)
"""Element types in the order in which safetensors stores arrays, which keeps them aligned."""
_FACTS: Final = {
    1: ({"checksum"}, {"checksum", "versions", "versions_digest"}),
    FORMAT: (
        {"block_bytes", "checksum", "xxh3", "digest", "folder", "format", "name", "versions"},
    ),
}
"""The keys of the facts, by format; the first shards were written without versions."""
_NO_DIGEST: Final = "0" * 64
"""Stands in the place of the header's digest while that is computed."""


@dataclass(frozen=True)
class ShardArray:
    """Type, shape and byte offset of one array in its file.

    Attributes:
        blocks: XXH3 of each of its blocks; None in shards of format 1.
    """

    dtype: str
    shape: tuple[int, ...]
    offset: int
    blocks: NDArray[np.uint64] | None = None

    @property
    def nbytes(self) -> int:
        """Its size in bytes."""
        return np.dtype(self.dtype).itemsize * math.prod(self.shape)


@dataclass(frozen=True)
class Header:
    """A parsed header: the arrays by name, and the facts besides them."""

    arrays: Mapping[str, ShardArray]
    facts: Mapping[str, Any]

    @property
    def format(self) -> int:
        """Version of the format: 1 or 2."""
        return int(self.facts.get("format", 1))


def raw_bytes(array: NDArray[Any]) -> memoryview:
    """The bytes of a C-contiguous array, without a copy."""
    return array.reshape(-1).view(np.uint8).data


def storage_order(arrays: Mapping[str, NDArray[Any]]) -> list[str]:
    """Names of arrays in the order of the safetensors library: by element type, then by name."""
    return sorted(arrays, key=lambda name: (_ORDER.index(_CODES[arrays[name].dtype.str]), name))


def make_header(
    arrays: Mapping[str, NDArray[Any]],
    checksum: str,
    versions: Mapping[str, str],
    folder: str,
    name: str,
) -> bytes:
    """Make the bytes of a header, with its length in front.

    Args:
        arrays: C-contiguous, little-endian.
        checksum: of the arrays, see :func:`~elmobench.features.store.shard.content_checksum`.
        versions: of the libraries that computed them.
        folder, name: of the shard, without its suffix.
    """
    facts = {
        "format": FORMAT,
        "folder": folder,
        "name": name,
        # Of the arrays alone: equal vectors have equal checksums whichever versions computed them.
        "checksum": checksum,
        "versions": dict(versions),
        "block_bytes": BLOCK_BYTES,
        "xxh3": {key: block_checksums(raw_bytes(array)) for key, array in arrays.items()},
        "digest": _NO_DIGEST,
    }
    entries: dict[str, Any] = {}
    end = 0
    for key in storage_order(arrays):
        array = arrays[key]
        begin, end = end, end + array.nbytes
        entries[key] = {
            "dtype": _CODES[array.dtype.str],
            "shape": list(array.shape),
            "data_offsets": [begin, end],
        }
    blank = _packed(facts, entries)
    return blank.replace(_NO_DIGEST.encode(), hashlib.sha256(blank).hexdigest().encode(), 1)


def _packed(facts: Mapping[str, Any], entries: Mapping[str, Any]) -> bytes:
    header = {"__metadata__": {_META_KEY: canonical_json(facts)}, **entries}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def parse_header(raw: bytes, size: int, where: str) -> Header:
    """Parse and check a header.

    Args:
        raw: its bytes, with its length in front.
        size: of the file.
        where: the file, for errors.

    Raises:
        DamagedStoreError: it is not JSON.
        ValueError, LookupError, TypeError, AttributeError: it is damaged in another way.
    """
    header = parse_json_object(raw[LENGTH_BYTES:], where, DamagedStoreError, fix=REBUILD)
    text = header.pop("__metadata__")[_META_KEY]
    facts = parse_json_object(text, where, DamagedStoreError, fix=REBUILD)
    version = facts.get("format", 1)
    if type(version) is not int or version not in _FACTS:
        raise ValueError(f"it has the unknown format {version!r}")
    if set(facts) not in _FACTS[version]:
        raise ValueError(CHANGED)
    if version == FORMAT:
        _check_digest(raw, facts["digest"])
    elif "versions" in facts and facts["versions_digest"] != digest_of(facts["versions"]):
        raise ValueError(CHANGED)
    if not isinstance(facts["checksum"], str):
        raise TypeError("its checksum is not a text")
    arrays = {name: _array(name, entry, len(raw), facts) for name, entry in header.items()}
    end = max((array.offset + array.nbytes for array in arrays.values()), default=len(raw))
    if end > size:
        raise ValueError(f"it has {size} bytes, but its last array ends beyond the file, at {end}")
    if end < size:
        raise ValueError(f"{size - end} bytes follow its last array")
    return Header(arrays, facts)


def is_as_written(raw: bytes, header: Header) -> bool:
    """Whether a header of format 1, which has no digest, has the bytes that its writer makes.

    Content that says the same in other bytes, such as a space more or another order, is found so.
    """
    start = len(raw)
    arrays = sorted(
        header.arrays.items(), key=lambda item: (_ORDER.index(_CODES[item[1].dtype]), item[0])
    )
    entries = {
        name: {
            "dtype": _CODES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [array.offset - start, array.offset - start + array.nbytes],
        }
        for name, array in arrays
    }
    return raw == _packed(header.facts, entries)


def _check_digest(raw: bytes, digest: Any) -> None:
    """Raise ValueError unless ``digest`` is that of the header with zeros in its place."""
    if not isinstance(digest, str) or raw.count(digest.encode("utf-8", "replace")) != 1:
        raise ValueError(CHANGED)
    blank = raw.replace(digest.encode(), _NO_DIGEST.encode())
    if hashlib.sha256(blank).hexdigest() != digest:
        raise ValueError(CHANGED)


def _array(name: str, entry: Mapping[str, Any], start: int, facts: Mapping[str, Any]) -> ShardArray:
    begin, end = entry["data_offsets"]
    dtype, shape = _DTYPES[entry["dtype"]], tuple(entry["shape"])
    if not all(type(number) is int and number >= 0 for number in (begin, end, *shape)):
        raise ValueError(f"array {name!r} has a size or position that is not a number")
    array = ShardArray(dtype, shape, start + begin)
    if end - begin != array.nbytes:
        raise ValueError(f"array {name!r} has a size that does not match its shape")
    if "xxh3" not in facts:
        return array
    blocks = parse_checksums(facts["xxh3"][name], array.nbytes, facts["block_bytes"])
    return replace(array, blocks=blocks)
