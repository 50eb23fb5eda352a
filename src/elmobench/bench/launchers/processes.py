"""The launcher for one machine: a pool of processes, each doing one job at a time."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from elmobench.bench.context import ContextArgs, RunContext
from elmobench.bench.jobs import Job
from elmobench.bench.launchers.parent_watch import EndWithParent, call_after
from elmobench.bench.launchers.worker import JobRunner, Message, WorkerReady
from elmobench.bench.launchers.worker_pool import Worker, WorkerPoolLauncher
from elmobench.bench.worker_memory import check_memory, workers_that_fit
from elmobench.core.errors import ConfigError
from elmobench.core.openmp import let_waiting_threads_sleep
from elmobench.tracking.record_store import RecordStore
from elmobench.training.devices import own_devices

_SHUTDOWN_SECONDS = 5.0


class ProcessWorker:
    """One process and the pipe to it; see
    :class:`~elmobench.bench.launchers.worker_pool.Worker`.

    Args:
        args: of the run context.
        folder: of the records.
        device: the worker's own; None for the experiment's.
    """

    def __init__(self, args: ContextArgs, folder: Path, device: str | None = None) -> None:
        self.device = device
        # Here too: a program that calls this package need not have done it.
        let_waiting_threads_sleep()
        # Spawned, not forked: threads of torch and of the tracker do not survive a fork.
        spawn = multiprocessing.get_context("spawn")
        self.connection, child_end = spawn.Pipe()
        self.process: SpawnProcess = spawn.Process(
            target=call_after,
            args=(EndWithParent(), _work, child_end, args, folder, device),
            daemon=True,
        )
        with _interrupts_blocked():
            self.process.start()
        child_end.close()
        self.job: Job | None = None
        self.ready = False

    @property
    def exit_reason(self) -> str:
        """How the process ended."""
        status = self.process.exitcode
        killed = " (killed, possibly out of memory)" if status == -signal.SIGKILL else ""
        return f"its worker process ended with status {status}{killed}"

    @property
    def may_start_again(self) -> bool:
        """Whether it was killed, as the system does when memory is short."""
        return self.process.exitcode == -signal.SIGKILL

    def submit(self, job: Job, *, wait: bool) -> None:
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

    def shutdown(self) -> None:
        """See :class:`~elmobench.bench.launchers.worker_pool.Worker`."""
        try:
            self.connection.send(None)
        except OSError:
            return
        self.process.join(_SHUTDOWN_SECONDS)

    def stop(self) -> None:
        """See :class:`~elmobench.bench.launchers.worker_pool.Worker`."""
        if self.process.is_alive():
            self.process.terminate()
        self.process.join()
        self.connection.close()


class _ProcessFactory:
    """Starts processes of this machine."""

    fix = (
        "its error is printed above; a script that calls run() with workers needs "
        "`if __name__ == '__main__':` around the call"
    )

    def __init__(self, args: ContextArgs, folder: Path, devices: Sequence[str] = ()) -> None:
        self._args, self._folder, self._devices = args, folder, devices
        self._started: list[ProcessWorker] = []

    def start_worker(self) -> ProcessWorker:
        device = None
        if self._devices:
            self._started = [worker for worker in self._started if worker.process.is_alive()]
            taken = {worker.device for worker in self._started}
            device = next(device for device in self._devices if device not in taken)
        worker = ProcessWorker(self._args, self._folder, device)
        self._started.append(worker)
        return worker

    def wait_any(self, workers: Sequence[Worker]) -> list[Worker]:
        by_connection = {
            worker.connection: worker for worker in workers if isinstance(worker, ProcessWorker)
        }
        readable = wait(list(by_connection))
        return [by_connection[end] for end in readable if isinstance(end, Connection)]


class ProcessPoolLauncher(WorkerPoolLauncher):
    """Processes of this machine; by default the number of cores divided by a cell's threads.

    There are fewer by default if the available memory does not hold so many.
    Where heads are trained on GPUs, each process has one of its own.
    """

    def default_size(self, context: RunContext) -> int:
        """See :class:`~elmobench.bench.launchers.worker_pool.WorkerPoolLauncher`."""
        settings = context.experiment.settings
        size = max(1, (os.cpu_count() or 1) // settings.threads)
        devices = own_devices(settings.device)
        size = min(size, len(devices)) if devices else size
        return workers_that_fit(context, size)

    def worker_factory(self, context: RunContext, records: RecordStore) -> _ProcessFactory:
        """See :class:`~elmobench.bench.launchers.worker_pool.WorkerPoolLauncher`.

        Raises:
            ConfigError: more workers are asked for than there are GPUs for them, or not even one
                fits into the available memory.
        """
        check_memory(context)
        devices = own_devices(context.experiment.settings.device)
        if devices and (self._options.workers or 1) > len(devices):
            raise ConfigError(
                f"{self._options.workers} workers, and {len(devices)} GPUs: each worker of a pool "
                "takes one of its own",
                fix=f"use {len(devices)} workers, or share GPUs with --launcher ray and "
                "settings.worker_gpus: 0.5",
            )
        return _ProcessFactory(context.args, records.folder, devices)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Start a process that does not see Ctrl-C until it can ignore it; this one sees it after."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(
    connection: Connection[Any, Any], args: ContextArgs, folder: Path, device: str | None
) -> None:
    """Do the jobs that arrive through ``connection``, until None arrives or the parent is gone."""
    # Ctrl-C reaches every process of the terminal: the parent decides, and stops its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    runner = JobRunner(args, folder, device)
    try:
        connection.send(WorkerReady())
        while (message := connection.recv()) is not None:
            job, wait_for_lock = message
            connection.send(runner.run(job, connection.send, wait=wait_for_lock))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # The parent is gone. Every finished record is on disk.
