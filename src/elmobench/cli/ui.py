"""``elmobench ui``: open an experiment's runs in MLflow."""

from __future__ import annotations

from typing import Annotated

import typer

from elmobench.cli.options import ResultsArgument


def ui(
    results: ResultsArgument,
    port: Annotated[
        int, typer.Option(metavar="PORT", min=1, max=65535, help="Port on the loopback interface.")
    ] = 5000,
) -> None:
    """Open the runs of RESULTS in MLflow, at 127.0.0.1; Ctrl-C stops it.

    Records that MLflow does not have yet are logged first: those of a run without tracking, or
    of a run whose tracking server was unreachable. The extra `ui` installs what it needs.
    """
    import os
    import sys

    from elmobench.api.results_folder import results_folder
    from elmobench.tracking.mlflow_log import MlflowTracker
    from elmobench.tracking.mlflow_store import default_uri
    from elmobench.tracking.record_store import RecordStore

    _check_installed()
    folder = results_folder(results)
    records = RecordStore(folder)
    name = records.experiment().get("name", folder.resolve().name)
    added = MlflowTracker(None, records, name).rebuild()
    if added:
        typer.echo(f"{added} records were missing in MLflow and are logged now")
    typer.echo(f"http://127.0.0.1:{port} (Ctrl-C stops it)")
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", default_uri(folder)]
    # MLflow replaces this process, so that Ctrl-C and signals reach it.
    os.execv(sys.executable, [*command, "--host", "127.0.0.1", "--port", str(port)])


def _check_installed() -> None:
    """Check that MLflow's server and pages are here, which its small package does not have.

    Raises:
        ConfigError: if they are not installed.
    """
    from importlib.metadata import PackageNotFoundError, version

    from elmobench.core.errors import ConfigError

    try:
        version("mlflow")
    except PackageNotFoundError as error:
        raise ConfigError(
            "MLflow's user interface is not installed; runs are logged without it",
            fix="pip install 'elmobench[ui]', and run the command again",
        ) from error
