"""The launcher of many machines: actors of a Ray cluster, each at one job at a time.

Feature store, results and whatever the experiment reads lie in folders that all machines share;
records come to stand there exactly as if one machine had run everything. A worker that dies, or
whose machine does, is replaced wherever the cluster has room.
"""

from __future__ import annotations

import os
import platform
import socket
import time
import uuid
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import elmobench
from elmobench.bench.context import ContextArgs, RunContext
from elmobench.bench.launchers.base import Job, LaunchOptions
from elmobench.bench.launchers.worker import JobRunner, Message
from elmobench.bench.launchers.worker_pool import Worker, WorkerPoolLauncher
from elmobench.core import paths
from elmobench.core.errors import ConfigError, ElmobenchError
from elmobench.tracking.record import RecordStore

_POLL_SECONDS = 0.05
_ANSWER_SECONDS = 10.0
_OBJECT_STORE_BYTES = 80 << 20
_USAGE_STATISTICS = "RAY_USAGE_STATS_ENABLED"


class Mailbox:
    """The actor that takes what workers tell while they are at a job."""

    def __init__(self) -> None:
        self._messages: list[tuple[str, Message]] = []

    def put(self, worker: str, message: Message) -> None:
        """From a worker."""
        self._messages.append((worker, message))

    def take(self) -> list[tuple[str, Message]]:
        """All that has come since the last call."""
        messages, self._messages = self._messages, []
        return messages


class RemoteWorker:
    """The actor that does jobs.

    Args:
        name: its sender's name in the mailbox.
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
            marks: files that are there if this machine shares the folders.

        Returns:
            ``("ready",)``, or ``("error", error)``.
        """
        node = platform.node()
        if version != elmobench.__version__:
            return (
                "error",
                ConfigError(
                    f"node {node} has elmobench {elmobench.__version__}, the run {version}",
                    fix="install the same version on all nodes",
                ),
            )
        for mark in marks:
            if not mark.exists():
                return (
                    "error",
                    ConfigError(
                        f"node {node} does not see what others write there",
                        where=str(mark.parent),
                        fix="put results and store (--results, --store) into a folder that all "
                        "nodes share",
                    ),
                )
        try:
            self._runner = JobRunner(args, folder)
        except (ElmobenchError, OSError) as error:
            return ("error", error)
        return ("ready",)

    def run(self, job: Job, wait: bool) -> Message:
        """Do ``job``; returns its last message."""
        assert self._runner is not None, "started first"
        return self._runner.run(job, self._send, wait=wait)

    def _send(self, message: Message) -> None:
        import ray

        # Waited for, so that what is told comes before the last message.
        ray.get(self._mailbox.put.remote(self._name, message))


class RayWorker:
    """An actor as its pool sees it.

    Args:
        name: in the mailbox.
        actor: handle of a :class:`RemoteWorker`.
        started: what its ``start`` will return.
    """

    def __init__(self, name: str, actor: Any, started: Any) -> None:
        self.name = name
        self.ready = False
        self.job: Job | None = None
        self.exit_reason = "it was stopped"
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
    """Hires actors of the cluster."""

    restarts = True
    fix = "see what the nodes have logged (`ray status`, /tmp/ray/session_latest/logs)"

    def __init__(self, context: RunContext, folder: Path) -> None:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        settings = context.experiment.settings
        self._args = replace(
            context.args,
            include=tuple(path.resolve() for path in context.args.include),
            store_root=context.store.root.resolve(),
        )
        self._folder = folder.resolve()
        token = f".seen-by-all-{uuid.uuid4().hex}"
        self._marks = [self._folder / token, context.store.root.resolve() / token]
        for mark in self._marks:
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
        here = ray.get_runtime_context().get_node_id()
        # With the driver, so that it lives as long as the run does.
        mailbox: Any = ray.remote(Mailbox)
        place = NodeAffinitySchedulingStrategy(here, soft=False)
        self._mailbox = mailbox.options(num_cpus=0, scheduling_strategy=place).remote()
        resources: dict[str, Any] = {"num_cpus": settings.threads}
        if settings.worker_gpus:
            resources["num_gpus"] = settings.worker_gpus
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

        ours = [worker for worker in workers if isinstance(worker, RayWorker)]
        if unread := [worker for worker in ours if worker.inbox]:
            return list(unread)
        while True:
            waiting = {worker.last: worker for worker in ours if worker.last is not None}
            done: list[Any] = []
            if waiting:
                done, _ = ray.wait(list(waiting), num_returns=1, timeout=_POLL_SECONDS)
            else:
                time.sleep(_POLL_SECONDS)
            # Taken after the last messages have come, so that nothing told before them is missed.
            told = {worker.name: worker for worker in ours}
            heard: dict[str, Worker] = {}
            for name, message in ray.get(self._mailbox.take.remote()):
                if name in told:
                    told[name].inbox.append(message)
                    heard[name] = told[name]
            if not heard and done:
                heard = {waiting[ref].name: waiting[ref] for ref in done}
            if heard:
                return list(heard.values())

    def close(self) -> None:
        for mark in self._marks:
            mark.unlink(missing_ok=True)


