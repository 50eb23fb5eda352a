"""What a worker process of the pool does: take a cell, run it, tell, and take the next one."""

from __future__ import annotations

import signal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from elmobench.bench.cells import Cell
from elmobench.bench.launchers import PendingCell
from elmobench.bench.local import run_pending
from elmobench.bench.workbench import Recipe, Workbench
from elmobench.errors import ElmobenchError
from elmobench.tracking.record import RecordStore, RunRecord
from elmobench.training.trainer import Epoch


class _Reporter:
    """Passes on to the parent what an observer is told."""

    def __init__(self, connection: Connection[Any, Any]) -> None:
        self._connection = connection

    def started(self, cell: Cell) -> None:
        self._connection.send(("started",))

    def epoch(self, cell: Cell, epoch: Epoch) -> None:
        self._connection.send(("epoch", epoch))

    def finished(self, cell: Cell, record: RunRecord, *, here: bool) -> None:
        self._connection.send(("finished", record, here))

    def warn(self, text: str) -> None:
        self._connection.send(("warning", text))


def work(connection: Connection[Any, Any], recipe: Recipe, folder: Path) -> None:
    """Run the cells that come through ``connection`` until None comes, or nobody is there."""
    # Ctrl-C reaches every process of the terminal: the parent decides, and stops its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    bench, records = Workbench(*recipe), RecordStore(folder)
    # Preparing data and scoring lie outside of a cell's own setting.
    torch.set_num_threads(bench.experiment.settings.threads)
    try:
        connection.send(("ready",))
        while (message := connection.recv()) is not None:
            pending, wait = message
            _run(pending, bench, records, connection, wait=wait)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # The parent is gone. What was finished is on disk.


def _run(
    pending: PendingCell,
    bench: Workbench,
    records: RecordStore,
    connection: Connection[Any, Any],
    *,
    wait: bool,
) -> None:
    planned = pending.planned
    bench.expect_data(planned.cell.task, planned.cell.fold, planned.identity["data"])
    try:
        if not run_pending(pending, bench, records, _Reporter(connection), wait=wait):
            connection.send(("taken",))
    except (BrokenPipeError, ConnectionResetError):
        raise
    except (ElmobenchError, OSError) as error:
        connection.send(("error", error))
