"""Events of a run: what workers report and observers handle. All of them can be pickled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from elmobench.bench.experiment.cells import Cell
from elmobench.bench.jobs import PendingVectors
from elmobench.features.store.feature_store import BuildReport
from elmobench.tracking.record import RunRecord
from elmobench.training.outcome import Epoch


@dataclass(frozen=True)
class EncodingProgress:
    """Of the sentences of ``job``, ``done`` out of ``total`` are in the store."""

    job: PendingVectors
    done: int
    total: int


@dataclass(frozen=True)
class Encoded:
    """A worker finished its share of ``job``.

    Attributes:
        job: the vectors.
        report: what this worker encoded.
        last: whether no other worker is still encoding the same job.
    """

    job: PendingVectors
    report: BuildReport
    last: bool = True


@dataclass(frozen=True)
class CellStarted:
    """Work on ``cell`` began."""

    cell: Cell


@dataclass(frozen=True)
class EpochDone:
    """``cell`` finished an epoch."""

    cell: Cell
    epoch: Epoch


@dataclass(frozen=True)
class CellFinished:
    """The record of ``cell`` is on disk, with status ``ok`` or ``failed``.

    Attributes:
        cell: the cell.
        record: its record.
        by_this_run: False if another process wrote the record in the meantime.
    """

    cell: Cell
    record: RunRecord
    by_this_run: bool


@dataclass(frozen=True)
class RunWarning:
    """A message that the user should see; the run goes on."""

    text: str


RunEvent = EncodingProgress | Encoded | CellStarted | EpochDone | CellFinished | RunWarning


class Observer(Protocol):
    """Receives the events of a run, in the process that started it."""

    def handle(self, event: RunEvent) -> None:
        """React to ``event``."""
