"""Launchers: where cells run, and what they tell while they do."""

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
    """Told what happens, in the process that launched."""

    def started(self, cell: Cell) -> None:
        """``cell`` begins."""

    def epoch(self, cell: Cell, epoch: Epoch) -> None:
        """``cell`` finished an epoch."""

    def finished(self, cell: Cell, record: RunRecord, *, here: bool) -> None:
        """``cell`` was recorded, as ``ok`` or ``failed``: by this run, or by another one."""

    def warn(self, text: str) -> None:
        """Something that the person at the terminal should know."""


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


@dataclass(frozen=True)
class LaunchOptions:
    """What a launcher is made with.

    Attributes:
        workers: how many cells run at a time; None for what the machine has room for.
    """

    workers: int | None = None


LAUNCHERS: Registry[Callable[[LaunchOptions], Launcher]] = Registry(
    "launcher", "elmobench.launchers"
)
LAUNCHERS.add_lazy(
    "local", "elmobench.bench.local:LocalLauncher", "one cell after another, in this process"
)
LAUNCHERS.add_lazy("pool", "elmobench.bench.pool:PoolLauncher", "several processes of this machine")
