"""The tracker for MLflow.

An experiment is a parent run and each of its cells a nested run. Logging a cell twice changes
nothing: its run is found by its tag and left alone if it is finished.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from elmobench.core.digests import digest_of
from elmobench.core.files import temporary_path
from elmobench.tracking.mlflow_store import MlflowStore
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore
from elmobench.tracking.record_values import metrics, parameters, run_name
from elmobench.tracking.tracker import Tracker, TrackingError, version

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


class _Ids(NamedTuple):
    """MLflow's ids of an experiment and of its parent run."""

    experiment: str
    parent: str


class MlflowTracker(Tracker):
    """Writes records to one MLflow store; see :class:`~elmobench.tracking.tracker.Tracker`.

    A run that is unfinished, because the process died while logging, or that has an earlier result
    of its cell is deleted and made again.

    Args:
        uri: any MLflow tracking URI; None for the SQLite file in the results folder.
        records: the results folder, for artifacts.
        experiment: name of the MLflow experiment and of its parent run.
    """

    title = "MLflow"
    name = "mlflow"

    def __init__(self, uri: str | None, records: RecordStore, experiment: str) -> None:
        super().__init__(uri, records, experiment)
        self._store = MlflowStore(uri, records.folder)
        self.uri = self._store.uri

    @property
    def opens_slowly(self) -> bool:
        """True for the file in the results folder: to import MLflow takes seconds."""
        return self._store.is_default

    @property
    def is_away(self) -> bool:
        """See :class:`~elmobench.tracking.tracker.Tracker`."""
        return self._store.is_away

    def try_again(self) -> None:
        """See :class:`~elmobench.tracking.tracker.Tracker`."""
        self._store.forget_failures()

    def prepare(self) -> None:
        """Find or create the experiment and its parent run; see the base class."""
        with self._session():
            pass

    def known(self) -> set[tuple[str, str]]:
        """See :class:`~elmobench.tracking.tracker.Tracker`."""
        was_open = self._store.is_open
        try:
            with self._session() as (client, ids):
                return _known(client, ids)
        except TrackingError:
            if not was_open:
                raise
        # After a failure the store is checked, which puts a damaged database aside.
        with self._session() as (client, ids):
            return _known(client, ids)

    def write(self, record: RunRecord) -> None:
        """See :class:`~elmobench.tracking.tracker.Tracker`."""
        with self._session() as (client, ids):
            self._log(client, ids, record)

    def write_report(self, paths: Iterable[Path]) -> None:
        """Log the report's files to the parent run; see the base class."""
        with self._session() as (client, ids):
            for path in paths:
                client.log_artifact(ids.parent, str(path), "report")

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

    def _log(self, client: MlflowClient, ids: _Ids, record: RunRecord) -> None:
        for run in _runs(client, ids.experiment, f"tags.`{CELL_TAG}` = '{record.cell}'"):
            if _is_finished(run) and run.data.tags.get(VERSION_TAG) == version(record):
                return
            client.delete_run(run.info.run_id)
        run = client.create_run(
            ids.experiment,
            run_name=run_name(record),
            tags={
                PARENT_TAG: ids.parent,
                CELL_TAG: record.cell,
                VERSION_TAG: version(record),
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
        experiment = client.get_experiment_by_name(self._study)
        if experiment is not None:
            if experiment.lifecycle_stage == "deleted":
                client.restore_experiment(experiment.experiment_id)
            return str(experiment.experiment_id)
        return str(client.create_experiment(self._study, artifact_location=self._store.artifacts))

    def _parent(self, client: MlflowClient, experiment: str) -> str:
        # The name of a folder may contain an apostrophe; MLflow has no way to escape it.
        quote = '"' if "'" in self._study else "'"
        for run in _runs(client, experiment, f"tags.`{STUDY_TAG}` = {quote}{self._study}{quote}"):
            return str(run.info.run_id)
        run = client.create_run(experiment, run_name=self._study, tags={STUDY_TAG: self._study})
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

    shown = [Param(k, v[:_PARAMETER_LIMIT]) for k, v in parameters(record).items()]
    values = [Metric(_metric_key(k), v, 0, step) for k, v, step in metrics(record)]
    client.log_batch(run_id, params=shown)
    for start in range(0, len(values), 1000):  # the server's limit for one request
        client.log_batch(run_id, metrics=values[start : start + 1000])


def _is_finished(run: Any) -> bool:
    return run.info.status in ("FINISHED", "FAILED")


def _metric_key(words: tuple[str, ...]) -> str:
    return ".".join(_key(word) if words[0] == "mix" else word for word in words)


def _key(name: str) -> str:
    """A metric key that every server accepts; a changed name gets a hash of the original.

    Slashes are replaced, because servers refuse keys that look like paths.
    """
    plain = re.sub(r"[^\w.+-]", "_", name, flags=re.ASCII).replace("+", "_")[:_KEY_LIMIT]
    return plain if plain == name else f"{plain}-{digest_of(name)[:6]}"
