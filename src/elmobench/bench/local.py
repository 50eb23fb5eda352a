"""The simplest launcher: one cell after another, in this process.

Several processes may run the same experiment into the same folder: a cell is trained by
whoever takes its lock first, and the others go on to the next one.
"""

from __future__ import annotations

from collections.abc import Sequence

from filelock import FileLock, Timeout

from elmobench.bench.execute import run_cell
from elmobench.bench.launchers import LaunchOptions, Observer, PendingCell
from elmobench.bench.plan import PlannedCell
from elmobench.bench.workbench import Workbench
from elmobench.errors import ElmobenchError
from elmobench.tracking.record import RecordStore, RunRecord

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
    """See :class:`~elmobench.bench.launchers.Launcher`.

    Args:
        options: nothing of them is read: this process is the only worker.
    """

    def __init__(self, options: LaunchOptions) -> None:
        pass

    def launch(
        self,
        cells: Sequence[PendingCell],
        bench: Workbench,
        records: RecordStore,
        observer: Observer,
    ) -> None:
        """Run ``cells`` in their order; those that another process is at come last."""
        taken = [
            cell for cell in cells if not run_pending(cell, bench, records, observer, wait=False)
        ]
        for cell in taken:
            run_pending(cell, bench, records, observer, wait=True)


def run_pending(
    pending: PendingCell,
    bench: Workbench,
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
                    planned, bench, records, lambda epoch: observer.epoch(planned.cell, epoch)
                )
            except _CELL_ERRORS as error:
                known = isinstance(error, ElmobenchError)
                text = str(error) if known else f"{type(error).__name__}: {error}"
                record = failure(planned, bench, text)
                records.write(record)
            observer.finished(planned.cell, record, here=True)
    except Timeout:
        return False
    return True


def failure(planned: PlannedCell, bench: Workbench, error: str) -> RunRecord:
    """The record of a cell that ended in ``error``."""
    return planned.record(bench.experiment, status="failed", error=error)
