"""Memory of this process.

A process's *own memory* is what it has written: heap, stacks and shared memory. Pages of mapped
files (libraries, shards of the feature store) are not part of it: the system drops them when it
needs room.
"""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

_STATUS = Path("/proc/self/status")


def own_memory_bytes() -> int:
    """Return the memory that this process has written; 0 where the system does not tell it."""
    if not _STATUS.exists():
        return 0
    fields = dict(
        line.split(":", 1) for line in _STATUS.read_text("utf-8", "replace").splitlines() if line
    )
    sizes = [fields.get(name, "0 kB").split()[0] for name in ("RssAnon", "RssShmem")]
    return 1024 * sum(map(int, sizes))


@cache
def _malloc_trim() -> Any:
    """The function of the C library; None where it has none (only glibc does)."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None


def return_freed_memory() -> bool:
    """Give memory that was freed back to the system, where the C library can.

    glibc keeps what is freed below other blocks, and up to 1 GiB above them after
    :func:`~elmobench.training.machine.keep_memory`.

    Returns:
        Whether anything was given back.
    """
    trim = _malloc_trim()
    return trim is not None and bool(trim(0))
