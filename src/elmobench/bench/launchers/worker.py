"""What a worker does, wherever it runs: take a job, do it, and tell."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from elmobench.bench.context import ContextArgs, RunContext
from elmobench.bench.experiment.cells import Cell
from elmobench.bench.launchers.base import Job, PendingVectors
from elmobench.bench.launchers.local import encode_pending, run_pending
from elmobench.core.errors import ElmobenchError
from elmobench.features.store.feature_store import BuildReport
from elmobench.tracking.record import RecordStore, RunRecord
from elmobench.training.trainer import Epoch

Message = tuple[Any, ...]
Send = Callable[[Message], object]


class _Reporter:
    """An observer that sends on what it is told."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.last: Message = ("taken",)

    def encoding(self, job: PendingVectors, done: int, total: int) -> None:
        self._send(("encoding", done, total))

    def encoded(self, job: PendingVectors, report: BuildReport, *, last: bool) -> None:
        pass  # The runner returns the report.

    def started(self, cell: Cell) -> None:
        self._send(("started",))

    def epoch(self, cell: Cell, epoch: Epoch) -> None:
        self._send(("epoch", epoch))

    def finished(self, cell: Cell, record: RunRecord, *, here: bool) -> None:
        self.last = ("finished", record, here)

    def warn(self, text: str) -> None:
        self._send(("warning", text))


class JobRunner:
    """Does one job after another, with everything loaded once.

    Args:
        args: of the run context.
        folder: of the records.
    """

    def __init__(self, args: ContextArgs, folder: Path) -> None:
        self._context, self._records = RunContext.from_args(args), RecordStore(folder)
        # Preparing data and scoring lie outside of a cell's own setting.
        torch.set_num_threads(self._context.experiment.settings.threads)

    def run(self, job: Job, send: Send, *, wait: bool) -> Message:
        """Do ``job``.

        Args:
            job: vectors or a cell.
            send: takes messages about what is going on.
            wait: for a cell that another run is at.

        Returns:
            The last message: ``("encoded", report)``, ``("finished", record, here)``,
            ``("taken",)`` if another run is at the cell, or ``("error", error)`` for what ends
            the whole run.
        """
        reporter = _Reporter(send)
        try:
            if isinstance(job, PendingVectors):
                return (
                    "encoded",
                    encode_pending(job, self._context, partial(reporter.encoding, job)),
                )
            self._context.expect_data(job.cell.task, job.cell.fold, job.data)
            run_pending(job, self._context, self._records, reporter, wait=wait)
        except (BrokenPipeError, ConnectionResetError):
            raise
        except (ElmobenchError, OSError) as error:
            return ("error", error)
        return reporter.last
