"""The launcher for several machines: actors of a Ray cluster, each doing one job at a time.

Feature store, results and everything the experiment reads must be in folders that all machines
share; the records written there are the same as if one machine had run everything. A worker that
dies, or whose machine dies, is replaced on any node with free cores.
"""

from __future__ import annotations

import os
import platform
import signal
import socket
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import elmobench
from elmobench.bench.context import ContextArgs, RunContext
from elmobench.bench.jobs import Job, PendingCell, PendingVectors
from elmobench.bench.launchers.base import LaunchOptions
from elmobench.bench.launchers.ray_folder import RayFolder
from elmobench.bench.launchers.worker import JobRunner, Message, WorkerError, WorkerReady
from elmobench.bench.launchers.worker_pool import Worker, WorkerPoolLauncher
from elmobench.bench.session import RunSession
from elmobench.core import paths
from elmobench.core.errors import ConfigError, ElmobenchError
from elmobench.core.files import temporary_path
from elmobench.tracking.record_store import RecordStore

_POLL_SECONDS = 0.05
_CONNECT_SECONDS = 10.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_OBJECT_STORE_BYTES = 80 << 20
_USAGE_STATISTICS = "RAY_USAGE_STATS_ENABLED"


class Mailbox:
    """The actor that collects the events that workers send while they do a job."""

    def __init__(self) -> None:
        self._messages: list[tuple[str, Message]] = []

    def put(self, worker: str, message: Message) -> None:
        """Add a message of ``worker``."""
        self._messages.append((worker, message))

    def take(self) -> list[tuple[str, Message]]:
        """All messages since the last call."""
        messages, self._messages = self._messages, []
        return messages


class RemoteWorker:
    """The actor that does jobs.

    Args:
        name: the sender of its messages in the mailbox.
        mailbox: handle of the :class:`Mailbox`.
    """

    def __init__(self, name: str, mailbox: Any) -> None:
        self._name, self._mailbox = name, mailbox
        self._runner: JobRunner | None = None

    def start(self, version: str, args: ContextArgs, folder: Path, marks: list[Path]) -> Message:
        """Load the experiment.

        Args:
            version: of elmobench where the run was started.
            args: of the run context.
            folder: of the records.
            marks: files that exist if this machine shares the run's folders.

        Returns:
            ``WorkerReady``, or ``WorkerError`` if the node cannot take part.
        """
        node = platform.node()
        if version != elmobench.__version__:
            return WorkerError(
                ConfigError(
                    f"node {node} has elmobench {elmobench.__version__}, the run {version}",
                    fix="install the same version on all nodes",
                )
            )
        for mark in marks:
            if not mark.exists():
                return WorkerError(
                    ConfigError(
                        f"node {node} does not see files that other nodes write there",
                        where=str(mark.parent),
                        fix="put results and store (--results, --store) into a folder that all "
                        "nodes share",
                    )
                )
        try:
            self._runner = JobRunner(args, folder)
        except (ElmobenchError, OSError) as error:
            return WorkerError(error)
        return WorkerReady()

    def run(self, job: Job, wait: bool) -> Message:
        """Do ``job``; returns its last message."""
        assert self._runner is not None, "start() comes first"
        return self._runner.run(job, self._send, wait=wait)

    def _send(self, message: Message) -> None:
        import ray

        # Waits for delivery, so that events arrive before the last message.
        ray.get(self._mailbox.put.remote(self._name, message))


class RayWorker:
    """An actor as seen by its pool; see :class:`~elmobench.bench.launchers.worker_pool.Worker`.

    Args:
        name: the sender of its messages in the mailbox.
        actor: handle of a :class:`RemoteWorker`.
        started: reference to what its ``start`` will return.

    Attributes:
        inbox: events that were taken from the mailbox and not received yet.
        last: reference to the last message of the present job; None once it was received.
    """

    def __init__(self, name: str, actor: Any, started: Any) -> None:
        self.name = name
        self.ready = False
        self.job: Job | None = None
        self.exit_reason = "it was stopped"
        self.may_start_again = True  # a node was lost, or is too busy
        self.inbox: deque[Message] = deque()
        self.last: Any = started
        self._actor = actor

    def submit(self, job: Job, *, wait: bool) -> None:
        """See :class:`~elmobench.bench.launchers.worker_pool.Worker`."""
        self.job = job
        self.last = self._actor.run.remote(job, wait)

    def receive(self) -> Message | None:
        """See :class:`~elmobench.bench.launchers.worker_pool.Worker`."""
        import ray

        if self.inbox:
            return self.inbox.popleft()
        last, self.last = self.last, None
        try:
            message: Message = ray.get(last)
        except ray.exceptions.RayError as error:
            reason = str(error).strip().splitlines()[0]
            self.exit_reason = f"its worker ended ({type(error).__name__}: {reason[:200]})"
            return None
        return message

    def shutdown(self) -> None:
        """See :class:`~elmobench.bench.launchers.worker_pool.Worker`."""

    def stop(self) -> None:
        """See :class:`~elmobench.bench.launchers.worker_pool.Worker`."""
        import ray

        with suppress(ray.exceptions.RayError):
            ray.kill(self._actor)


