"""Log the metrics of a long training as one MLflow run, which continues after a restart."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from elmobench.core.errors import ElmobenchWarning
from elmobench.tracking.mlflow_store import MlflowStore
from elmobench.tracking.tracker import TrackingError, TrackingUriError

if TYPE_CHECKING:
    from mlflow import MlflowClient

TRAINING_TAG = "elmobench.training"
_EXPERIMENT = "pretraining"
_BATCH = 500
_PARAMETER_LIMIT = 500


class TrainingLog:
    """Collects metrics, and logs them on :meth:`send`.

    The store may fail at any time: the first failure is a warning, and metrics are kept for the
    next :meth:`send`. The training itself writes them to a file as well.

    Args:
        uri: any MLflow tracking URI; None for the SQLite file in ``folder``.
        folder: of the model.
        name: name of the run.
        key: identifies the training; if it already has a run, that run is continued.
        parameters: parameters of the training.

    Raises:
        TrackingUriError: if MLflow does not know such addresses.
    """

    def __init__(
        self, uri: str | None, folder: Path, name: str, key: str, parameters: Mapping[str, object]
    ) -> None:
        self._store = MlflowStore(uri, folder)
        self._name, self._key, self._parameters = name, key, dict(parameters)
        self._waiting: list[tuple[str, float, int]] = []
        self._warned = False
        self._set_status("RUNNING")

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Add metrics of a step; values that are not finite are left out."""
        self._waiting += [(k, float(v), step) for k, v in values.items() if math.isfinite(v)]

    def send(self) -> bool:
        """Log the waiting metrics; returns whether all are logged now.

        After a failure the store is not asked again for a while.
        """
        if self._store.is_away:
            return False
        try:
            with self._store.client() as client:
                self._send(client, self._run(client))
        except TrackingError as error:
            self._warn(error)
            return False
        return True

    def close(self, finished: bool) -> None:
        """Log the waiting metrics and end the run: as finished, or as interrupted."""
        self._store.forget_failures()
        if self.send():
            self._set_status("FINISHED" if finished else "KILLED")

    def _set_status(self, status: str) -> None:
        try:
            with self._store.client() as client:
                run = self._run(client)
                if status == "RUNNING":
                    client.update_run(run, status=status)
                else:
                    client.set_terminated(run, status=status)
        except TrackingUriError:
            raise
        except TrackingError as error:
            self._warn(error)

    def _run(self, client: MlflowClient) -> str:
        """Id of the training's run, which is created if the store has none."""
        from mlflow.entities import Param

        existing = client.get_experiment_by_name(_EXPERIMENT)
        experiment = (
            str(existing.experiment_id)
            if existing is not None
            else str(client.create_experiment(_EXPERIMENT, artifact_location=self._store.artifacts))
        )
        runs = client.search_runs(
            [experiment], filter_string=f"tags.`{TRAINING_TAG}` = '{self._key}'"
        )
        if runs:
            return str(runs[0].info.run_id)
        run = client.create_run(experiment, run_name=self._name, tags={TRAINING_TAG: self._key})
        rows = [Param(k, str(v)[:_PARAMETER_LIMIT]) for k, v in self._parameters.items()]
        client.log_batch(run.info.run_id, params=rows)
        return str(run.info.run_id)

    def _send(self, client: MlflowClient, run: str) -> None:
        from mlflow.entities import Metric

        while self._waiting:
            batch = self._waiting[:_BATCH]
            rows = [Metric(key, value, 0, step) for key, value, step in batch]
            client.log_batch(run, metrics=rows)
            self._waiting = self._waiting[_BATCH:]

    def _warn(self, error: TrackingError) -> None:
        """Say once what happened and what follows from it."""
        if self._warned:
            return
        self._warned = True
        warnings.warn(
            f"MLflow does not log this training at present: {error.where}: {error.what}. The "
            "training goes on and writes its own log, and what MLflow lacks is logged if it works "
            "again before the training ends",
            ElmobenchWarning,
            stacklevel=3,
        )
