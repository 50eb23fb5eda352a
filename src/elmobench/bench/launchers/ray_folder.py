"""The temporary folder of a local Ray cluster, which is deleted however the run ends."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

from elmobench.bench.launchers import ray_guard

_GUARD_SECONDS = 10.0


class RayFolder:
    """A new folder for the files of one cluster, and the process that deletes it.

    Folders that killed runs have left, and what still writes into them, are removed first.

    Attributes:
        path: the folder. It is short, because Ray puts sockets into it.
    """

    def __init__(self) -> None:
        root = _root()
        root.mkdir(mode=0o700, exist_ok=True)
        with FileLock(root / ".lock"):
            _remove_left_over(root)
            self.path = Path(tempfile.mkdtemp(prefix="", dir=root))
            # Freed by the system when this process ends.
            self._owner = FileLock(root / f"{self.path.name}{ray_guard.OWNER}")
            self._owner.acquire()
        # A session of its own: signals of the terminal do not reach it.
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", ray_guard.__file__, str(self.path)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def close(self) -> None:
        """Kill what the cluster has left running, and delete the folder."""
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        try:
            self._guard.wait(_GUARD_SECONDS)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()
        self._owner.release()
        Path(self._owner.lock_file).unlink(missing_ok=True)


def _root() -> Path:
    """The parent of all such folders, short enough for the 107 bytes of a socket's path."""
    short = Path(os.environ.get("RAY_TMPDIR") or "/tmp")
    user = os.getuid() if hasattr(os, "getuid") else 0
    return (short if short.is_dir() else Path(tempfile.gettempdir())) / f"elmobench-ray-{user}"


def _remove_left_over(root: Path) -> None:
    """Remove the folders whose owner has ended. The caller holds the lock of ``root``."""
    for lock in root.glob(f"*{ray_guard.OWNER}"):
        try:
            with FileLock(lock, timeout=0):
                ray_guard.clean_up(root / lock.name.removesuffix(ray_guard.OWNER))
        except Timeout:
            continue
        lock.unlink(missing_ok=True)
