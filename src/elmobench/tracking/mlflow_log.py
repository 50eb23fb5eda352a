"""Log run records to MLflow, by one process and idempotently.

An experiment is a parent run and each of its cells a nested run. Logging a cell twice changes
nothing: its run is found by its tag and left alone if it is finished.
"""

from __future__ import annotations

import re
import shutil
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from elmobench.core.digests import digest_of
from elmobench.core.errors import ElmobenchWarning
from elmobench.core.files import temporary_path
from elmobench.core.shell import shell_path
from elmobench.tracking.mlflow_store import MlflowStore, TrackingError, TrackingUriError
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore

if TYPE_CHECKING:
    from mlflow import MlflowClient

CELL_TAG = "elmobench.cell"
STUDY_TAG = "elmobench.experiment"
VERSION_TAG = "elmobench.version"
PARENT_TAG = "mlflow.parentRunId"
# What every MLflow server accepts.
_PARAMETER_LIMIT = 500
_TAG_LIMIT = 4000
_KEY_LIMIT = 100
_PATIENCE = 2
"""How many records in a row may fail before the others are not tried: the store fails, not they."""


class _Ids(NamedTuple):
    """MLflow's ids of an experiment and of its parent run."""

    experiment: str
    parent: str


def open_tracker(uri: str | None, records: RecordStore, experiment: str) -> Tracker | None:
    """Open a tracker on ``uri``; None means the default SQLite file, ``"none"`` no tracker.

    Warns if the store cannot be used at present.

    Raises:
        TrackingUriError: if MLflow does not know such addresses.
    """
    if uri == "none":
        return None
    tracker = Tracker(uri, records, experiment)
    tracker.open()
    return tracker


