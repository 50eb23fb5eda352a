"""The launcher of one machine: a pool of processes, each running a cell at a time.

A worker that dies (killed, out of memory) costs its cell one more try in a fresh worker; a cell
that takes two workers with it is recorded as failed, and the rest goes on.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter, deque
from collections.abc import Sequence
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from typing import Any

from elmobench.bench.launchers import LaunchOptions, Observer, PendingCell
from elmobench.bench.local import failure
from elmobench.bench.pool_worker import work
from elmobench.bench.workbench import Workbench
from elmobench.errors import ElmobenchError
from elmobench.tracking.record import RecordStore

_TRIES = 2
_GOODBYE_SECONDS = 5.0


class _Worker:
    """One process, the pipe to it, and the cell it is at."""

    def __init__(self, bench: Workbench, records: RecordStore) -> None:
        # Spawned, not forked: threads of torch and of the tracker do not survive a fork.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(
            target=work, args=(theirs, bench.recipe, records.folder), daemon=True
        )
        self.process.start()
        theirs.close()
        self.job: PendingCell | None = None
        self.ready = False

    def give(self, job: PendingCell, *, wait: bool) -> None:
        """Have the worker run ``job``; a worker that has just died keeps it as its own."""
        self.job = job
        try:
            self.connection.send((job, wait))
        except OSError:
            self.process.join()

    def receive(self) -> tuple[Any, ...] | None:
        """The next message; None if the worker is no more."""
        try:
            message: tuple[Any, ...] = self.connection.recv()
        except (EOFError, OSError):
            return None
        return message

    def dismiss(self) -> None:
        """Let the worker end by itself."""
        try:
            self.connection.send(None)
        except OSError:
            return
        self.process.join(_GOODBYE_SECONDS)

    def stop(self) -> None:
        """End the worker now, whatever it is at."""
        if self.process.is_alive():
            self.process.terminate()
        self.process.join()
        self.connection.close()


class PoolLauncher:
    """See :class:`~elmobench.bench.launchers.Launcher`.

    Args:
        options: how many workers; by default as many as the machine has cores for, each with
            the experiment's threads.
    """

    def __init__(self, options: LaunchOptions) -> None:
        self._workers = options.workers

    def launch(
        self,
        cells: Sequence[PendingCell],
        bench: Workbench,
        records: RecordStore,
        observer: Observer,
    ) -> None:
        """Run ``cells``, begun in their order; those that another run is at come last.

        Raises:
            ElmobenchError: if workers cannot be started.
            OSError: what ends a run in one process ends it here too, a full disk for instance.
        """
        room = max(1, (os.cpu_count() or 1) // bench.experiment.settings.threads)
        workers = min(self._workers or room, len(cells))
        with _Pool(workers, bench, records, observer) as pool:
            taken = pool.run(cells, wait=False)
            pool.run(taken, wait=True)


class _Pool:
    def __init__(
        self, size: int, bench: Workbench, records: RecordStore, observer: Observer
    ) -> None:
        self._bench, self._records, self._observer = bench, records, observer
        self._tries: Counter[str] = Counter()
        self._workers = [_Worker(bench, records) for _ in range(size)]

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for worker in self._workers:
            if kind is None:
                worker.dismiss()
            worker.stop()

    def run(self, cells: Sequence[PendingCell], *, wait: bool) -> list[PendingCell]:
        """Run all of ``cells``; returns those that another run holds (none if told to wait)."""
        queue = deque(cells)
        taken: list[PendingCell] = []
        while queue or any(worker.job for worker in self._workers):
            self._assign(queue, wait=wait)
            for worker in self._news():
                message = worker.receive()
                if message is None:
                    self._bury(worker, queue)
                elif message[0] == "ready":
                    worker.ready = True
                else:
                    self._hear(worker, message, taken)
        return taken

    def _assign(self, queue: deque[PendingCell], *, wait: bool) -> None:
        """Give idle workers the next cells; cells that share a search go one after another."""
        for worker in self._workers:
            if worker.job is None:
                held = {other.job.planned.lock for other in self._workers if other.job}
                free = (job for job in queue if job.planned.lock not in held)
                job = next(free, None)
                if job is None:
                    return
                queue.remove(job)
                worker.give(job, wait=wait)

    def _news(self) -> list[_Worker]:
        """Wait until some worker says something or ends."""
        ready = wait([worker.connection for worker in self._workers])
        return [worker for worker in self._workers if worker.connection in ready]

    def _hear(self, worker: _Worker, message: tuple[Any, ...], taken: list[PendingCell]) -> None:
        job = worker.job
        assert job is not None, "a worker speaks of its own cell only"
        match message:
            case ("started",):
                self._observer.started(job.planned.cell)
            case ("epoch", epoch):
                self._observer.epoch(job.planned.cell, epoch)
            case ("finished", record, here):
                worker.job = None
                self._observer.finished(job.planned.cell, record, here=here)
            case ("taken",):
                worker.job = None
                taken.append(job)
            case ("warning", text):
                self._observer.warn(text)
            case ("error", error):
                raise error

    def _bury(self, worker: _Worker, queue: deque[PendingCell]) -> None:
        """A worker died: put another in its place, and its cell back or among the failed."""
        worker.stop()
        job, status = worker.job, worker.process.exitcode
        if not worker.ready:
            raise ElmobenchError(
                f"a worker process ended before it was ready (exit status {status})",
                fix="what it wrote above says why; a script that calls run() with workers needs "
                "`if __name__ == '__main__':` around the call",
            )
        self._workers[self._workers.index(worker)] = _Worker(self._bench, self._records)
        if job is None:
            return
        planned = job.planned
        self._tries[planned.digest] += 1
        how = f"its worker process ended with status {status}" + (
            ", killed: out of memory, perhaps" if status == -9 else ""
        )
        if self._tries[planned.digest] < _TRIES:
            self._observer.warn(f"{planned.cell.label}: {how}; once more")
            queue.appendleft(job)
            return
        record = failure(planned, self._bench, f"{how}, {_TRIES} times")
        self._records.write(record)
        self._observer.finished(planned.cell, record, here=True)
