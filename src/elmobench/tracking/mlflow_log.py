"""Log run records to MLflow, by one process and idempotently.

An experiment is a parent run and each of its cells a nested run. Logging a cell twice changes
nothing: its run is found by its tag and left alone if it is finished.
"""

from __future__ import annotations

import logging
import os
import re
import time
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from elmobench.core.digests import digest_of
from elmobench.core.errors import ElmobenchError, ElmobenchWarning
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
_PAUSE = 30.0
"""Seconds without an attempt after a store did not answer; sync logs what was missed."""


def default_uri(folder: Path) -> str:
    """URI of a SQLite file in the results ``folder``."""
    return f"sqlite:///{(folder / 'mlflow' / 'mlflow.db').resolve()}"


class TrackingError(ElmobenchError):
    """The MLflow store cannot be used."""


def mlflow_client() -> tuple[type[MlflowClient], tuple[type[Exception], ...]]:
    """MLflow's client class, and the exceptions it raises if a store cannot be used."""
    # Set before mlflow is imported, so that it sends no usage statistics.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    # By default a request to an unreachable server is retried for minutes while cells wait.
    # Records that could not be logged are logged later.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    # After the import, which sets its own level.
    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return MlflowClient, (MlflowException, SQLAlchemyError, OSError)


def artifact_folder(uri: str) -> str | None:
    """URI of the artifact folder next to a SQLite store; None for other stores.

    Creates the folder of the SQLite file.
    """
    if not uri.startswith("sqlite:///"):
        return None
    folder = Path(uri.removeprefix("sqlite:///")).parent
    folder.mkdir(parents=True, exist_ok=True)
    return (folder / "artifacts").resolve().as_uri()


def open_tracker(uri: str | None, records: RecordStore, experiment: str) -> Tracker | None:
    """Open a tracker on ``uri``; None means the default SQLite file, ``"none"`` no tracker.

    Raises:
        TrackingError: if the store cannot be opened.
    """
    if uri == "none":
        return None
    return Tracker(uri or default_uri(records.folder), records, experiment)


