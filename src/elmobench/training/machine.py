"""Settings of torch and of this process: threads, deterministic sums, kept memory."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch use ``count`` threads inside the block; afterwards the old setting is restored.

    The order of sums depends on it, so it is part of a cell's identity. Two busy processes with
    several threads each slow each other down many times over, so the number is always set, and is
    1 unless an experiment sets another.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def repeatable() -> Iterator[None]:
    """Make computations inside the block deterministic to the bit, also with several threads.

    Without it some gradients on the CPU (of indexing, for instance) are summed by all threads at
    once, in any order.
    """
    before, compiler = torch.get_deterministic_debug_mode(), os.environ.get(_COMPILER_VARIABLE)
    # Filling new memory would only help code that reads memory before it writes it.
    settings: Any = torch.utils.deterministic
    fill = settings.fill_uninitialized_memory
    settings.fill_uninitialized_memory = False
    os.environ[_COMPILER_VARIABLE] = "1"
    _set_deterministic(_ERROR)
    try:
        yield
    finally:
        if compiler is None:
            del os.environ[_COMPILER_VARIABLE]
        else:
            os.environ[_COMPILER_VARIABLE] = compiler
        _set_deterministic(before)
        settings.fill_uninitialized_memory = fill


# Values of torch.get_deterministic_debug_mode.
_WARN, _ERROR = 1, 2

# Torch's compiler reads it when it is imported, which a head of a plug-in may do.
_COMPILER_VARIABLE = "TORCHINDUCTOR_DETERMINISTIC"


def _set_deterministic(mode: int) -> None:
    """Set torch's mode, and that of its compiler where that is in use.

    ``torch.use_deterministic_algorithms`` sets both, and imports the compiler if need be, which
    takes longer than to train a small head.
    """
    if "torch._inductor.config" in sys.modules:
        torch.use_deterministic_algorithms(mode != 0, warn_only=mode == _WARN)
    else:
        torch.set_deterministic_debug_mode(mode)


# From malloc.h of glibc.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3


@cache
def keep_memory() -> bool:
    """Let this process keep up to 1 GiB of freed memory for the next batch.

    By default glibc returns large blocks to the system at once, which then hands them out again
    page by page, zeroed. For a head with large activations that is a fifth of the time.

    Returns:
        Whether the C library accepted the setting; only glibc has it.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_TRIM_THRESHOLD, 1 << 30)) and bool(mallopt(_MMAP_THRESHOLD, 256 << 20))