class _ActorFactory:
    """Starts actors on the cluster, and collects their messages."""

    fix = "look into the nodes' logs (`ray status`, session_latest/logs in Ray's temporary folder)"

    def __init__(self, context: RunContext, folder: Path) -> None:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        settings = context.experiment.settings
        if ":" in settings.device:
            raise ConfigError(
                f"settings.device is {settings.device}, and Ray gives each worker its GPU",
                fix="write cuda; settings.worker_gpus says how much of a GPU a worker takes",
            )
        self._args = replace(
            context.args,
            store_root=context.store.root.resolve(),
        )
        self._folder = folder.resolve()
        # Named as temporary files are, so that the next run removes those of a killed one.
        self._marks = [
            temporary_path(folder / "seen-by-all")
            for folder in (self._folder, context.store.root.resolve())
        ]
        for mark in self._marks:
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
        here = ray.get_runtime_context().get_node_id()
        # On the driver's node, so that it lives as long as the run.
        mailbox: Any = ray.remote(Mailbox)
        place = NodeAffinitySchedulingStrategy(here, soft=False)
        self._mailbox = mailbox.options(num_cpus=0, scheduling_strategy=place).remote()
        resources: dict[str, Any] = {"num_cpus": settings.threads}
        if settings.worker_gpus or settings.device != "cpu":
            resources["num_gpus"] = settings.worker_gpus or 1
        if settings.worker_memory_gb:
            resources["memory"] = int(settings.worker_memory_gb * 2**30)
        worker: Any = ray.remote(RemoteWorker)
        self._actor = worker.options(**resources, max_restarts=0, max_task_retries=0)

    def start_worker(self) -> RayWorker:
        name = uuid.uuid4().hex
        actor = self._actor.remote(name, self._mailbox)
        started = actor.start.remote(elmobench.__version__, self._args, self._folder, self._marks)
        return RayWorker(name, actor, started)

    def wait_any(self, workers: Sequence[Worker]) -> list[Worker]:
        import ray

        actors = [worker for worker in workers if isinstance(worker, RayWorker)]
        if unread := [worker for worker in actors if worker.inbox]:
            return list(unread)
        by_name = {worker.name: worker for worker in actors}
        while True:
            waiting = {worker.last: worker for worker in actors if worker.last is not None}
            done: list[Any] = []
            if waiting:
                done, _ = ray.wait(list(waiting), num_returns=1, timeout=_POLL_SECONDS)
            else:
                time.sleep(_POLL_SECONDS)
            # Taken after the last messages have arrived, so that no event before them is missed.
            senders: dict[str, Worker] = {}
            for name, message in ray.get(self._mailbox.take.remote()):
                if name in by_name:
                    by_name[name].inbox.append(message)
                    senders[name] = by_name[name]
            if not senders and done:
                senders = {waiting[ref].name: waiting[ref] for ref in done}
            if senders:
                return list(senders.values())

    def close(self) -> None:
        for mark in self._marks:
            mark.unlink(missing_ok=True)


