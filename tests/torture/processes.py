"""Processes of the runs that this program starts, found by their session."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# Not all of `ray::`: without its agents Ray gives up the node, and with it the run.
_WORKER_WORDS = ("spawn_main", "ray::RemoteWorker")


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        status: exit status; negative for a signal.
        output: standard output and errors.
        seconds: wall time.
    """

    status: int
    output: str
    seconds: float


class Session:
    """A command in a session of its own, so that all of its processes can be found.

    Args:
        command: program and arguments.
        log: receives standard output and errors.
        environment: all variables.
        folder: the working folder.
    """

    def __init__(
        self, command: Sequence[str], log: Path, environment: Mapping[str, str], folder: Path
    ) -> None:
        self._log = log
        self._start = time.monotonic()
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                cwd=folder,
                start_new_session=True,
            )
        self.id = self.process.pid

    @property
    def is_running(self) -> bool:
        """Whether the main process still runs."""
        return self.process.poll() is None

    def processes(self) -> dict[int, str]:
        """All processes of the session that are alive, by id, with their command lines."""
        return session_processes(self.id)

    def workers(self) -> list[int]:
        """The processes that do jobs for the main process."""
        return [
            process
            for process, words in self.processes().items()
            if process != self.id and any(word in words for word in _WORKER_WORDS)
        ]

    def send(self, process: int, number: int) -> bool:
        """Send a signal to a process of the session; returns whether it was there."""
        try:
            if os.getsid(process) != self.id:
                return False
            os.kill(process, number)
        except ProcessLookupError:
            return False
        return True

    def send_all(self, number: int) -> bool:
        """Send a signal to the process group, as Ctrl-C does; returns whether it was there."""
        try:
            os.killpg(self.id, number)
        except ProcessLookupError:
            return False
        return True

    def wait(self, seconds: float) -> Ended | None:
        """Wait for the main process; None if it did not end in that time."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        output = self._log.read_text("utf-8", errors="replace")
        return Ended(status, output, time.monotonic() - self._start)

    def seconds_until_gone(self, limit: float) -> float | None:
        """Wait until no process of the session is left; None if some are after ``limit``."""
        start = time.monotonic()
        while self.processes():
            if time.monotonic() - start > limit:
                return None
            time.sleep(0.05)
        return time.monotonic() - start

    def end(self) -> None:
        """Kill all processes of the session."""
        while left := self.processes():
            for process in left:
                self.send(process, signal.SIGKILL)
            self.process.poll()
            time.sleep(0.02)
        self.process.wait()


def session_processes(session: int) -> dict[int, str]:
    """The processes of a session that are alive, by id, with their command lines."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_text(errors="replace").replace("\0", " ")
            # A process that has ended and not been waited for has no command line.
            if words and os.getsid(int(folder.name)) == session:
                found[int(folder.name)] = words
        except (OSError, ValueError):
            continue  # gone meanwhile
    return found
