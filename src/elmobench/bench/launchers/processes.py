"""The launcher of one machine: a pool of processes, each at one job at a time."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from elmobench.bench.context import ContextArgs, RunContext
from elmobench.bench.launchers.base import Job
from elmobench.bench.launchers.worker import JobRunner, Message
from elmobench.bench.launchers.worker_pool import CrewLauncher, Worker
from elmobench.tracking.record import RecordStore

_GOODBYE_SECONDS = 5.0


class PoolWorker:
    """One process and the pipe to it.

    Args:
        recipe: of the workbench.
        folder: of the records.
    """

    def __init__(self, recipe: ContextArgs, folder: Path) -> None:
        # Spawned, not forked: threads of torch and of the tracker do not survive a fork.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(
            target=_work, args=(theirs, recipe, folder), daemon=True
        )
        self.process.start()
        theirs.close()
        self.job: Job | None = None
        self.ready = False

    @property
    def ended(self) -> str:
        """How the process ended."""
        status = self.process.exitcode
        killed = ", killed: out of memory, perhaps" if status == -signal.SIGKILL else ""
        return f"its worker process ended with status {status}{killed}"

    def give(self, job: Job, *, wait: bool) -> None:
        """See :class:`~elmobench.bench.launchers.worker_pool.Worker`."""
        self.job = job
        try:
            self.connection.send((job, wait))
        except OSError:
            self.process.join()

    def receive(self) -> Message | None:
        """See :class:`~elmobench.bench.launchers.worker_pool.Worker`."""
        try:
            message: Message = self.connection.recv()
        except (EOFError, OSError):
            return None
        return message

    def dismiss(self) -> None:
        """See :class:`~elmobench.bench.launchers.worker_pool.Worker`."""
        try:
            self.connection.send(None)
        except OSError:
            return
        self.process.join(_GOODBYE_SECONDS)

    def stop(self) -> None:
        """See :class:`~elmobench.bench.launchers.worker_pool.Worker`."""
        if self.process.is_alive():
            self.process.terminate()
        self.process.join()
        self.connection.close()


class _Processes:
    """Hires processes of this machine."""

    restarts = False
    fix = (
        "what it wrote above says why; a script that calls run() with workers needs "
        "`if __name__ == '__main__':` around the call"
    )

    def __init__(self, recipe: ContextArgs, folder: Path) -> None:
        self._recipe, self._folder = recipe, folder

    def hire(self) -> PoolWorker:
        return PoolWorker(self._recipe, self._folder)

    def news(self, workers: Sequence[Worker]) -> list[Worker]:
        pipes = {worker.connection: worker for worker in workers if isinstance(worker, PoolWorker)}
        return [pipes[pipe] for pipe in wait(list(pipes)) if isinstance(pipe, Connection)]


class PoolLauncher(CrewLauncher):
    """Processes of this machine, by default as many as it has cores for."""

    def room(self, bench: RunContext) -> int:
        """See :class:`~elmobench.bench.launchers.worker_pool.CrewLauncher`."""
        return max(1, (os.cpu_count() or 1) // bench.experiment.settings.threads)

    def hiring(self, bench: RunContext, records: RecordStore) -> _Processes:
        """See :class:`~elmobench.bench.launchers.worker_pool.CrewLauncher`."""
        return _Processes(bench.recipe, records.folder)


def _work(connection: Connection[Any, Any], recipe: ContextArgs, folder: Path) -> None:
    """Do the jobs that come through ``connection`` until None comes, or nobody is there."""
    # Ctrl-C reaches every process of the terminal: the parent decides, and stops its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    runner = JobRunner(recipe, folder)
    try:
        connection.send(("ready",))
        while (message := connection.recv()) is not None:
            job, waits = message
            connection.send(runner.run(job, connection.send, wait=waits))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # The parent is gone. What was finished is on disk.
