"""A pool of workers of any kind, and the launcher that runs jobs in it.

If a worker dies (killed, out of memory, machine gone), its job is tried once more in a new
worker. A cell that crashes two workers is recorded as failed, and the other cells still run.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from elmobench.bench.context import RunContext
from elmobench.bench.events import CellFinished, Encoded, RunWarning
from elmobench.bench.jobs import Job, PendingCell, PendingVectors
from elmobench.bench.launchers.base import LaunchOptions
from elmobench.bench.launchers.local import failed_record
from elmobench.bench.launchers.worker import HeldElsewhere, Message, WorkerError, WorkerReady
from elmobench.bench.session import RunSession
from elmobench.core.errors import ElmobenchError
from elmobench.tracking.record_store import RecordStore

TRIES = 2
_FAILED_STARTS = 5


class Worker(Protocol):
    """One worker as seen by its pool.

    Attributes:
        ready: whether it has started up and can be given jobs.
        job: the job it is doing; None if it is idle.
    """

    ready: bool
    job: Job | None

    @property
    def exit_reason(self) -> str:
        """How it ended, for messages."""

    @property
    def may_start_again(self) -> bool:
        """Whether another one is started in its place although it ended before it was ready.

        So it is when it was killed, and not when it failed, as it then would again.
        """

    def submit(self, job: Job, *, wait: bool) -> None:
        """Start ``job``. If the worker just died, the job stays assigned to it for a retry."""

    def receive(self) -> Message | None:
        """The next message; None if the worker has died."""

    def shutdown(self) -> None:
        """Let it finish by itself."""

    def stop(self) -> None:
        """End it now, even in the middle of a job."""


class WorkerFactory(Protocol):
    """Starts workers of one kind, and waits for their messages.

    Attributes:
        fix: what the user can do when workers do not start.
    """

    fix: str

    def start_worker(self) -> Worker:
        """Start a worker; its first message is ``WorkerReady``."""

    def wait_any(self, workers: Sequence[Worker]) -> Sequence[Worker]:
        """Wait until some of ``workers`` have a message or have died; returns those."""


class WorkerPool:
    """Workers that do jobs until none are left.

    Args:
        factory: starts the workers.
        size: how many run at a time.
        session: of the run.
    """

    def __init__(self, factory: WorkerFactory, size: int, session: RunSession) -> None:
        self._factory, self._session = factory, session
        self._tries: Counter[str] = Counter()
        self._failed_starts = 0
        self._workers: list[Worker] = []
        self.grow(size)

    def grow(self, size: int) -> None:
        """Start workers until there are at least ``size``."""
        self._workers += [self._factory.start_worker() for _ in range(size - len(self._workers))]

    def shutdown(self) -> None:
        """Let all workers finish by themselves, and stop those that do not."""
        for worker in self._workers:
            worker.shutdown()
        self.stop()

    def stop(self) -> None:
        """End all workers now."""
        for worker in self._workers:
            worker.stop()
        self._workers = []

    def encode(self, jobs: Sequence[PendingVectors]) -> None:
        """Encode ``jobs``; idle workers help with running ones once the queue is empty."""
        self._run(jobs, wait=True)

    def run_cells(self, cells: Sequence[PendingCell]) -> None:
        """Run ``cells``, started in their order; those that another run holds come last."""
        held_elsewhere = self._run(cells, wait=False)
        self._run(held_elsewhere, wait=True)

    def _run(self, jobs: Sequence[Job], *, wait: bool) -> list[Job]:
        """Do ``jobs``; returns those that another run holds (none with ``wait``)."""
        queue, held_elsewhere = deque(jobs), list[Job]()
        helped: set[tuple[int, str]] = set()
        while queue or any(worker.job for worker in self._workers):
            self._assign(queue, helped, wait=wait)
            for worker in self._factory.wait_any(self._workers):
                message = worker.receive()
                if message is None:
                    self._handle_dead_worker(worker, queue)
                else:
                    self._handle_message(worker, message, held_elsewhere)
        return held_elsewhere

    def _assign(self, queue: deque[Job], helped: set[tuple[int, str]], *, wait: bool) -> None:
        """Give every idle worker its next job."""
        for worker in self._workers:
            if worker.job is not None or not worker.ready:
                continue
            job = self._next_job(worker, queue, helped)
            if job is not None:
                worker.submit(job, wait=wait)

    def _next_job(
        self, worker: Worker, queue: deque[Job], helped: set[tuple[int, str]]
    ) -> Job | None:
        """The next queued job whose lock is free; else a running encoding, once per worker."""
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

    def _handle_message(self, worker: Worker, message: Message, held_elsewhere: list[Job]) -> None:
        """Update the worker's state, and pass events to the observer."""
        match message:
            case WorkerError(error):
                raise error
            case WorkerReady():
                worker.ready = True
            case HeldElsewhere():
                assert worker.job is not None, "only a worker with a job can find it held"
                held_elsewhere.append(worker.job)
                worker.job = None
            case Encoded(job):
                worker.job = None
                self._session.observer.handle(replace(message, last=not self._is_running(job)))
            case CellFinished():
                worker.job = None
                self._session.observer.handle(message)
            case _:
                self._session.observer.handle(message)

    def _is_running(self, job: Job) -> bool:
        return any(worker.job == job for worker in self._workers)

    def _handle_dead_worker(self, worker: Worker, queue: deque[Job]) -> None:
        """Replace a worker that died; queue its job again, or record the cell as failed."""
        worker.stop()
        job = worker.job
        if not worker.ready:
            self._failed_starts += 1
            if not worker.may_start_again or self._failed_starts >= _FAILED_STARTS:
                raise ElmobenchError(
                    f"a worker ended before it was ready: {worker.exit_reason}",
                    fix=self._factory.fix,
                )
        self._workers[self._workers.index(worker)] = self._factory.start_worker()
        if job is None or (isinstance(job, PendingVectors) and self._is_running(job)):
            return
        self._tries[job.label] += 1
        if self._tries[job.label] < TRIES:
            self._session.observer.handle(
                RunWarning(f"{job.label}: {worker.exit_reason}; trying once more")
            )
            queue.appendleft(job)
            return
        text = f"{worker.exit_reason}, {TRIES} times"
        if isinstance(job, PendingVectors):
            raise ElmobenchError(
                text,
                where=job.label,
                fix="give each worker more memory: use fewer workers, or a larger machine",
            )
        record = failed_record(job.planned, self._session.context, text)
        self._session.records.write(record)
        self._session.observer.handle(CellFinished(job.cell, record, by_this_run=True))


