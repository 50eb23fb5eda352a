"""What must hold after a run that completed."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from tests.torture.jobs import Job
from tests.torture.workspace import Workspace

from elmobench.core.errors import ElmobenchError

_PARTIAL = ("*.part", ".tmp*", "*-journal", "*-wal", "*-shm", "*.deleted")
_RAY_SECONDS = 15.0
# Torch makes this folder when it is imported, and keeps it.
_NOT_LEFT = ("torchinductor_",)
# What reading damaged files may raise; each is reported as a fault.
_READ_ERRORS = (ElmobenchError, OSError, ValueError, KeyError, TypeError, sqlite3.Error)


def leftovers(space: Workspace) -> list[str]:
    """Partial files, temporary files and locks that are held."""
    found = [
        f"left over: {path.relative_to(space.root)}"
        for pattern in _PARTIAL
        for path in sorted(space.root.rglob(pattern))
    ]
    found += [
        f"left over: {path.relative_to(space.root)}"
        for path in sorted(space.temporary.iterdir())
        if not path.name.startswith(_NOT_LEFT)
    ]
    # A process of its own deletes these a moment after the run has ended.
    deadline = time.monotonic() + _RAY_SECONDS
    while (ray := _ray_folders(space)) and time.monotonic() < deadline:
        time.sleep(0.1)
    found += [f"left over of Ray: {path.name}" for path in ray]
    return found + [
        f"lock held: {path.relative_to(space.root)}"
        for path in sorted(space.root.rglob("*.lock"))
        if _is_held(path)
    ]


def _ray_folders(space: Workspace) -> list[Path]:
    return [path for path in space.ray.glob("*/*") if path.name != ".lock"]


def _is_held(path: Path) -> bool:
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    lock.release()
    return False


def differences(found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """The names at which two snapshots differ."""
    return [
        f"differs from the undisturbed run: {name}"
        for name in sorted({*found, *expected})
        if found.get(name) != expected.get(name) or (name in found) != (name in expected)
    ]


def final_faults(
    job: Job,
    space: Workspace,
    expected: dict[str, Any],
    *,
    tracked: bool = False,
    heads_given_up: bool = False,
    lost: Collection[str] = (),
) -> list[str]:
    """Everything that is wrong after a run that completed.

    Args:
        job: the job.
        space: its workspace.
        expected: the snapshot of an undisturbed run.
        tracked: whether MLflow was on.
        heads_given_up: whether a run said that it wrote a result and not its trained head, which
            no later run trains again.
        lost: parts of the snapshot that are lost with a damaged file, as the documentation says.
    """

    def differences_of_snapshots() -> list[str]:
        found = job.snapshot(space)
        absent = {
            name
            for name, value in found.items()
            if heads_given_up and name.startswith("head ") and value is None
        }.union(lost)
        wanted = {name: value for name, value in expected.items() if name not in absent}
        return differences({n: v for n, v in found.items() if n not in absent}, wanted)

    faults = _guarded(differences_of_snapshots)
    faults += _guarded(lambda: job.problems(space, tracked=tracked))
    return faults + leftovers(space)


def _guarded(check: Callable[[], list[str]]) -> list[str]:
    try:
        return check()
    except _READ_ERRORS as error:
        return [f"cannot be read: {type(error).__name__}: {error}"]


def output_faults(output: str) -> list[str]:
    """Tracebacks and crashes in what a run printed."""
    marks = ("Traceback (most recent call last)", "Segmentation fault", "Bus error", "core dumped")
    lines = output.splitlines()
    found = [mark for mark in marks if mark in output]
    return [f"the output has {mark!r}; it ends with: {' | '.join(lines[-3:])}" for mark in found]
