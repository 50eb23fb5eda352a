"""The program that ends a local Ray cluster and deletes its files when the run is gone.

Ray's own processes notice late that the run was killed: agents after a minute, workers that are
just being started after half of one. This program is started next to the cluster, outlives the run,
and kills what still writes into the cluster's folder: all of Ray's processes have their logs there.

Imports only the standard library and runs as a script: ``python ray_guard.py FOLDER``, where
standard input is a pipe that the run holds open.
"""

from __future__ import annotations

import os
import shutil
import signal
import stat
import sys
import time
from pathlib import Path

OWNER = ".owner.lock"
"""End of the name of the file that the owner of a folder holds locked, next to the folder."""

_ATTEMPTS = 100
_PAUSE_SECONDS = 0.05


def main() -> None:
    """Wait until the run ends, by itself or killed; then clean up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.stdin.buffer.read()  # until the run closes its end of the pipe, or the system does
    folder = Path(sys.argv[1])
    clean_up(folder)
    folder.with_name(folder.name + OWNER).unlink(missing_ok=True)


def clean_up(folder: Path) -> None:
    """Kill the processes that write into ``folder``, and delete it."""
    for _ in range(_ATTEMPTS):  # a process may just be starting another one
        found = writers(folder)
        for process in found:
            try:
                os.kill(process, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        if not found:
            break
        time.sleep(_PAUSE_SECONDS)
    shutil.rmtree(folder, ignore_errors=True)


def writers(folder: Path) -> list[int]:
    """Processes with a file in ``folder`` open for writing; none on systems without /proc.

    Without this process and its parent: the run itself, which Ray lets write its log.
    """
    return [
        int(entry.name)
        for entry in Path("/proc").glob("[0-9]*")
        if int(entry.name) not in (os.getpid(), os.getppid())
        and _writes(entry, f"{folder}{os.sep}")
    ]


def _writes(process: Path, prefix: str) -> bool:
    try:
        descriptors = list((process / "fd").iterdir())
    except OSError:
        return False  # it has ended, or belongs to another user
    for descriptor in descriptors:
        try:
            # The permissions of these links are how the file was opened.
            is_writing = descriptor.lstat().st_mode & stat.S_IWUSR
            if is_writing and os.readlink(descriptor).startswith(prefix):
                return True
        except OSError:
            continue  # closed meanwhile
    return False


if __name__ == "__main__":
    main()
