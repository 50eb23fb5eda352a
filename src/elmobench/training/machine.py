"""How torch computes on this machine: threads, repeatable sums, memory that is kept."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Inside the block torch uses ``count`` threads; the setting before is restored.

    Sums depend on it, so it belongs to a cell's identity. Two busy processes with several threads
    each slow one another down many times over, so the number is always set, and is 1 unless an
    experiment says otherwise.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def repeatable() -> Iterator[None]:
    """Inside the block the same computation gives the same bits, with several threads too.

    Some gradients on the CPU (of indexing, for one) are summed by all threads at once, in any
    order, unless torch is told not to.
    """
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    # Filling fresh memory would only help code that reads what it never wrote.
    settings: Any = torch.utils.deterministic
    fill = settings.fill_uninitialized_memory
    settings.fill_uninitialized_memory = False
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        settings.fill_uninitialized_memory = fill


# Of glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3


@cache
def keep_memory() -> bool:
    """Let this process keep memory that it frees, up to 1 GiB, for the next batch.

    By default glibc gives large blocks back at once, and the system hands them out again page by
    page, zeroed: a fifth of the time of a head with large activations.

    Returns:
        Whether the C library took the advice; others than glibc are left alone.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_TRIM_THRESHOLD, 1 << 30)) and bool(mallopt(_MMAP_THRESHOLD, 256 << 20))