class Tracker:
    """Writes records to one MLflow store.

    The store may fail at any time: the first failure is a warning, what could not be logged is
    logged with a later record or by :meth:`sync`, and no result depends on it.

    Args:
        uri: any MLflow tracking URI; None for the SQLite file in the results folder.
        records: the results folder, for artifacts.
        experiment: name of the MLflow experiment and of its parent run.
    """

    def __init__(self, uri: str | None, records: RecordStore, experiment: str) -> None:
        self._store = MlflowStore(uri, records.folder)
        self.uri = self._store.uri
        self._records = records
        self._name = experiment
        self._waiting: dict[str, RunRecord] = {}
        self._warned = False

    def open(self) -> bool:
        """Find or create the experiment and its parent run; returns whether that worked.

        Raises:
            TrackingUriError: if MLflow does not know such addresses.
        """
        try:
            with self._session():
                return True
        except TrackingUriError:
            raise
        except TrackingError as error:
            self._warn(error)
            return False

    def log(self, record: RunRecord) -> bool:
        """Log ``record`` as a nested run; returns whether the store has it now.

        Logging again changes nothing. A run that is unfinished (the process died while logging)
        or has an earlier result of the cell is deleted and made again. After a failure, records
        wait for a while before the store is asked again; then all that wait are logged.
        """
        self._waiting[record.cell] = record
        if self._store.is_away:
            return False
        # The newest first: one that the store refuses must not keep the others waiting.
        for waiting in reversed(list(self._waiting.values())):
            try:
                self._log_now(waiting)
            except TrackingError as error:
                self._warn(error)
                break
        return record.cell not in self._waiting

    def log_report(self, paths: Iterable[Path]) -> bool:
        """Log the report's files to the parent run; returns whether it worked."""
        if self._store.is_away:
            return False
        try:
            with self._session() as (client, ids):
                for path in paths:
                    client.log_artifact(ids.parent, str(path), "report")
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
        self._store.forget_failures()
        was_open = self._store.is_open
        try:
            known = self._logged()
        except TrackingError as error:
            if not was_open:
                return 0, error
            # After a failure the store is checked, which puts a damaged database aside.
            try:
                known = self._logged()
            except TrackingError as second:
                return 0, second
        # Two points of a grid may share one record, which is one run.
        records = {record.cell: record for record in self._records.planned()}
        missing = [r for r in records.values() if (r.cell, _version(r)) not in known]
        logged, failures = 0, 0
        last: TrackingError | None = None
        for record in missing:
            try:
                self._log_now(record)
                logged, failures = logged + 1, 0
            except TrackingError as error:
                last, failures = error, failures + 1
                if failures == _PATIENCE:
                    break
        return logged, last

    def _logged(self) -> set[tuple[str, str]]:
        """See :func:`_known`. Raises TrackingError if the store cannot be used."""
        with self._session() as (client, ids):
            return _known(client, ids)

    def _log_now(self, record: RunRecord) -> None:
        with self._session() as (client, ids):
            self._log(client, ids, record)
        self._waiting.pop(record.cell, None)

    @contextmanager
    def _session(self) -> Iterator[tuple[MlflowClient, _Ids]]:
        """Yield MLflow's client and the ids of the experiment and its parent run.

        Raises:
            TrackingError: for whatever fails inside the block.
        """
        with self._store.client() as client:
            # Asked anew each time: another process may have put the database aside.
            experiment = self._experiment(client)
            yield client, _Ids(experiment, self._parent(client, experiment))

    def _warn(self, error: TrackingError) -> None:
        """Say once what happened and what follows from it."""
        if self._warned:
            return
        self._warned = True
        warnings.warn(
            f"MLflow does not log this run at present: {error.where}: {error.what}. Results are "
            "recorded as usual, and what MLflow lacks is logged when it works again, or by "
            f"`elmobench track {shell_path(self._records.folder)}`",
            ElmobenchWarning,
            stacklevel=3,
        )

    def _log(self, client: MlflowClient, ids: _Ids, record: RunRecord) -> None:
        for run in _runs(client, ids.experiment, f"tags.`{CELL_TAG}` = '{record.cell}'"):
            if _is_finished(run) and run.data.tags.get(VERSION_TAG) == _version(record):
                return
            client.delete_run(run.info.run_id)
        run = client.create_run(
            ids.experiment,
            run_name=_run_name(record),
            tags={
                PARENT_TAG: ids.parent,
                CELL_TAG: record.cell,
                VERSION_TAG: _version(record),
                "elmobench.status": record.status,
                **({"elmobench.signature": record.run.signature} if record.run else {}),
                **({"elmobench.error": record.error[:_TAG_LIMIT]} if record.error else {}),
            },
        )
        run_id = str(run.info.run_id)
        _log_values(client, run_id, record)
        # In the results folder, where the next run removes what a killed one leaves.
        scratch = temporary_path(self._records.folder / "mlflow-artifacts")
        try:
            for path in self._records.files_of(record, RecordStore(scratch)):
                client.log_artifact(run_id, str(path))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        status = "FINISHED" if record.status == "ok" else "FAILED"
        client.set_terminated(run_id, status=status)

    def _experiment(self, client: MlflowClient) -> str:
        experiment = client.get_experiment_by_name(self._name)
        if experiment is not None:
            if experiment.lifecycle_stage == "deleted":
                client.restore_experiment(experiment.experiment_id)
            return str(experiment.experiment_id)
        return str(client.create_experiment(self._name, artifact_location=self._store.artifacts))

    def _parent(self, client: MlflowClient, experiment: str) -> str:
        # The name of a folder may contain an apostrophe; MLflow has no way to escape it.
        quote = '"' if "'" in self._name else "'"
        for run in _runs(client, experiment, f"tags.`{STUDY_TAG}` = {quote}{self._name}{quote}"):
            return str(run.info.run_id)
        run = client.create_run(experiment, run_name=self._name, tags={STUDY_TAG: self._name})
        client.set_terminated(run.info.run_id)
        return str(run.info.run_id)


