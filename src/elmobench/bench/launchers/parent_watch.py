"""Let a worker process end at once when the process that started it is gone.

Imports only the standard library: a process that is being started runs this first.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

_PR_SET_PDEATHSIG = 1  # of Linux' <sys/prctl.h>


class EndWithParent:
    """As an argument of a new process: calls :func:`end_with_parent` there when it is read.

    Arguments are read in their order, so that it works before those after it are read, which
    may import torch and load an experiment for seconds.

    >>> spawn = multiprocessing.get_context("spawn")
    >>> process = spawn.Process(target=call_after, args=(EndWithParent(), print, "hello"))
    """

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return end_with_parent, ()


def call_after(_: object, function: Callable[..., None], *args: Any) -> None:
    """Call ``function``; the first argument is an :class:`EndWithParent`."""
    function(*args)


def end_with_parent() -> None:
    """Let this process be killed when its parent ends, however that happens.

    Finished records are on disk, and files are written under other names first, so that nothing is
    lost. Locks are free at once. On Linux the kernel does it, also within a long computation;
    elsewhere a thread does.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # Also where the parent ended before that call.
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_wait_for, args=(parent,), name="parent watch", daemon=True).start()


def _wait_for(parent: Any) -> None:
    parent.join()
    os._exit(1)
