"""How the threads of OpenMP wait, which torch computes with."""

from __future__ import annotations

import os

_VARIABLE = "OMP_WAIT_POLICY"


def let_waiting_threads_sleep() -> None:
    """Set ``OMP_WAIT_POLICY=passive``, for this process and those that it starts.

    Call it before torch is imported: the library reads the variable once, when it is loaded.
    Without it a thread that waits for the others keeps its core busy. That gains nothing on an idle
    machine. Beside other work, the threads it waits for lose the core to it, and a run becomes many
    times slower (``python -m benchmarks threads``). Results do not change. A value that the
    user has set stays. See OpenMP 5.0, section 6.7.

    Example:
        >>> let_waiting_threads_sleep()
        >>> import os
        >>> os.environ["OMP_WAIT_POLICY"]
        'passive'
    """
    os.environ.setdefault(_VARIABLE, "passive")