class RayLauncher(WorkerPoolLauncher):
    """Actors of a Ray cluster, by default as many as it has cores for.

    Args:
        options: without an address, Ray is started on this machine and ends with the run.

    Raises:
        ConfigError: if Ray is not installed, or the address is of another kind.
        ElmobenchError: if nobody answers there.
    """

    def __init__(self, options: LaunchOptions) -> None:
        try:
            import ray  # noqa: F401
        except ImportError as error:
            raise ConfigError("Ray is not installed", fix="pip install 'elmobench[ray]'") from error
        _check_address(options.address)
        super().__init__(options)
        self._actors: _ActorFactory | None = None
        self._connected = False

    def worker_factory(self, context: RunContext, records: RecordStore) -> _ActorFactory:
        """See :class:`~elmobench.bench.launchers.worker_pool.WorkerPoolLauncher`.

        Raises:
            ElmobenchError: if the cluster cannot be reached.
        """
        self._connect()
        self._actors = _ActorFactory(context, records.folder)
        return self._actors

    def close(self) -> None:
        """See :class:`~elmobench.bench.launchers.base.Launcher`."""
        import ray

        super().close()
        if self._actors is not None:
            self._actors.close()
            self._actors = None
        if self._connected:
            ray.shutdown()
            self._connected = False

    def _connect(self) -> None:
        import ray

        if ray.is_initialized():
            return  # by us, or by the caller, whose it stays
        settings: dict[str, Any] = {
            "logging_level": "ERROR",
            "log_to_driver": False,
            "runtime_env": {"env_vars": _variables()},
        }
        if self._options.address is not None:
            settings["address"] = self._options.address
        else:
            # Nobody but this machine is to reach it, and it tells nobody that it runs.
            os.environ.setdefault(_USAGE_STATISTICS, "0")
            settings |= {
                "address": "local",
                "_node_ip_address": "127.0.0.1",
                "include_dashboard": False,
                "object_store_memory": _OBJECT_STORE_BYTES,
            }
        try:
            ray.init(**settings)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ElmobenchError(
                f"no Ray cluster: {error}",
                where=self._options.address,
                fix="start one with `ray start --head`, or leave --address out",
            ) from error
        self._connected = True

    def default_size(self, context: RunContext) -> int:
        """See :class:`~elmobench.bench.launchers.worker_pool.WorkerPoolLauncher`.

        Raises:
            ElmobenchError: if the cluster cannot be reached, or has no room for a worker.
        """
        import ray

        self._connect()
        threads = context.experiment.settings.threads
        nodes: Any = ray.nodes()  # type: ignore[no-untyped-call]
        cores = [int(node["Resources"].get("CPU", 0)) for node in nodes if node["Alive"]]
        room = sum(count // threads for count in cores)
        if room == 0:
            raise ConfigError(
                f"no node of the cluster has {threads} cores for a worker (they have {cores})",
                fix="lower settings.threads, or add nodes",
            )
        return room


def _check_address(address: str | None) -> None:
    """Ray itself asks an address where nobody is for many minutes."""
    if address is None or address in ("auto", "local"):
        return
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdecimal():
        raise ConfigError(
            f"no address of a Ray cluster: {address!r}",
            fix="write HOST:PORT of its head, or auto on one of its nodes",
        )
    try:
        socket.create_connection((host, int(port)), timeout=_ANSWER_SECONDS).close()
    except OSError as error:
        raise ElmobenchError(
            f"no Ray cluster answers: {error}",
            where=address,
            fix="start one with `ray start --head`, or leave --address out",
        ) from error


def _variables() -> dict[str, str]:
    """This run's ``ELMOBENCH_…`` variables, with folders that hold from anywhere."""
    found = {}
    for name in paths.FOLDER_VARIABLES:
        if value := os.environ.get(name):
            parts = [str(Path(p).expanduser().resolve()) for p in value.split(os.pathsep) if p]
            found[name] = os.pathsep.join(parts)
    return found
