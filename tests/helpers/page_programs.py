"""Run Python code as a program of its own, without importing the large libraries each time.

The programs are forked from a process that has imported them and computed nothing.
"""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

LIBRARIES = ["torch", "sklearn", "elmobench.api.run", "elmobench.bench.run_cell"]


def run_program(code: str, folder: Path) -> tuple[int, str, str]:
    """Exit status, output and errors of ``code`` in ``folder``, with this process's variables."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LIBRARIES)
    streams = [folder.parent / f"{folder.name}.{name}" for name in ("out", "err")]
    process = context.Process(target=_run, args=(code, folder, dict(os.environ), *streams))
    process.start()
    process.join()
    out, err = (stream.read_text("utf-8") for stream in streams)
    assert process.exitcode is not None
    return process.exitcode, out, err


def _run(code: str, folder: Path, environment: dict[str, str], out: Path, err: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    # Of an error the traceback follows, and the exit status is 1.
    for number, path in ((1, out), (2, err)):
        with path.open("wb") as stream:
            os.dup2(stream.fileno(), number)
    exec(compile(code, "<page>", "exec"), {"__name__": "__main__"})