def _known(client: MlflowClient, ids: _Ids) -> set[tuple[str, str]]:
    """(cell, version) of every finished run."""
    known: set[tuple[str, str]] = set()
    token = None
    while True:
        page = client.search_runs(
            [ids.experiment], filter_string="", max_results=1000, page_token=token
        )
        for run in page:
            if _is_finished(run):
                tags = run.data.tags
                known.add((tags.get(CELL_TAG, ""), tags.get(VERSION_TAG, "")))
        token = page.token
        if not token:
            return known


def _runs(client: MlflowClient, experiment: str, query: str) -> list[Any]:
    return list(client.search_runs([experiment], filter_string=query))


def _log_values(client: MlflowClient, run_id: str, record: RunRecord) -> None:
    from mlflow.entities import Metric, Param

    parameters = [Param(k, v[:_PARAMETER_LIMIT]) for k, v in _parameters(record).items()]
    metrics = [Metric(k, v, 0, step) for k, v, step in _metrics(record)]
    client.log_batch(run_id, params=parameters)
    for start in range(0, len(metrics), 1000):  # the server's limit for one request
        client.log_batch(run_id, metrics=metrics[start : start + 1000])


def _version(record: RunRecord) -> str:
    """Digest that differs between an earlier and a later result of a cell."""
    if record.run is None:
        return digest_of([record.status, record.error])[:16]
    return digest_of([record.status, record.run.started, record.run.seconds])[:16]


def _is_finished(run: Any) -> bool:
    return run.info.status in ("FINISHED", "FAILED")


def _run_name(record: RunRecord) -> str:
    return f"{record.task} {record.features} {record.head} seed {record.seed}"


def _parameters(record: RunRecord) -> dict[str, str]:
    identity = record.identity
    flat = {
        "task": record.task,
        "pipeline": record.pipeline,
        "features": record.features,
        "head": record.head,
        "seed": str(record.seed),
        "threads": str(identity.get("threads")),
        "precision": str(identity.get("precision")),
        "placement": str(identity.get("placement")),
        "train_fraction": str(identity.get("train_fraction")),
    }
    for block in ("options", "training"):
        for key, value in identity.get(block, {}).items():
            flat[f"{block}.{key}"] = str(value)
    for key, value in record.axes.items():
        flat.setdefault(key, str(value))
    return flat


def _metrics(record: RunRecord) -> Iterator[tuple[str, float, int]]:
    """Yield (key, value, step); a step is an epoch, the best one for overall scores."""
    result = record.result
    if result is None:
        return
    for split, scores in (("test", result.test), ("dev", result.dev)):
        for name, value in scores.items():
            yield f"{split}.{name}", value, result.best_epoch
    for row in result.curve:
        if row.train_loss is not None:
            yield "epoch.train_loss", row.train_loss, row.epoch
        yield "epoch.dev", row.dev, row.epoch
        for placement, parts in row.layer_weights.items():
            for part, mix in parts.items():
                prefix = f"mix.{placement}.{_key(part)}"
                # Weights that were not learned (uniform, one layer) are left out.
                if mix.get("w") is not None:
                    for layer, weight in enumerate(mix["s"]):
                        yield f"{prefix}.s{layer}", weight, row.epoch
                if mix.get("s") is not None:
                    yield f"{prefix}.gamma", mix["gamma"], row.epoch
    if record.run is not None:
        for stage, seconds in record.run.seconds.items():
            yield f"seconds.{stage}", seconds, 0
        yield "peak_memory_bytes", float(record.run.peak_memory_bytes), 0


def _key(name: str) -> str:
    """A metric key that every server accepts; a changed name gets a hash of the original.

    Slashes are replaced, because servers refuse keys that look like paths.
    """
    plain = re.sub(r"[^\w.+-]", "_", name, flags=re.ASCII).replace("+", "_")[:_KEY_LIMIT]
    return plain if plain == name else f"{plain}-{digest_of(name)[:6]}"
