"""The simplest launcher: one cell after another, in this process.

Several processes may run the same experiment into the same folder: the first process that takes
a cell's lock trains the cell, and the others go on to the next one.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from filelock import FileLock, Timeout

from elmobench.bench.context import RunContext
from elmobench.bench.events import (
    CellFinished,
    CellStarted,
    Encoded,
    EncodingProgress,
    RunWarning,
)
from elmobench.bench.jobs import PendingCell, PendingVectors
from elmobench.bench.launchers.base import LaunchOptions
from elmobench.bench.plan import PlannedCell
from elmobench.bench.run_cell import run_cell
from elmobench.bench.session import RunSession
from elmobench.bench.worker_memory import check_memory
from elmobench.core.errors import ElmobenchError
from elmobench.features.store.damage import DamagedStoreError
from elmobench.features.store.feature_store import BuildReport
from elmobench.tracking.record import RunRecord
from elmobench.training.machine import torch_threads

# Errors that a cell's own computation may raise. A full disk or an interrupt is not among them:
# those end the run, since the next cell would meet them too.
_CELL_ERRORS = (
    ElmobenchError,
    ArithmeticError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)


class LocalLauncher:
    """See :class:`~elmobench.bench.launchers.base.Launcher`.

    Args:
        options: ignored, since this process is the only worker.
    """

    def __init__(self, options: LaunchOptions) -> None:
        pass

    def encode(self, jobs: Sequence[PendingVectors], session: RunSession) -> None:
        """Encode ``jobs`` in their order.

        Raises:
            ConfigError: if the run does not fit into the available memory.
        """
        check_memory(session.context)
        for job in jobs:
            encode_pending(job, session)

    def run_cells(self, cells: Sequence[PendingCell], session: RunSession) -> None:
        """Run ``cells`` in their order; those that another process holds come last."""
        held_elsewhere = [cell for cell in cells if not run_pending(cell, session, wait=False)]
        for cell in held_elsewhere:
            run_pending(cell, session, wait=True)

    def close(self) -> None:
        """Do nothing: there are no workers."""


def encode_pending(job: PendingVectors, session: RunSession) -> None:
    """Encode the sentences of ``job`` that are not in the store yet; reports progress and end."""
    context, observer = session.context, session.observer
    context.expect_data(job.cell.task, job.cell.fold, job.data)
    sentences = context.sentences(job.cell)
    done = 0

    def advance(steps: int) -> None:
        nonlocal done
        done += steps
        observer.handle(EncodingProgress(job, done, len(sentences)))

    try:
        with torch_threads(context.experiment.settings.threads):
            report = context.store.build(context.provider(job.part), sentences, advance)
    except DamagedStoreError as error:
        # The cells of these features fail, with this error in their records; all others are run.
        observer.handle(RunWarning(f"{job.label}: {error}"))
        report = BuildReport(len(sentences), 0, 0, 0, 0.0, 0.0, 0)
    except torch.OutOfMemoryError as error:
        observer.handle(RunWarning(f"{job.label}: {failure_text(error)}"))
        report = BuildReport(len(sentences), 0, 0, 0, 0.0, 0.0, 0)
    if report.encoded_sentences or report.encoded_types:
        context.forget_stored(job.part)
    observer.handle(Encoded(job, report))


def run_pending(pending: PendingCell, session: RunSession, *, wait: bool) -> bool:
    """Run one cell; its record is written, as ``ok`` or ``failed``.

    Args:
        pending: the cell.
        session: of the run.
        wait: whether to wait for a cell that another process holds.

    Returns:
        False if another process holds the cell and ``wait`` is False.
    """
    planned, records, observer = pending.planned, session.records, session.observer
    try:
        with FileLock(records.lock_path(planned.lock), timeout=-1 if wait else 0):
            record = records.read(planned.digest)
            if record is not None and record != pending.previous:
                observer.handle(CellFinished(planned.cell, record, by_this_run=False))
                return True
            observer.handle(CellStarted(planned.cell))
            try:
                record = run_cell(planned, session)
            except _CELL_ERRORS as error:
                record = failed_record(planned, session.context, failure_text(error))
                records.write(record)
            observer.handle(CellFinished(planned.cell, record, by_this_run=True))
    except Timeout:
        return False
    return True


def failure_text(error: Exception) -> str:
    """What a record says of an error."""
    if isinstance(error, ElmobenchError):
        return str(error)
    if isinstance(error, torch.OutOfMemoryError):
        torch.cuda.empty_cache()  # for the next cell
        reason = str(error).partition(". ")[0]
        return (
            f"the GPU's memory is full ({reason}): lower training.batch_size, end what else uses "
            "this GPU, or set settings.device to cpu"
        )
    return f"{type(error).__name__}: {error}"


def failed_record(planned: PlannedCell, context: RunContext, error: str) -> RunRecord:
    """The record of a cell that ended in ``error``."""
    return planned.record(context.experiment, status="failed", error=error)
