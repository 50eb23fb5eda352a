"""Let something happen at the n-th operation of a run on the disk; see ``disk.c``.

>>> table = OperationTable(scratch / "table")                       # doctest: +SKIP
>>> table.plan(root, [["/records/"]], at=3, action=Action.STOP_SELF)  # doctest: +SKIP
>>> subprocess.Popen(command, env={**os.environ, **table.environment})  # doctest: +SKIP
"""

from __future__ import annotations

import atexit
import ctypes
import mmap
import shutil
import signal
import subprocess
from collections.abc import Sequence
from enum import IntEnum
from functools import cache
from pathlib import Path
from tempfile import mkdtemp


class Action(IntEnum):
    """What happens at the chosen operation; the order is that of ``disk.c``.

    ``COUNT`` only notes it; ``FULL`` lets it and all later ones fail as on a full disk, and
    ``FULL_ONCE`` it alone; ``STOP_SELF`` sends a signal to the process that does it, and
    ``STOP_LEADER`` to the run's main process.
    """

    COUNT = 0
    FULL = 1
    FULL_ONCE = 2
    STOP_SELF = 3
    STOP_LEADER = 4


_TRACKS = 12
_BYTES = 16384


class _Table(ctypes.Structure):
    """The same as ``struct table`` in ``disk.c``."""

    _fields_ = (
        ("counts", ctypes.c_int64 * _TRACKS),
        ("at", ctypes.c_int64),
        ("track", ctypes.c_int32),
        ("action", ctypes.c_int32),
        ("signal", ctypes.c_int32),
        ("torn", ctypes.c_int32),
        ("fired", ctypes.c_int32),
        ("leader", ctypes.c_int32),
        ("stopped", ctypes.c_int32),
        ("writes_only", ctypes.c_int32),
        ("root", ctypes.c_char * 512),
        ("patterns", (ctypes.c_char * 768) * _TRACKS),
        ("path", ctypes.c_char * 512),
        ("kind", ctypes.c_char * 32),
    )


def compiler() -> str | None:
    """The C compiler; None where there is none."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


@cache
def library() -> Path:
    """Compile ``disk.c``; returns the shared library.

    Raises:
        RuntimeError: without a C compiler.
    """
    found = compiler()
    if found is None:
        raise RuntimeError("a C compiler (cc) is needed")
    folder = mkdtemp(prefix="torture-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    target = Path(folder) / "disk.so"
    source = Path(__file__).with_name("disk.c")
    command = [found, "-shared", "-fPIC", "-O2", "-o", str(target), str(source), "-ldl"]
    subprocess.run(command, check=True)
    return target


class OperationTable:
    """The table that this program shares with the processes of a run.

    Args:
        file: is created; its folder must exist.
    """

    def __init__(self, file: Path) -> None:
        self._file = file.resolve()
        self._file.write_bytes(bytes(_BYTES))
        with self._file.open("r+b") as stream:
            self._memory = mmap.mmap(stream.fileno(), _BYTES)
        self._table = _Table.from_buffer(self._memory)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of processes that take part."""
        return {"LD_PRELOAD": str(library()), "TORTURE_TABLE": str(self._file)}

    def plan(
        self,
        root: Path,
        tracks: Sequence[Sequence[str]],
        *,
        track: int = 0,
        at: int = 0,
        action: Action = Action.COUNT,
        number: int = signal.SIGKILL,
        torn: bool = False,
        writes_only: bool = False,
    ) -> None:
        """Start counting from zero.

        Args:
            root: only what is below this folder counts.
            tracks: what is counted separately; a path belongs to a track if it contains one of
                its strings.
            track: number of the track in which something happens.
            at: the operation at which it happens, from 1; 0 for never.
            action: what happens.
            number: the signal of a stop.
            torn: whether half of the bytes are written first, where the operation is a write.
            writes_only: whether removing and renaming a file, which a full disk allows, is not
                counted.
        """
        table = self._table
        table.at = 0
        table.root = f"{root.resolve()}/".encode()
        for i in range(_TRACKS):
            table.patterns[i].value = "|".join(tracks[i] if i < len(tracks) else ()).encode()
            table.counts[i] = 0
        table.track, table.action = track, action
        table.signal, table.torn, table.writes_only = number, torn, writes_only
        table.fired = table.leader = table.stopped = 0
        table.path = table.kind = b""
        table.at = at

    def lead(self, process: int) -> None:
        """Name the main process for ``STOP_LEADER``; or, negative, its process group."""
        self._table.leader = process

    @property
    def counts(self) -> list[int]:
        """Operations so far in each track."""
        return list(self._table.counts)

    @property
    def fired(self) -> bool:
        """Whether the chosen operation has come."""
        return bool(self._table.fired)

    @property
    def stopped(self) -> int:
        """The process that got the signal of a stop."""
        return int(self._table.stopped)

    @property
    def where(self) -> str:
        """Kind and path of the chosen operation."""
        table = self._table
        return f"{table.kind.decode()} {table.path.decode(errors='replace')}"
