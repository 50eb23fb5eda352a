"""The simplest launcher: one cell after another, in this process.

Several processes may run the same experiment into the same folder: a cell is trained by
whoever takes its lock first, and the others go on to the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from filelock import FileLock, Timeout

from elmobench.bench.context import RunContext
from elmobench.bench.launchers.base import LaunchOptions, Observer, PendingCell, PendingVectors
from elmobench.bench.plan import PlannedCell
from elmobench.bench.run_cell import run_cell
from elmobench.core.errors import ElmobenchError
from elmobench.features.store.feature_store import BuildReport
from elmobench.tracking.record import RecordStore, RunRecord
from elmobench.training.machine import torch_threads

# What a cell's own computation may raise. A full disk or an interrupt is not among them: those
# end the run, since the next cell would meet them too.
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
        options: nothing of them is read: this process is the only worker.
    """

    def __init__(self, options: LaunchOptions) -> None:
        pass

    def encode(
        self,
        jobs: Sequence[PendingVectors],
        context: RunContext,
        records: RecordStore,
        observer: Observer,
    ) -> None:
        """Encode ``jobs`` in their order."""
        for job in jobs:
            report = encode_pending(job, context, partial(observer.encoding, job))
            observer.encoded(job, report, last=True)

    def close(self) -> None:
        """Nothing is open."""

    def run_cells(
        self,
        cells: Sequence[PendingCell],
        context: RunContext,
        records: RecordStore,
        observer: Observer,
    ) -> None:
        """Run ``cells`` in their order; those that another process is at come last."""
        taken = [
            cell for cell in cells if not run_pending(cell, context, records, observer, wait=False)
        ]
        for cell in taken:
            run_pending(cell, context, records, observer, wait=True)


def encode_pending(
    job: PendingVectors, context: RunContext, told: Callable[[int, int], object]
) -> BuildReport:
    """Encode what is missing; ``told`` hears how many sentences are done, of how
    many."""
    context.expect_data(job.cell.task, job.cell.fold, job.data)
    sentences = context.sentences(job.cell)
    done = 0

    def advance(steps: int) -> None:
        nonlocal done
        done += steps
        told(done, len(sentences))

    with torch_threads(context.experiment.settings.threads):
        report = context.store.build(context.provider(job.part), sentences, advance)
    if report.encoded_sentences or report.encoded_types:
        context.forget_stored(job.part)
    return report


def run_pending(
    pending: PendingCell,
    context: RunContext,
    records: RecordStore,
    observer: Observer,
    *,
    wait: bool,
) -> bool:
    """Run one cell; False if another process holds it."""
    planned = pending.planned
    try:
        with FileLock(records.lock_path(planned.lock), timeout=-1 if wait else 0):
            record = records.read(planned.digest)
            if record is not None and record != pending.previous:
                observer.finished(planned.cell, record, here=False)
                return True
            observer.started(planned.cell)
            try:
                record = run_cell(
                    planned, context, records, lambda epoch: observer.epoch(planned.cell, epoch)
                )
            except _CELL_ERRORS as error:
                known = isinstance(error, ElmobenchError)
                text = str(error) if known else f"{type(error).__name__}: {error}"
                record = failure(planned, context, text)
                records.write(record)
            observer.finished(planned.cell, record, here=True)
    except Timeout:
        return False
    return True


def failure(planned: PlannedCell, context: RunContext, error: str) -> RunRecord:
    """The record of a cell that ended in ``error``."""
    return planned.record(context.experiment, status="failed", error=error)
