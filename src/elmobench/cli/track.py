"""``elmobench track``: fill an MLflow store from records."""

from __future__ import annotations

import typer

from elmobench.cli.options import ResultsArgument, TrackingOption


def track(experiment: ResultsArgument, tracking_uri: TrackingOption = None) -> None:
    """Log every record of RESULTS that MLflow lacks.

    The records of a run without tracking, or of one whose MLflow store was full, locked or
    unreachable, are logged now. A database that is damaged is renamed, and a new one is filled.
    """
    from elmobench.cli.results_folder import results_folder
    from elmobench.core.errors import ConfigError
    from elmobench.tracking.mlflow_log import Tracker
    from elmobench.tracking.record_store import RecordStore

    if tracking_uri == "none":
        raise ConfigError("'none' is not a store to log to", where="--tracking-uri")
    folder = results_folder(experiment)
    records = RecordStore(folder)
    name = records.experiment().get("name", folder.resolve().name)
    tracker = Tracker(tracking_uri, records, name)
    added = tracker.rebuild()
    typer.echo(f"{added} of {len(records.planned())} records were missing in {tracker.uri}")
