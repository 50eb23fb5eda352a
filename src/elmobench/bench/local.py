"""The simplest launcher: one cell after another, in this process.

Several processes may run the same experiment into the same folder: a cell is trained by
whoever takes its lock first, and the others go on to the next one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from filelock import FileLock, Timeout

from elmobench.bench.cells import Cell
from elmobench.bench.execute import run_cell
from elmobench.bench.launchers import Observer, PendingCell
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
        before = {digest: records.read(digest) for _, digest in cells}
        taken = []
        for pending in cells:
            if not self._run(pending, bench, records, observer, before, wait=False):
                taken.append(pending)
        for pending in taken:
            self._run(pending, bench, records, observer, before, wait=True)

    def _run(
        self,
        pending: PendingCell,
        bench: Workbench,
        records: RecordStore,
        observer: Observer,
        before: Mapping[str, RunRecord | None],
        *,
        wait: bool,
    ) -> bool:
        """Run one cell; False if another process holds it."""
        cell, digest = pending
        try:
            with FileLock(records.lock_path(digest), timeout=-1 if wait else 0):
                record = records.read(digest)
                if record is not None and record != before[digest]:
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