class RayLauncher(WorkerPoolLauncher):
    """Actors of a Ray cluster, by default as many as it has cores for.

    Args:
        options: without an address, Ray is started on this machine and stopped after the run.

    Raises:
        ConfigError: if Ray is not installed, or the address is not one of a Ray cluster.
        ElmobenchError: if no cluster answers at the address.
    """

    def __init__(self, options: LaunchOptions) -> None:
        try:
            import ray  # noqa: F401
        except ImportError as error:
            raise ConfigError("Ray is not installed", fix="pip install 'elmobench[ray]'") from error
        _check_address(options.address)
        super().__init__(options)
        self._factory: _ActorFactory | None = None
        self._connected = False
        self._cluster_folder: RayFolder | None = None

    def worker_factory(self, context: RunContext, records: RecordStore) -> _ActorFactory:
        """See :class:`~elmobench.bench.launchers.worker_pool.WorkerPoolLauncher`.

        Raises:
            ElmobenchError: if the cluster cannot be reached.
        """
        self._connect()
        self._factory = _ActorFactory(context, records.folder)
        return self._factory

    def encode(self, jobs: Sequence[PendingVectors], session: RunSession) -> None:
        """See :class:`~elmobench.bench.launchers.worker_pool.WorkerPoolLauncher`."""
        with _lost_cluster():
            super().encode(jobs, session)

    def run_cells(self, cells: Sequence[PendingCell], session: RunSession) -> None:
        """See :class:`~elmobench.bench.launchers.worker_pool.WorkerPoolLauncher`."""
        with _lost_cluster():
            super().run_cells(cells, session)

    def close(self) -> None:
        """See :class:`~elmobench.bench.launchers.base.Launcher`."""
        import ray

        super().close()
        if self._factory is not None:
            self._factory.close()
            self._factory = None
        if self._connected:
            with _own_signal_handlers():
                ray.shutdown()
            self._connected = False
        if self._cluster_folder is not None:
            self._cluster_folder.close()
            self._cluster_folder = None

    def _connect(self) -> None:
        import ray

        if ray.is_initialized():
            return  # started here before, or by the caller, who also stops it
        settings: dict[str, Any] = {
            "logging_level": "ERROR",
            "log_to_driver": False,
            "runtime_env": {"env_vars": _variables()},
        }
        if self._options.address is not None:
            settings["address"] = self._options.address
        else:
            # Bind to loopback; disable usage statistics.
            os.environ.setdefault(_USAGE_STATISTICS, "0")
            self._cluster_folder = RayFolder()
            settings |= {
                "_temp_dir": str(self._cluster_folder.path),
                "address": "local",
                "_node_ip_address": "127.0.0.1",
                "include_dashboard": False,
                "object_store_memory": _OBJECT_STORE_BYTES,
            }
        try:
            with _own_signal_handlers():
                ray.init(**settings)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ElmobenchError(
                f"no Ray cluster: {error}",
                where=self._options.address,
                fix="start one with `ray start --head`, or leave --address out",
            ) from error
        except Exception as error:
            if type(error) is not Exception:
                raise
            # Ray raises plain exceptions if a node does not start in time.
            raise ElmobenchError(
                f"Ray did not start: {error}",
                fix="run it again when the machine is less busy, or with --launcher pool",
            ) from error
        self._connected = True

    def default_size(self, context: RunContext) -> int:
        """See :class:`~elmobench.bench.launchers.worker_pool.WorkerPoolLauncher`.

        Raises:
            ElmobenchError: if the cluster cannot be reached, or has too few cores for a worker.
        """
        import ray

        self._connect()
        threads = context.experiment.settings.threads
        nodes: Any = ray.nodes()  # type: ignore[no-untyped-call]
        cores = [int(node["Resources"].get("CPU", 0)) for node in nodes if node["Alive"]]
        workers = sum(count // threads for count in cores)
        if workers == 0:
            raise ConfigError(
                f"no node of the cluster has {threads} cores for a worker (they have {cores})",
                fix="lower settings.threads, or add nodes",
            )
        return workers


@contextmanager
def _own_signal_handlers() -> Iterator[None]:
    """Keep the handlers of this process, which Ray replaces.

    When it starts, by its own, one of which prints a stack of C++ functions; when it stops, by the
    system's, which Python does not notice.
    """
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in handlers.items():
                signal.signal(number, handler or signal.SIG_DFL)


@contextmanager
def _lost_cluster() -> Iterator[None]:
    """Name what ended the run when the cluster fails as a whole, not only one of its workers.

    Happens when the node where the run was started is lost: Ray counts a node as dead whose machine
    was asleep, or too busy to answer, for about a minute.
    """
    import ray

    try:
        yield
    except ray.exceptions.RayError as error:
        reason = str(error).strip().splitlines()[0]
        raise ElmobenchError(
            f"the Ray cluster of this run was lost ({type(error).__name__}: {reason[:200]})",
            fix="run the same command again: what is recorded stays",
        ) from error


def _check_address(address: str | None) -> None:
    """Fail fast on a dead address, which Ray itself would retry for minutes."""
    if address is None or address in ("auto", "local"):
        return
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdecimal():
        raise ConfigError(
            f"not the address of a Ray cluster: {address!r}",
            fix="write HOST:PORT of its head, or auto on one of its nodes",
        )
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        raise ElmobenchError(
            f"no Ray cluster answers: {error}",
            where=address,
            fix="start one with `ray start --head`, or leave --address out",
        ) from error


def _variables() -> dict[str, str]:
    """This run's ``ELMOBENCH_…`` variables, with absolute folders."""
    variables = {}
    for name in paths.FOLDER_VARIABLES:
        if value := os.environ.get(name):
            parts = [str(paths.expanded(p, name).resolve()) for p in value.split(os.pathsep) if p]
            variables[name] = os.pathsep.join(parts)
    return variables
