"""Launchers: where cells run. One process for now; the contract leaves room for more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from elmobench.bench.cells import Cell
from elmobench.bench.plan import PlannedCell
from elmobench.bench.workbench import Workbench
from elmobench.registry import Registry
from elmobench.tracking.record import RecordStore, RunRecord
from elmobench.training.trainer import Epoch


@dataclass(frozen=True)
class PendingCell:
    """A cell to be run.

    Attributes:
        planned: the cell.
        previous: its record when the run was planned: of a failure, or to be overwritten. A
            record that differs from it is another process's work.
    """

    planned: PlannedCell
    previous: RunRecord | None


class Observer(Protocol):
    """Told what happens, in this process."""

    def started(self, cell: Cell) -> None:
        """``cell`` begins."""

    def epoch(self, epoch: Epoch) -> None:
        """The current cell finished an epoch."""

    def finished(self, cell: Cell, record: RunRecord, *, here: bool) -> None:
        """``cell`` was recorded, as ``ok`` or ``failed``: ``here``, or by another process."""


class Launcher(Protocol):
    """Runs cells somewhere; every record is written before ``finished`` is told."""

    def launch(
        self,
        cells: Sequence[PendingCell],
        bench: Workbench,
        records: RecordStore,
        observer: Observer,
    ) -> None:
        """Run ``cells``; a cell that fails is recorded and the rest goes on."""
        ...


LAUNCHERS: Registry[Callable[[], Launcher]] = Registry("launcher", "elmobench.launchers")
LAUNCHERS.add_lazy(
    "local", "elmobench.bench.local:LocalLauncher", "one cell after another, in this process"
)
