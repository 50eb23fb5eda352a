"""How long the threads of OpenMP, which torch computes with, keep a core busy while they wait."""

from __future__ import annotations

import os

_SPINS = "1000"


def let_waiting_threads_sleep() -> None:
    """Set ``GOMP_SPINCOUNT``, for this process and those that it starts.

    Call it before torch is imported: GNU's library, which torch uses on Linux, reads the variable
    once, when it is loaded. It is the number of times that a waiting thread looks whether it may go
    on, before it sleeps. The library's own number keeps a core busy for milliseconds. That gains
    nothing on an idle machine; beside other work, the threads that are waited for lose the core,
    and a run becomes many times slower (``python -m benchmarks threads``). Results do not change.
    What the user has set stays, also ``OMP_WAIT_POLICY``. See the manual of GNU libgomp, section
    "Environment Variables".

    Example:
        >>> let_waiting_threads_sleep()
        >>> import os
        >>> {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}.isdisjoint(os.environ)
        False
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)
