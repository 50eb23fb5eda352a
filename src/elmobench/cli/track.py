"""``elmobench track``: fill the store of a tracker from records."""

from __future__ import annotations

import typer

from elmobench.cli.options import JsonOption, ResultsArgument, TrackerOption, TrackingOption
from elmobench.tracking.names import DEFAULT_TRACKER


def track(
    results: ResultsArgument,
    tracker: TrackerOption = DEFAULT_TRACKER,
    tracking_uri: TrackingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Log every record of RESULTS that MLflow, or another tracker, lacks.

    The records of a run without tracking, or of one whose store was full, locked or unreachable,
    are logged now. A damaged database of MLflow is renamed, and a new one is filled.
    """
    from elmobench.api.results_folder import results_folder
    from elmobench.cli.output.base import for_programs
    from elmobench.cli.output.findings import TrackOutput
    from elmobench.core.errors import ConfigError
    from elmobench.tracking.record_store import RecordStore
    from elmobench.tracking.tracker import TRACKERS

    for option, value in (("--tracking-uri", tracking_uri), ("--tracker", tracker)):
        if value == "none":
            raise ConfigError("'none' is not a store to log to", where=option)
    folder = results_folder(results)
    records = RecordStore(folder)
    name = records.experiment().get("name", folder.resolve().name)
    opened = TRACKERS.get(tracker)(tracking_uri, records, name)
    added = opened.rebuild()
    output = TrackOutput(
        results=str(folder),
        tracker=tracker,
        uri=opened.uri,
        added=added,
        records=len(records.planned()),
    )
    if for_programs(output, as_json=as_json):
        return
    typer.echo(f"{added} of {len(records.planned())} records were missing in {opened.uri}")
