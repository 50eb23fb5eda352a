"""What a worker does, in any process: take a job, do it, and report events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from elmobench.bench.context import ContextArgs, RunContext
from elmobench.bench.events import CellFinished, Encoded, RunEvent
from elmobench.bench.jobs import Job, PendingVectors
from elmobench.bench.launchers.local import encode_pending, run_pending
from elmobench.bench.session import RunSession
from elmobench.core.errors import ElmobenchError
from elmobench.tracking.record_store import RecordStore
from elmobench.training.devices import use_device


@dataclass(frozen=True)
class WorkerReady:
    """A worker's first message: it has loaded the experiment and takes jobs."""


@dataclass(frozen=True)
class HeldElsewhere:
    """A worker's last message on a job: another run holds the cell, so nothing was done."""


@dataclass(frozen=True)
class WorkerError:
    """An error that ends the whole run."""

    error: Exception


Message = RunEvent | WorkerReady | HeldElsewhere | WorkerError
Send = Callable[[Message], object]


class _EventForwarder:
    """An observer that sends events on, and keeps the last one of the job.

    Args:
        send: takes the events.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self.last: Message = HeldElsewhere()

    def handle(self, event: RunEvent) -> None:
        """See :class:`~elmobench.bench.events.Observer`."""
        if isinstance(event, Encoded | CellFinished):
            self.last = event  # returned by the runner
        else:
            self._send(event)


class JobRunner:
    """Does one job after another; everything is loaded once.

    Args:
        args: of the run context.
        folder: of the records.
        device: the worker's own; None for the experiment's. It stays the current one of this
            process.

    Raises:
        ConfigError: if this machine does not have the device, or the experiment is wrong here.
    """

    def __init__(self, args: ContextArgs, folder: Path, device: str | None = None) -> None:
        device = device or args.experiment.settings.device
        args = replace(args, experiment=args.experiment.with_device(device))
        use_device(device)
        self._context, self._records = RunContext.from_args(args), RecordStore(folder)
        # Loading and checking tasks happens outside of a cell's own thread setting.
        torch.set_num_threads(self._context.experiment.settings.threads)

    def run(self, job: Job, send: Send, *, wait: bool) -> Message:
        """Do ``job``.

        Args:
            job: vectors or a cell.
            send: takes the events that happen before the last one.
            wait: whether to wait for a cell that another run holds.

        Returns:
            The last message: ``Encoded`` or ``CellFinished``, ``HeldElsewhere`` if another run
            holds the cell, or ``WorkerError`` for an error that ends the whole run.
        """
        forwarder = _EventForwarder(send)
        session = RunSession(self._context, self._records, forwarder)
        try:
            if isinstance(job, PendingVectors):
                encode_pending(job, session)
            else:
                self._context.expect_data(job.cell.task, job.cell.fold, job.data)
                run_pending(job, session, wait=wait)
        except (BrokenPipeError, ConnectionResetError):
            raise
        except (ElmobenchError, OSError) as error:
            return WorkerError(error)
        return forwarder.last
