"""Launchers: where sentences are encoded and cells run, and what they tell while they do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from elmobench.bench.context import RunContext
from elmobench.bench.experiment.cells import Cell, PartSettings
from elmobench.bench.plan import PlannedCell
from elmobench.core.registry import Registry
from elmobench.features.store.feature_store import BuildReport
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

    @property
    def cell(self) -> Cell:
        """The cell itself."""
        return self.planned.cell

    @property
    def data(self) -> str:
        """Digest of the task's data when the run was planned."""
        return str(self.planned.identity["data"])

    @property
    def label(self) -> str:
        """For messages."""
        return self.cell.label

    @property
    def lock(self) -> str:
        """Jobs with the same one never run at the same time."""
        return self.planned.lock


@dataclass(frozen=True)
class PendingVectors:
    """Vectors of all sentences that a cell reads, to be stored as far as they are not yet.

    Attributes:
        cell: whose sentences.
        part: whose provider.
        fingerprint: of the provider.
        data: see :attr:`PendingCell.data`.
    """

    cell: Cell
    part: PartSettings
    fingerprint: str
    data: str

    @property
    def label(self) -> str:
        """For messages."""
        fold = "" if self.cell.fold is None else f", fold {self.cell.fold}"
        return f"{self.part.name} on {self.cell.task}{fold}"

    @property
    def lock(self) -> str:
        """See :attr:`PendingCell.lock`. Data that share sentences are encoded in the order of the
        grid, since what is encoded together decides the last bits."""
        return self.fingerprint


Job = PendingCell | PendingVectors


class Observer(Protocol):
    """Told what happens, in the process that launched."""

    def encoding(self, job: PendingVectors, done: int, total: int) -> None:
        """``done`` sentences of ``job`` are stored, of ``total``."""

    def encoded(self, job: PendingVectors, report: BuildReport, *, last: bool) -> None:
        """A worker is through with ``job``; ``last`` if no other one is at it."""

    def started(self, cell: Cell) -> None:
        """``cell`` begins."""

    def epoch(self, cell: Cell, epoch: Epoch) -> None:
        """``cell`` finished an epoch."""

    def finished(self, cell: Cell, record: RunRecord, *, here: bool) -> None:
        """``cell`` was recorded, as ``ok`` or ``failed``: by this run, or by another one."""

    def warn(self, text: str) -> None:
        """Something that the person at the terminal should know."""


class Launcher(Protocol):
    """Encodes and runs cells somewhere; every record is written before ``finished`` is told."""

    def encode(
        self,
        jobs: Sequence[PendingVectors],
        context: RunContext,
        records: RecordStore,
        observer: Observer,
    ) -> None:
        """Store what the store lacks of ``jobs``."""
        ...

    def run_cells(
        self,
        cells: Sequence[PendingCell],
        context: RunContext,
        records: RecordStore,
        observer: Observer,
    ) -> None:
        """Run ``cells``; a cell that fails is recorded and the rest goes on."""
        ...

    def close(self) -> None:
        """Let all workers go. Nothing if there are none."""
        ...


@dataclass(frozen=True)
class LaunchOptions:
    """What a launcher is made with.

    Attributes:
        workers: how many cells run at a time; None for what the machine has room for.
        address: of a Ray cluster that runs already; None for one on this machine alone.
    """

    workers: int | None = None
    address: str | None = None


LAUNCHERS: Registry[Callable[[LaunchOptions], Launcher]] = Registry(
    "launcher", "elmobench.launchers"
)
LAUNCHERS.add_lazy(
    "local",
    "elmobench.bench.launchers.local:LocalLauncher",
    "one cell after another, in this process",
)
LAUNCHERS.add_lazy(
    "pool",
    "elmobench.bench.launchers.processes:ProcessPoolLauncher",
    "several processes of this machine",
)
LAUNCHERS.add_lazy(
    "ray",
    "elmobench.bench.launchers.ray_cluster:RayLauncher",
    "a Ray cluster, or this machine through Ray",
)
