"""``elmobench ui``: MLflow's pages on an experiment's runs."""

from __future__ import annotations

from typing import Annotated

import typer


def ui(
    experiment: Annotated[
        str, typer.Argument(help="A results folder, or the name of one below 'results'.")
    ],
    port: Annotated[int, typer.Option(min=1, max=65535, help="On this machine alone.")] = 5000,
) -> None:
    """Open MLflow on the runs of EXPERIMENT, at 127.0.0.1; Ctrl-C ends it.

    Records that MLflow does not have yet (of a run without tracking, or whose server was away) are
    logged first.
    """
    import os
    import sys

    from elmobench.cli.report import results_folder
    from elmobench.tracking.mlflow_log import default_uri, open_tracker
    from elmobench.tracking.record import RecordStore

    folder = results_folder(experiment)
    records = RecordStore(folder)
    name = records.experiment().get("name", folder.resolve().name)
    tracker = open_tracker(None, records, name)
    assert tracker is not None
    added = tracker.sync()
    if added:
        typer.echo(f"{added} records logged that MLflow did not have")
    typer.echo(f"http://127.0.0.1:{port} (Ctrl-C ends it)")
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", default_uri(folder)]
    # In the place of this process, so that Ctrl-C and signals reach it.
    os.execv(sys.executable, [*command, "--host", "127.0.0.1", "--port", str(port)])
