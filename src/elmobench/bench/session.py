"""What every step of a run needs: its context, its records and its observer."""

from __future__ import annotations

from dataclasses import dataclass

from elmobench.bench.context import RunContext
from elmobench.bench.events import Observer
from elmobench.tracking.record_store import RecordStore


@dataclass(frozen=True)
class RunSession:
    """The objects that a run passes to its launcher, and a worker to its jobs.

    Attributes:
        context: the experiment, with its tasks, providers and feature store.
        records: the results folder.
        observer: receives the run's events.
    """

    context: RunContext
    records: RecordStore
    observer: Observer
