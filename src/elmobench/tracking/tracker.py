"""Trackers: where records are logged besides the results folder, for people to look at.

A tracker may fail at any time, and no result depends on it: records are the source, and what a
tracker lacks is logged later from them.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path

from elmobench.core.digests import digest_of
from elmobench.core.errors import ElmobenchError, ElmobenchWarning
from elmobench.core.registry import Registry
from elmobench.core.shell import shell_path
from elmobench.tracking.names import DEFAULT_TRACKER
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore

_PATIENCE = 2
"""How many records in a row may fail before the others are not tried: the store fails, not they."""


class TrackingError(ElmobenchError):
    """The store of a tracker cannot be used."""


class TrackingUriError(TrackingError):
    """The address is none that the tracker knows: a mistake in the command, not a failure."""


class Tracker(ABC):
    """Logs records to one store, by one process and idempotently.

    The first failure is a warning; what could not be logged is logged with a later record or by
    :meth:`sync`. Subclasses implement how a record is written, and what is there already.

    Args:
        uri: address of the store; None for the default one in the results folder.
        records: the results folder.
        experiment: name of the experiment.

    Attributes:
        title: what the tracker is called in messages, for example ``"MLflow"``.
        name: its name in :data:`TRACKERS`.
        uri: where it logs to.
        is_opened: whether :meth:`open` has been called, with or without success.
    """

    title: str
    name: str
    uri: str

    def __init__(self, uri: str | None, records: RecordStore, experiment: str) -> None:
        self._records = records
        self._study = experiment
        self._waiting: dict[str, RunRecord] = {}
        self._warned = False
        self.is_opened = False

    @property
    def opens_slowly(self) -> bool:
        """Whether opening takes seconds, and cannot raise :class:`TrackingUriError`.

        Such a store is opened when the first work of a run is done.
        """
        return False

    @abstractmethod
    def prepare(self) -> None:
        """Open the store, or create it.

        Raises:
            TrackingError: if it cannot be used.
        """

    @abstractmethod
    def known(self) -> set[tuple[str, str]]:
        """Cell and :func:`version` of every record that the store has in full.

        Raises:
            TrackingError: if it cannot be used.
        """

    @abstractmethod
    def write(self, record: RunRecord) -> None:
        """Log ``record``; again changes nothing, and a later result of a cell replaces the earlier.

        Raises:
            TrackingError: if it cannot be logged.
        """

    @abstractmethod
    def write_report(self, paths: Iterable[Path]) -> None:
        """Log the files of the report. Raises TrackingError if they cannot be logged."""

    @property
    def is_away(self) -> bool:
        """Whether the store failed a short time ago, so that no record should wait for it again."""
        return False

    def try_again(self) -> None:  # noqa: B027 (most trackers have nothing to do)
        """Let the next attempt be made at once, although the store :attr:`is_away`."""

    def open(self) -> bool:
        """Prepare the store; returns whether that worked.

        Raises:
            TrackingUriError: if the address is none that the tracker knows.
        """
        self.is_opened = True
        try:
            self.prepare()
        except TrackingUriError:
            raise
        except TrackingError as error:
            self._warn(error)
            return False
        return True

    def log(self, record: RunRecord) -> bool:
        """Log ``record``; returns whether the store has it now.

        After a failure records wait for a while; then all that wait are logged.
        """
        self._waiting[record.cell] = record
        if self.is_away:
            return False
        # The newest first: one that the store refuses must not keep the others waiting.
        for waiting in reversed(list(self._waiting.values())):
            try:
                self._write_waiting(waiting)
            except TrackingError as error:
                self._warn(error)
                break
        return record.cell not in self._waiting

    def log_report(self, paths: Iterable[Path]) -> bool:
        """Log the report's files; returns whether it worked."""
        if self.is_away:
            return False
        try:
            self.write_report(paths)
        except TrackingError as error:
            self._warn(error)
            return False
        return True

    def sync(self) -> int:
        """Log the planned records that the store does not have yet; returns their number.

        A store that cannot be used is a warning, unless there was one before.
        """
        logged, error = self._sync()
        if error is not None:
            self._warn(error)
        return logged

    def rebuild(self) -> int:
        """Like :meth:`sync`, but a failure is an error.

        Raises:
            TrackingError: if some records could not be logged; the others are.
        """
        logged, error = self._sync()
        if error is not None:
            raise error
        return logged

    def _sync(self) -> tuple[int, TrackingError | None]:
        """Log what is missing: the number of records, and the last failure if there was any."""
        self.try_again()
        try:
            known = self.known()
        except TrackingError as error:
            return 0, error
        # Two points of a grid may share one record, which is logged once.
        records = {record.cell: record for record in self._records.planned()}
        missing = [r for r in records.values() if (r.cell, version(r)) not in known]
        logged, failures = 0, 0
        last: TrackingError | None = None
        for record in missing:
            try:
                self._write_waiting(record)
                logged, failures = logged + 1, 0
            except TrackingError as error:
                last, failures = error, failures + 1
                if failures == _PATIENCE:
                    break
        return logged, last

    def _write_waiting(self, record: RunRecord) -> None:
        self.write(record)
        self._waiting.pop(record.cell, None)

    def _warn(self, error: TrackingError) -> None:
        """Say once what happened and what follows from it."""
        if self._warned:
            return
        self._warned = True
        option = "" if self.name == DEFAULT_TRACKER else f" --tracker {self.name}"
        warnings.warn(
            f"{self.title} does not log this run at present: {error.where}: {error.what}. Results "
            f"are recorded as usual, and what {self.title} lacks is logged when it works again, or "
            f"by `elmobench track {shell_path(self._records.folder)}{option}`",
            ElmobenchWarning,
            stacklevel=3,
        )


TRACKERS: Registry[Callable[[str | None, RecordStore, str], Tracker]] = Registry(
    "tracker", "elmobench.trackers"
)
"""Every :class:`Tracker` by name. Other packages add theirs as entry points."""
TRACKERS.add_lazy(
    "mlflow", "elmobench.tracking.mlflow_log:MlflowTracker", "runs and artifacts in MLflow"
)
TRACKERS.add_lazy(
    "tensorboard",
    "elmobench.tracking.tensorboard_log:TensorBoardTracker",
    "curves and layer weights in TensorBoard (extra: tensorboard)",
)


def open_tracker(
    uri: str | None,
    records: RecordStore,
    experiment: str,
    name: str = DEFAULT_TRACKER,
    *,
    may_wait: bool = False,
) -> Tracker | None:
    """Open a tracker; None if there is to be none.

    Warns if its store cannot be used at present.

    Args:
        uri: address of the store; None for the default one in the results folder, ``"none"`` for
            no tracking.
        records: the results folder.
        experiment: name of the experiment.
        name: of the tracker, or ``"none"``.
        may_wait: return a tracker that opens slowly without opening it.

    Raises:
        UnknownNameError: if there is no such tracker.
        TrackingUriError: if the address is none that the tracker knows.
    """
    if "none" in (uri, name):
        return None
    tracker = TRACKERS.get(name)(uri, records, experiment)
    if not (may_wait and tracker.opens_slowly):
        tracker.open()
    return tracker


def version(record: RunRecord) -> str:
    """Digest that differs between an earlier and a later result of a cell."""
    if record.run is None:
        return digest_of([record.status, record.error])[:16]
    return digest_of([record.status, record.run.started, record.run.seconds])[:16]