class WorkerPoolLauncher(ABC):
    """A launcher with one pool from the first encoding to the last cell; see
    :class:`~elmobench.bench.launchers.base.Launcher`.

    Args:
        options: the number of workers; by default :meth:`default_size`.
    """

    def __init__(self, options: LaunchOptions) -> None:
        self._options = options
        self._pool: WorkerPool | None = None

    @abstractmethod
    def default_size(self, context: RunContext) -> int:
        """How many workers there are cores for, each with the experiment's threads."""

    @abstractmethod
    def worker_factory(self, context: RunContext, records: RecordStore) -> WorkerFactory:
        """The factory of the pool's workers."""

    def encode(self, jobs: Sequence[PendingVectors], session: RunSession) -> None:
        """Encode ``jobs``: several at a time, each by several workers, shard by shard.

        Raises:
            ElmobenchError: see :meth:`run_cells`.
        """
        # Workers check what is stored already; a check here would keep them waiting.
        self._open(self._size(session.context), session).encode(jobs)

    def run_cells(self, cells: Sequence[PendingCell], session: RunSession) -> None:
        """Run ``cells``, then shut the pool down.

        Raises:
            ElmobenchError: if workers cannot be started.
            OSError: for what ends a run in one process too, for instance a full disk.
        """
        try:
            pool = self._open(min(self._size(session.context), len(cells)), session)
            pool.run_cells(cells)
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

    def _open(self, size: int, session: RunSession) -> WorkerPool:
        if self._pool is None:
            factory = self.worker_factory(session.context, session.records)
            self._pool = WorkerPool(factory, size, session)
        self._pool.grow(size)
        return self._pool
