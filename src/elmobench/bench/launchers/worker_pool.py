"""Several workers and the jobs they share, whatever kind of worker it is.

A worker that dies (killed, out of memory, its machine gone) costs its cell one more try in a fresh
worker; a cell that takes two workers with it is recorded as failed, and the rest goes on.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Sequence
from typing import Protocol

from elmobench.bench.context import RunContext
from elmobench.bench.launchers.base import Job, LaunchOptions, Observer, PendingCell, PendingVectors
from elmobench.bench.launchers.local import failure
from elmobench.bench.launchers.worker import Message
from elmobench.core.errors import ElmobenchError
from elmobench.tracking.record import RecordStore

TRIES = 2
_STARTS = 5


class Worker(Protocol):
    """One worker as its pool sees it.

    Attributes:
        ready: whether it can be given jobs.
        job: what it is at.
    """

    ready: bool
    job: Job | None

    @property
    def exit_reason(self) -> str:
        """How it ended, for people."""

    def submit(self, job: Job, *, wait: bool) -> None:
        """Have it do ``job``; one that has just died keeps the job as its own."""

    def receive(self) -> Message | None:
        """The next message; None if the worker is no more."""

    def shutdown(self) -> None:
        """Let it end by itself."""

    def stop(self) -> None:
        """End it now, whatever it is at."""


class WorkerFactory(Protocol):
    """Where workers come from.

    Attributes:
        fix: what to do when workers cannot start.
        restarts: whether a worker that dies before it is ready may be replaced.
    """

    fix: str
    restarts: bool

    def start_worker(self) -> Worker:
        """A fresh worker; its first message is ``("ready",)``."""

    def wait_any(self, workers: Sequence[Worker]) -> Sequence[Worker]:
        """Wait until some of ``workers`` have said something or ended; those."""


class WorkerPool:
    """Workers that do jobs until there are none.

    Args:
        factory: where workers come from.
        size: how many there are at a time.
        context: of the experiment.
        records: where a failure is recorded.
        observer: told what happens.
    """

    def __init__(
        self,
        factory: WorkerFactory,
        size: int,
        context: RunContext,
        records: RecordStore,
        observer: Observer,
    ) -> None:
        self._factory, self._context, self._records = factory, context, records
        self._observer = observer
        self._tries: Counter[str] = Counter()
        self._false_starts = 0
        self._workers: list[Worker] = []
        self.grow(size)

    def grow(self, size: int) -> None:
        """Have at least ``size`` workers."""
        self._workers += [self._factory.start_worker() for _ in range(size - len(self._workers))]

    def shutdown(self) -> None:
        """Let all workers end by themselves, and end those that do not."""
        for worker in self._workers:
            worker.shutdown()
        self.stop()

    def stop(self) -> None:
        """End all workers now."""
        for worker in self._workers:
            worker.stop()
        self._workers = []

    def encode(self, jobs: Sequence[PendingVectors]) -> None:
        """Encode ``jobs``; who is free when all are given away helps with those still running."""
        self._run(jobs, wait=True)

    def run(self, cells: Sequence[PendingCell]) -> None:
        """Run ``cells``, begun in their order; those that another run is at come last."""
        taken = self._run(cells, wait=False)
        self._run(taken, wait=True)

    def _run(self, jobs: Sequence[Job], *, wait: bool) -> list[Job]:
        """Do ``jobs``; returns those that another run holds (none if told to wait)."""
        queue, taken = deque(jobs), list[Job]()
        helped: set[tuple[int, str]] = set()
        while queue or any(worker.job for worker in self._workers):
            self._assign(queue, helped, wait=wait)
            for worker in self._factory.wait_any(self._workers):
                message = worker.receive()
                if message is None:
                    self._handle_dead_worker(worker, queue)
                elif message[0] == "ready":
                    worker.ready = True
                else:
                    self._handle_message(worker, message, taken)
        return taken

    def _assign(self, queue: deque[Job], helped: set[tuple[int, str]], *, wait: bool) -> None:
        for worker in self._workers:
            if worker.job is not None or not worker.ready:
                continue
            job = self._next(worker, queue, helped)
            if job is not None:
                worker.submit(job, wait=wait)

    def _next(self, worker: Worker, queue: deque[Job], helped: set[tuple[int, str]]) -> Job | None:
        """The next job whose lock is free; else a running encoding, once each."""
        running = [other.job for other in self._workers if other.job]
        held = {job.lock for job in running}
        for job in queue:
            if job.lock not in held:
                queue.remove(job)
                return job
        for job in running:
            mark = (id(worker), job.label)
            if isinstance(job, PendingVectors) and mark not in helped:
                helped.add(mark)
                return job
        return None

    def _handle_message(self, worker: Worker, message: Message, taken: list[Job]) -> None:
        job = worker.job
        assert job is not None, "a worker speaks of its own job only"
        if message[0] in ("finished", "taken", "encoded"):
            worker.job = None
        match job, message:
            case _, ("error", error):
                raise error
            case _, ("warning", text):
                self._observer.warn(text)
            case _, ("taken",):
                taken.append(job)
            case PendingVectors(), ("encoding", done, total):
                self._observer.encoding(job, done, total)
            case PendingVectors(), ("encoded", report):
                self._observer.encoded(job, report, last=not self._is_running(job))
            case PendingCell(), ("started",):
                self._observer.started(job.cell)
            case PendingCell(), ("epoch", epoch):
                self._observer.epoch(job.cell, epoch)
            case PendingCell(), ("finished", record, here):
                self._observer.finished(job.cell, record, here=here)
            case _:
                raise AssertionError(f"unknown message {message[0]!r}")

    def _is_running(self, job: Job) -> bool:
        return any(worker.job == job for worker in self._workers)

    def _handle_dead_worker(self, worker: Worker, queue: deque[Job]) -> None:
        """A worker died: put another in its place, and its job back or among the failed."""
        worker.stop()
        job = worker.job
        if not worker.ready:
            self._false_starts += 1
            if not self._factory.restarts or self._false_starts >= _STARTS:
                raise ElmobenchError(
                    f"a worker ended before it was ready: {worker.exit_reason}",
                    fix=self._factory.fix,
                )
        self._workers[self._workers.index(worker)] = self._factory.start_worker()
        if job is None or (isinstance(job, PendingVectors) and self._is_running(job)):
            return
        self._tries[job.label] += 1
        if self._tries[job.label] < TRIES:
            self._observer.warn(f"{job.label}: {worker.exit_reason}; once more")
            queue.appendleft(job)
            return
        text = f"{worker.exit_reason}, {TRIES} times"
        if isinstance(job, PendingVectors):
            raise ElmobenchError(
                text,
                where=job.label,
                fix="give it more memory: fewer workers, or a machine of more",
            )
        record = failure(job.planned, self._context, text)
        self._records.write(record)
        self._observer.finished(job.cell, record, here=True)


class WorkerPoolLauncher(ABC):
    """A launcher whose pool lives from the first encoding to the last cell; see
    :class:`~elmobench.bench.launchers.base.Launcher`.

    Args:
        options: how many workers; by default as many as there is room for.
    """

    def __init__(self, options: LaunchOptions) -> None:
        self._options = options
        self._pool: WorkerPool | None = None

    @abstractmethod
    def default_size(self, context: RunContext) -> int:
        """How many workers there is room for, each with the experiment's threads."""

    @abstractmethod
    def worker_factory(self, context: RunContext, records: RecordStore) -> WorkerFactory:
        """Where workers come from."""

    def encode(
        self,
        jobs: Sequence[PendingVectors],
        context: RunContext,
        records: RecordStore,
        observer: Observer,
    ) -> None:
        """Encode ``jobs``, several at a time, and several workers at the shards of each.

        Raises:
            ElmobenchError: see :meth:`run_cells`.
        """
        # Workers find out what is stored already: to look here first would keep them waiting.
        self._open(self._size(context), context, records, observer).encode(jobs)

    def run_cells(
        self,
        cells: Sequence[PendingCell],
        context: RunContext,
        records: RecordStore,
        observer: Observer,
    ) -> None:
        """Run ``cells``.

        Raises:
            ElmobenchError: if workers cannot be started.
            OSError: what ends a run in one process ends it here too, a full disk for instance.
        """
        try:
            pool = self._open(min(self._size(context), len(cells)), context, records, observer)
            pool.run(cells)
            pool.shutdown()
        finally:
            self.close()

    def close(self) -> None:
        """See :class:`~elmobench.bench.launchers.base.Launcher`."""
        if self._pool is not None:
            self._pool.stop()
            self._pool = None

    def _size(self, context: RunContext) -> int:
        return self._options.workers or self.default_size(context)

    def _open(
        self, size: int, context: RunContext, records: RecordStore, observer: Observer
    ) -> WorkerPool:
        if self._pool is None:
            self._pool = WorkerPool(
                self.worker_factory(context, records), size, context, records, observer
            )
        self._pool.grow(size)
        return self._pool