class Tracker:
    """Writes records to one MLflow store.

    Opening a store that does not answer is an error. Once it is open, a failure to log never
    ends a run: results are in the records, and :meth:`sync` logs later what is missing.

    Args:
        uri: any MLflow tracking URI.
        records: the results folder, for artifacts.
        experiment: name of the MLflow experiment and of its parent run.

    Raises:
        TrackingError: if the store cannot be opened.
    """

    def __init__(self, uri: str, records: RecordStore, experiment: str) -> None:
        self.uri = uri
        new_client, self._errors = mlflow_client()
        self._records = records
        self._name = experiment
        self._away_until = 0.0
        # Processes that share a grid also share its tracking store, and write to it in turn.
        self._lock = FileLock(records.lock_path("mlflow"))
        artifacts = artifact_folder(uri)
        try:
            with self._lock:
                self._client: MlflowClient = new_client(tracking_uri=uri)
                self._experiment_id = self._experiment(artifacts)
                self._parent_id = self._parent()
        except self._errors as error:
            raise TrackingError(
                f"the MLflow store cannot be used: {error}",
                where=f"--tracking-uri {uri}",
                fix="start the server or correct the address; delete a database that an "
                "interrupted run left incomplete; or run with --tracking-uri none (a later run "
                "logs what is missing)",
            ) from error

    def log(self, record: RunRecord) -> bool:
        """Log ``record`` as a nested run; returns whether the store has it now.

        Logging again changes nothing. A run that is unfinished (the process died while logging)
        or has an earlier result of the cell is deleted and made again. After a store did not
        answer, records are skipped for a while.
        """
        if time.monotonic() < self._away_until:
            return False
        try:
            with self._lock:
                self._log(record)
        except self._errors as error:
            self._away_until = time.monotonic() + _PAUSE
            warnings.warn(
                f"{_run_name(record)} could not be logged to MLflow ({error}); the record is safe, "
                "and running the experiment again logs it",
                ElmobenchWarning,
                stacklevel=2,
            )
            return False
        return True

    def log_report(self, paths: Iterable[Path]) -> bool:
        """Log the report's files to the parent run; returns whether it worked."""
        try:
            with self._lock:
                for path in paths:
                    self._client.log_artifact(self._parent_id, str(path), "report")
        except self._errors as error:
            warnings.warn(
                f"the report could not be logged to MLflow ({error}); it is in the results folder",
                ElmobenchWarning,
                stacklevel=2,
            )
            return False
        return True

    def sync(self) -> int:
        """Log the planned records that the store does not have yet; returns their number."""
        self._away_until = 0.0
        try:
            with self._lock:
                known = self._known()
        except self._errors:
            return 0  # log has warned
        # Two points of a grid may share one record, which is one run.
        records = {record.cell: record for record in self._records.planned()}
        missing = [r for r in records.values() if (r.cell, _version(r)) not in known]
        return sum(self.log(record) for record in missing)

    def _log(self, record: RunRecord) -> None:
        for run in self._runs(f"tags.`{CELL_TAG}` = '{record.cell}'"):
            if _is_finished(run) and run.data.tags.get(VERSION_TAG) == _version(record):
                return
            self._client.delete_run(run.info.run_id)
        run = self._client.create_run(
            self._experiment_id,
            run_name=_run_name(record),
            tags={
                PARENT_TAG: self._parent_id,
                CELL_TAG: record.cell,
                VERSION_TAG: _version(record),
                "elmobench.status": record.status,
                **({"elmobench.signature": record.run.signature} if record.run else {}),
                **({"elmobench.error": record.error[:_TAG_LIMIT]} if record.error else {}),
            },
        )
        run_id = str(run.info.run_id)
        self._log_values(run_id, record)
        self._log_artifacts(run_id, record)
        status = "FINISHED" if record.status == "ok" else "FAILED"
        self._client.set_terminated(run_id, status=status)

    def _known(self) -> set[tuple[str, str]]:
        """(cell, version) of every finished run."""
        known: set[tuple[str, str]] = set()
        token = None
        while True:
            page = self._client.search_runs(
                [self._experiment_id], filter_string="", max_results=1000, page_token=token
            )
            for run in page:
                if _is_finished(run):
                    tags = run.data.tags
                    known.add((tags.get(CELL_TAG, ""), tags.get(VERSION_TAG, "")))
            token = page.token
            if not token:
                return known

    def _experiment(self, artifacts: str | None) -> str:
        experiment = self._client.get_experiment_by_name(self._name)
        if experiment is not None:
            if experiment.lifecycle_stage == "deleted":
                self._client.restore_experiment(experiment.experiment_id)
            return str(experiment.experiment_id)
        return str(self._client.create_experiment(self._name, artifact_location=artifacts))

    def _parent(self) -> str:
        for run in self._runs(f"tags.`{STUDY_TAG}` = '{self._name}'"):
            return str(run.info.run_id)
        run = self._client.create_run(
            self._experiment_id, run_name=self._name, tags={STUDY_TAG: self._name}
        )
        self._client.set_terminated(run.info.run_id)
        return str(run.info.run_id)

    def _runs(self, query: str) -> list[Any]:
        return list(self._client.search_runs([self._experiment_id], filter_string=query))

    def _log_values(self, run_id: str, record: RunRecord) -> None:
        from mlflow.entities import Metric, Param

        parameters = [Param(k, v[:_PARAMETER_LIMIT]) for k, v in _parameters(record).items()]
        metrics = [Metric(k, v, 0, step) for k, v, step in _metrics(record)]
        self._client.log_batch(run_id, params=parameters)
        for start in range(0, len(metrics), 1000):  # the server's limit for one request
            self._client.log_batch(run_id, metrics=metrics[start : start + 1000])

    def _log_artifacts(self, run_id: str, record: RunRecord) -> None:
        with TemporaryDirectory() as folder:
            for path in self._records.files_of(record, RecordStore(Path(folder))):
                self._client.log_artifact(run_id, str(path))


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
