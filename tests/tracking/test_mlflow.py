from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from test_record import make_record

from elmobench.tracking.mlflow_log import CELL_TAG, open_tracker
from elmobench.tracking.record import RecordStore

pytestmark = pytest.mark.slow


def runs_of(uri: str, name: str):
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(name)
    assert experiment is not None
    return client, client.search_runs([experiment.experiment_id])


def test_a_cell_becomes_one_nested_run_however_often_it_is_logged(tmp_path: Path) -> None:
    records = RecordStore(tmp_path)
    record = make_record()
    records.write(record)
    records.write_predictions(record.cell, [{"id": "1", "gold": "a", "predicted": "b"}])
    tracker = open_tracker(None, records, "study")
    assert tracker is not None
    first = tracker.log(record)
    again = open_tracker(tracker.uri, records, "study")
    assert again is not None
    assert again.log(record) == first

    client, runs = runs_of(tracker.uri, "study")
    assert len(runs) == 2  # the parent and one cell
    run = client.get_run(first)
    (parent,) = (r for r in runs if r.info.run_id != first)
    assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert run.data.tags[CELL_TAG] == record.cell
    assert run.data.params["features"] == "a+b"
    assert run.data.metrics["test.f1"] == 50.0
    weights = client.get_metric_history(first, "mix.input.b.s1")
    assert [(m.step, m.value) for m in weights] == [(1, 0.5), (2, 0.5)]
    assert len(client.get_metric_history(first, "mix.input.b.gamma")) == 2
    # A part with one layer has no layer weights to report.
    assert not [key for key in run.data.metrics if key.startswith("mix.input.a")]
    artifacts = {item.path for item in client.list_artifacts(first)}
    assert artifacts == {
        records.record_path(record.cell).name,
        records.predictions_path(record.cell).name,
    }


def test_a_cell_that_failed_and_then_ran_is_logged_anew(tmp_path: Path) -> None:
    records = RecordStore(tmp_path)
    failed = make_record(status="failed", error="broke", result=None, run=None)
    tracker = open_tracker(None, records, "study")
    assert tracker is not None
    tracker.log(failed)
    tracker.log(make_record())
    _, runs = runs_of(tracker.uri, "study")
    cells = [run for run in runs if CELL_TAG in run.data.tags]
    assert [run.info.status for run in cells] == ["FINISHED"]


def test_no_tracking() -> None:
    assert open_tracker("none", RecordStore(Path("x")), "study") is None


def test_against_a_server_on_loopback(tmp_path: Path) -> None:
    import socket
    import time

    import requests

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    uri = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"),
            *("--port", str(port), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}"),
            *("--artifacts-destination", str(tmp_path / "server-artifacts")),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(240):
            try:
                if requests.get(f"{uri}/health", timeout=1).ok:
                    break
            except requests.RequestException:
                time.sleep(0.5)
        records = RecordStore(tmp_path)
        record = make_record()
        records.write(record)
        tracker = open_tracker(uri, records, "study")
        assert tracker is not None
        run_id = tracker.log(record)
        client, runs = runs_of(uri, "study")
        assert len(runs) == 2
        assert client.get_run(run_id).data.metrics["test.f1"] == 50.0
        assert [item.path for item in client.list_artifacts(run_id)] == [
            records.record_path(record.cell).name
        ]
    finally:
        server.terminate()
        server.wait(timeout=30)


def test_sync_logs_what_is_missing_and_nothing_else(tmp_path: Path) -> None:
    records = RecordStore(tmp_path)
    both = [make_record("a" * 64), make_record("b" * 64, seed=2)]
    tracker = open_tracker(None, records, "study")
    assert tracker is not None
    tracker.log(both[0])
    assert tracker.sync(both) == 1
    assert tracker.sync(both) == 0
    _, runs = runs_of(tracker.uri, "study")
    assert len(runs) == 3
