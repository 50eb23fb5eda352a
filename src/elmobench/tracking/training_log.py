"""Log the metrics of a long training as one MLflow run, which continues after a restart."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping

from elmobench.core.errors import ElmobenchWarning
from elmobench.tracking.mlflow_log import TrackingError, artifact_folder, mlflow_client

TRAINING_TAG = "elmobench.training"
_EXPERIMENT = "pretraining"
_BATCH = 500
_PARAMETER_LIMIT = 500


class TrainingLog:
    """Collects metrics, and logs them on :meth:`send`.

    Once the store is open, a failure to log never ends a training: metrics are kept for the next
    :meth:`send`.

    Args:
        uri: any MLflow tracking URI.
        name: name of the run.
        key: identifies the training; if it already has a run, that run is continued.
        parameters: parameters of the training.

    Raises:
        TrackingError: if the store cannot be opened.
    """

    def __init__(self, uri: str, name: str, key: str, parameters: Mapping[str, object]) -> None:
        from mlflow.entities import Param

        new_client, self._errors = mlflow_client()
        self._waiting: list[tuple[str, float, int]] = []
        try:
            artifacts = artifact_folder(uri)
            self._client = new_client(tracking_uri=uri)
            existing = self._client.get_experiment_by_name(_EXPERIMENT)
            experiment = (
                str(existing.experiment_id)
                if existing is not None
                else str(self._client.create_experiment(_EXPERIMENT, artifact_location=artifacts))
            )
            runs = self._client.search_runs(
                [experiment], filter_string=f"tags.`{TRAINING_TAG}` = '{key}'"
            )
            if runs:
                self._run = str(runs[0].info.run_id)
                self._client.update_run(self._run, status="RUNNING")
            else:
                run = self._client.create_run(experiment, run_name=name, tags={TRAINING_TAG: key})
                self._run = str(run.info.run_id)
                rows = [Param(k, str(v)[:_PARAMETER_LIMIT]) for k, v in parameters.items()]
                self._client.log_batch(self._run, params=rows)
        except self._errors as error:
            raise TrackingError(
                f"the MLflow store cannot be used: {error}",
                where=f"--tracking-uri {uri}",
                fix="start the server or correct the address, or run with --tracking-uri none",
            ) from error

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Add metrics of a step; values that are not finite are left out."""
        self._waiting += [(k, float(v), step) for k, v in values.items() if math.isfinite(v)]

    def send(self) -> bool:
        """Log the waiting metrics; returns whether all are logged now."""
        from mlflow.entities import Metric

        try:
            while self._waiting:
                batch = self._waiting[:_BATCH]
                rows = [Metric(key, value, 0, step) for key, value, step in batch]
                self._client.log_batch(self._run, metrics=rows)
                self._waiting = self._waiting[_BATCH:]
        except self._errors as error:
            warnings.warn(
                f"some metrics could not be logged to MLflow ({error}); they wait for the next try",
                ElmobenchWarning,
                stacklevel=2,
            )
            return False
        return True

    def close(self, finished: bool) -> None:
        """Log the waiting metrics and end the run: as finished, or as interrupted."""
        if self.send():
            self._client.set_terminated(self._run, status="FINISHED" if finished else "KILLED")
