"""Memory of this process and of this machine.

A process's *own memory* is what it has written: heap, stacks and shared memory. Pages of mapped
files (libraries, shards of the feature store) are not part of it: the system drops them when it
needs room.
"""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import psutil

_STATUS = Path("/proc/self/status")
_CGROUP = Path("/sys/fs/cgroup")
# Of a process's control group: the limit, the usage, the counters, and the name in those of what is
# a cache of files. Version 2 first; then version 1.
_CGROUP_FILES = (
    ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    (
        "memory/memory.limit_in_bytes",
        "memory/memory.usage_in_bytes",
        "memory/memory.stat",
        "total_inactive_file",
    ),
)


def own_memory_bytes() -> int:
    """Return the memory that this process has written; 0 where the system does not tell it."""
    return _resident("RssAnon", "RssShmem")


def mapped_memory_bytes() -> int:
    """Return the pages of files that this process has mapped and read; 0 where it is unknown."""
    return _resident("RssFile")


def _resident(*names: str) -> int:
    """The sum of these fields of the process's status, in bytes."""
    if not _STATUS.exists():
        return 0
    fields = dict(
        line.split(":", 1) for line in _STATUS.read_text("utf-8", "replace").splitlines() if line
    )
    return 1024 * sum(int(fields.get(name, "0 kB").split()[0]) for name in names)


def available_memory_bytes() -> int:
    """Return how much memory processes can take now without swapping.

    It is the smaller of what the machine has and what the limit of the control group leaves, for
    instance of a container or of a batch system.
    """
    machine = int(psutil.virtual_memory().available)
    group = _cgroup_room(_CGROUP)
    return machine if group is None else min(machine, group)


def _cgroup_room(root: Path) -> int | None:
    """What the limit of the control group at ``root`` leaves; None without a limit."""
    for limit_file, usage_file, counters_file, cached in _CGROUP_FILES:
        try:
            limit = (root / limit_file).read_text("ascii").strip()
            if limit == "max":
                return None
            used = int((root / usage_file).read_text("ascii"))
            counters = (root / counters_file).read_text("ascii").split("\n")
            # The usage includes files that can be dropped.
            dropped = [line.split()[1] for line in counters if line.split()[:1] == [cached]]
            return max(0, int(limit) - used + sum(map(int, dropped)))
        except (OSError, ValueError, IndexError):
            continue
    return None


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
