"""Jobs of a run: cells to train, and vectors to encode before them."""

from __future__ import annotations

from dataclasses import dataclass

from elmobench.bench.experiment.cells import Cell
from elmobench.bench.experiment.parts import PartSettings
from elmobench.bench.plan import PlannedCell
from elmobench.tracking.record import RunRecord


@dataclass(frozen=True)
class PendingCell:
    """A cell to be run.

    Attributes:
        planned: the cell.
        previous: its record when the run was planned: of a failure, or to be overwritten. A
            record that differs from it was written by another process since then.
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
        """Text for messages."""
        return self.cell.label

    @property
    def lock(self) -> str:
        """Name of the job's lock. Jobs with the same lock never run at the same time."""
        return self.planned.lock


@dataclass(frozen=True)
class PendingVectors:
    """Vectors of all sentences that a cell reads, to be encoded if they are not in the store yet.

    Attributes:
        cell: the cell whose sentences are encoded.
        part: the part of the features whose provider encodes them.
        fingerprint: of that provider.
        data: see :attr:`PendingCell.data`.
    """

    cell: Cell
    part: PartSettings
    fingerprint: str
    data: str

    @property
    def label(self) -> str:
        """Text for messages."""
        fold = "" if self.cell.fold is None else f", fold {self.cell.fold}"
        return f"{self.part.name} on {self.cell.task}{fold}"

    @property
    def lock(self) -> str:
        """See :attr:`PendingCell.lock`. One job per provider runs at a time: the last bits of a
        vector depend on its batch, so tasks that share sentences are encoded in grid order."""
        return self.fingerprint


Job = PendingCell | PendingVectors
