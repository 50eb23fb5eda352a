"""Checksums of the blocks of an array: only what is read is checked, and only once per process.

Each block of :data:`BLOCK_BYTES` bytes has a 64-bit XXH3 (https://xxhash.com), by the xxhash
library. It misses damage with a probability of 2^-64 and runs as fast as memory is read. CRC-32 and
BLAKE2b, which the standard library has, take 4 and 18 times as long, which is much of the time of
reading a batch. XXH3 is no protection against changes on purpose, and need not be. The BLAKE2b of
all arrays is checked by ``elmobench features verify``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
import xxhash
from numpy.typing import NDArray

BLOCK_BYTES: Final = 1 << 16
"""Two sentences of an ELMo in half precision. Smaller blocks would read less that is not used, but
cost more calls and larger headers."""

IntArray = NDArray[np.int64]
_HEX_DIGITS: Final = 16


def block_checksums(data: memoryview, block_bytes: int = BLOCK_BYTES) -> str:
    """Return the XXH3 of each block, as 16 hexadecimal digits each; the last block may be short."""
    starts = range(0, len(data), block_bytes)
    return "".join(xxhash.xxh3_64_hexdigest(data[i : i + block_bytes]) for i in starts)


def parse_checksums(text: str, size: int, block_bytes: int) -> NDArray[np.uint64]:
    """Parse what :func:`block_checksums` wrote for ``size`` bytes.

    Raises:
        ValueError: if it is not of that size.
    """
    if block_bytes < 1 or len(text) != _HEX_DIGITS * -(-size // block_bytes):
        raise ValueError("the number of block checksums does not match the size of an array")
    return np.frombuffer(bytes.fromhex(text), dtype=">u8").astype(np.uint64)


@lru_cache(maxsize=1 << 14)
def checked_blocks(key: tuple[Any, ...], blocks: int) -> NDArray[np.bool_]:
    """Return which blocks this process has checked: one array per ``key``, changed in place.

    Args:
        key: identifies the array and the state of its file.
        blocks: number of blocks.
    """
    return np.zeros(blocks, dtype=np.bool_)


class BlockCheck:
    """Checks the blocks of one mapped array when they are first used.

    Args:
        data: (n,) bytes of the array.
        expected: XXH3 of each block.
        block_bytes: size of a block.
        checked: which blocks need not be checked any more; changed in place.
    """

    def __init__(
        self,
        data: NDArray[np.uint8],
        expected: NDArray[np.uint64],
        block_bytes: int,
        checked: NDArray[np.bool_],
    ) -> None:
        self._data = data
        self._expected = expected
        self._block_bytes = block_bytes
        self._checked = checked

    def all(self) -> int | None:
        """Check every block; see :meth:`rows`."""
        return self._check(np.flatnonzero(~self._checked))

    def rows(self, start: IntArray, length: IntArray, row_bytes: int) -> int | None:
        """Check the blocks that contain some rows, unless this process has checked them.

        Args:
            start: (n,) first row of each run of rows.
            length: (n,) number of rows of each run; 0 is allowed.
            row_bytes: size of a row.

        Returns:
            The position in the array of the first damaged block, in bytes; None if all are as
            they were written.
        """
        if self._checked.all():
            return None
        used = length > 0
        first = start[used] * row_bytes // self._block_bytes
        end = ((start + length)[used] * row_bytes - 1) // self._block_bytes + 1
        blocks = len(self._expected)
        # +1 where a run begins and -1 after its end: the running sum counts the runs of a block.
        edges = np.bincount(first, minlength=blocks + 1) - np.bincount(end, minlength=blocks + 1)
        return self._check(np.flatnonzero((np.cumsum(edges[:blocks]) > 0) & ~self._checked))

    def _check(self, blocks: IntArray) -> int | None:
        data, size = self._data.data, self._block_bytes
        expected = self._expected[blocks].tolist()
        for block, checksum in zip(blocks.tolist(), expected, strict=True):
            if xxhash.xxh3_64_intdigest(data[block * size : (block + 1) * size]) != checksum:
                return int(block * size)
        self._checked[blocks] = True
        return None
