"""The measures of a long training as one MLflow run, which goes on where it stopped."""

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
    """Gathers measures, and sends them when told to.

    Once the store is open, a failure to log never ends a training: measures wait for the next
    :meth:`send`.

    Args:
        uri: any MLflow tracking URI.
        name: of the run.
        key: names the training: the run of an earlier part of it is gone on with.
        parameters: of the training.

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
            found = self._client.get_experiment_by_name(_EXPERIMENT)
            experiment = (
                str(found.experiment_id)
                if found is not None
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
                fix="start the server or correct the address; --tracking-uri none goes without",
            ) from error

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Note measures at a step; those that are no numbers are left out."""
        self._waiting += [(k, float(v), step) for k, v in values.items() if math.isfinite(v)]

    def send(self) -> bool:
        """Send what waits; whether the store has everything now."""
        from mlflow.entities import Metric

        try:
            while self._waiting:
                some = self._waiting[:_BATCH]
                rows = [Metric(key, value, 0, step) for key, value, step in some]
                self._client.log_batch(self._run, metrics=rows)
                self._waiting = self._waiting[_BATCH:]
        except self._errors as error:
            warnings.warn(
                f"MLflow did not take some measures ({error}); they wait for the next try",
                ElmobenchWarning,
                stacklevel=2,
            )
            return False
        return True

    def close(self, finished: bool) -> None:
        """Send what waits, and say how the training ended: finished, or to be gone on with."""
        if self.send():
            self._client.set_terminated(self._run, status="FINISHED" if finished else "KILLED")
