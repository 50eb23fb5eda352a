"""Run a command with one thread and low priority, and take its clocks."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from elmobench.core.errors import ElmobenchError

THREADS = 1
NICE = 10
_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_LAST_LINES = 15


@dataclass(frozen=True)
class Clocks:
    """Seconds of a command from its start to its end: wall, and processor (user and system)."""

    wall: float
    cpu: float


def run_timed(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> Clocks:
    """Run ``command`` with :data:`THREADS` thread, and wait for it.

    Args:
        command: program and arguments.
        log: gets what it prints.
        environment: its environment variables; the numbers of threads are added.

    Raises:
        ElmobenchError: if it fails; has the last lines that it printed.
    """
    variables = {**environment, **dict.fromkeys(_VARIABLES, str(THREADS))}
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        began = time.perf_counter()
        process = os.posix_spawn(
            command[0],
            list(command),
            variables,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, out.fileno(), 1),
                (os.POSIX_SPAWN_DUP2, out.fileno(), 2),
            ],
        )
        try:
            os.setpriority(os.PRIO_PROCESS, process, NICE)
            _, status, usage = os.wait4(process, 0)
        except BaseException:
            os.kill(process, 9)
            os.waitpid(process, 0)
            raise
        wall = time.perf_counter() - began
    if status:
        lines = log.read_text("utf-8", "replace").splitlines()[-_LAST_LINES:]
        raise ElmobenchError(
            f"exit status {os.waitstatus_to_exitcode(status)}:\n    " + "\n    ".join(lines),
            where=" ".join(command[:4]),
            fix=f"the complete output is in {log}",
        )
    return Clocks(wall, usage.ru_utime + usage.ru_stime)
