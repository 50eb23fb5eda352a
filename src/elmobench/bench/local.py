"""The simplest launcher: one cell after another, in this process.

Several processes may run the same experiment into the same folder: a cell is trained by
whoever takes its lock first, and the others go on to the next one.
"""

from __future__ import annotations

from collections.abc import Sequence

from filelock import FileLock, Timeout

from elmobench.bench.cells import Cell, cell_digest
from elmobench.bench.execute import run_cell
from elmobench.bench.launchers import Observer, PendingCell
from elmobench.bench.selection import candidates, selection_key
from elmobench.bench.workbench import Workbench
from elmobench.errors import ElmobenchError
from elmobench.tracking.record import RecordStore, RunRecord


class LocalLauncher:
    """See :class:`~elmobench.bench.launchers.Launcher`."""

    def launch(
        self,
        cells: Sequence[PendingCell],
        bench: Workbench,
        records: RecordStore,
        observer: Observer,
    ) -> None:
        """Run ``cells`` in their order; those that another process is at come last."""
        taken = []
        for pending in cells:
            if not self._run(pending, bench, records, observer, wait=False):
                taken.append(pending)
        for pending in taken:
            self._run(pending, bench, records, observer, wait=True)

    def _run(
        self,
        pending: PendingCell,
        bench: Workbench,
        records: RecordStore,
        observer: Observer,
        *,
        wait: bool,
    ) -> bool:
        """Run one cell; False if another process holds it."""
        cell, digest = pending.cell, pending.digest
        try:
            with FileLock(records.lock_path(_lock_name(cell, bench)), timeout=-1 if wait else 0):
                record = records.read(digest)
                if record is not None and record != pending.previous:
                    observer.finished(cell, record, here=False)
                    return True
                observer.started(cell)
                try:
                    record = run_cell(cell, bench, records, observer.epoch)
                except ElmobenchError as error:
                    record = failure(cell, digest, bench, error)
                    records.write(record)
                observer.finished(cell, record, here=True)
        except Timeout:
            return False
        return True


def _lock_name(cell: Cell, bench: Workbench) -> str:
    """One lock a cell; one for all its seeds where they share a search, made by the first."""
    identity = bench.identity(cell)
    return selection_key(identity) if len(candidates(cell.training)) > 1 else cell_digest(identity)


def failure(cell: Cell, digest: str, bench: Workbench, error: ElmobenchError) -> RunRecord:
    """The record of a cell that ended in ``error``."""
    return RunRecord(
        cell=digest,
        experiment=bench.experiment.name,
        task=cell.task,
        pipeline=cell.pipeline,
        features=cell.features,
        head=cell.head,
        seed=cell.seed,
        axes=cell.axes,
        identity=bench.identity(cell),
        status="failed",
        error=str(error),
        caveats=list(bench.experiment.caveats),
    )
