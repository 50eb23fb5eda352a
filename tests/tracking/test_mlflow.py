from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from made_records import make_record

from elmobench.core.errors import ElmobenchWarning
from elmobench.tracking.mlflow_log import CELL_TAG
from elmobench.tracking.mlflow_store import default_uri
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore
from elmobench.tracking.tracker import TrackingUriError, open_tracker


def runs_of(uri: str, name: str):
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(name)
    assert experiment is not None
    return client, client.search_runs([experiment.experiment_id])


def cell_run(uri: str, cell: str):
    client, runs = runs_of(uri, "study")
    (run,) = (run for run in runs if run.data.tags.get(CELL_TAG) == cell)
    return client, client.get_run(run.info.run_id)


@pytest.mark.slow
def test_a_cell_becomes_one_nested_run_however_often_it_is_logged(tmp_path: Path) -> None:
    records = RecordStore(tmp_path)
    record = make_record()
    records.write(record)
    records.write_predictions(record.cell, [{"id": "1", "gold": "a", "predicted": "b"}])
    tracker = open_tracker(None, records, "study")
    assert tracker is not None
    assert tracker.log(record)
    first = cell_run(tracker.uri, record.cell)[1].info.run_id
    again = open_tracker(tracker.uri, records, "study")
    assert again is not None
    assert again.log(record)

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


@pytest.mark.slow
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


@pytest.mark.slow
def test_against_a_server_on_loopback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
        assert tracker.log(record)
        client, run = cell_run(uri, record.cell)
        assert run.data.metrics["test.f1"] == 50.0
        assert [item.path for item in client.list_artifacts(run.info.run_id)] == [
            records.record_path(record.cell).name
        ]
        # The server goes away: logging fails softly, and the record can be logged later.
        server.terminate()
        server.wait(timeout=30)
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        with pytest.warns(ElmobenchWarning, match="Results are recorded as usual"):
            assert not tracker.log(make_record("b" * 64, seed=2))
        with pytest.warns(ElmobenchWarning, match="Results are recorded as usual"):
            open_tracker(uri, records, "study")
    finally:
        server.terminate()
        server.wait(timeout=30)


@pytest.mark.slow
def test_a_store_that_is_away_is_asked_again_by_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = RecordStore(tmp_path)
    first, second, third = (make_record(letter * 64, seed=i) for i, letter in enumerate("abc"))
    for record in (first, second, third):
        records.write(record)
    tracker = open_tracker(None, records, "study")
    assert tracker is not None
    assert tracker.log(first)
    asked = []

    def refused(client: object, ids: object, record: RunRecord) -> None:
        asked.append(record.cell)
        raise OSError("away")

    with monkeypatch.context() as patch:
        patch.setattr(tracker, "_log", refused)
        with pytest.warns(ElmobenchWarning, match="away. Results are recorded as usual"):
            assert not tracker.log(second)
        # Cells do not wait for a store that has just not answered.
        assert not tracker.log(third)
        assert asked == [second.cell]
    assert tracker.sync() == 2
    for record in (first, second, third):
        cell_run(default_uri(tmp_path), record.cell)


@pytest.mark.slow
def test_the_report_lies_in_the_parent_run(tmp_path: Path) -> None:
    records = RecordStore(tmp_path)
    tracker = open_tracker(None, records, "study")
    assert tracker is not None
    page = tmp_path / "report.html"
    page.write_text("<p>scores</p>")
    assert tracker.log_report([page])
    client, (parent,) = runs_of(default_uri(tmp_path), "study")
    found = client.list_artifacts(parent.info.run_id, "report")
    assert [item.path for item in found] == ["report/report.html"]


@pytest.mark.slow
def test_sync_logs_what_is_missing_and_nothing_else(tmp_path: Path) -> None:
    records = RecordStore(tmp_path)
    both = [make_record("a" * 64), make_record("b" * 64, seed=2)]
    for record in both:
        records.write(record)
    tracker = open_tracker(None, records, "study")
    assert tracker is not None
    tracker.log(both[0])
    assert tracker.sync() == 1
    assert tracker.sync() == 0
    _, runs = runs_of(tracker.uri, "study")
    assert len(runs) == 3


@pytest.mark.slow
def test_a_newer_result_of_a_cell_replaces_the_older(tmp_path: Path) -> None:
    records = RecordStore(tmp_path)
    tracker = open_tracker(None, records, "study")
    assert tracker is not None
    old = make_record()
    tracker.log(old)
    new = old.model_copy(deep=True)
    new.result.test["f1"] = 60.0
    new.run.started = "2026-02-02T00:00:00+00:00"
    tracker.log(new)
    assert cell_run(tracker.uri, old.cell)[1].data.metrics["test.f1"] == 60.0


@pytest.mark.slow
@pytest.mark.parametrize("part", ["elmo:../../models/x", "elmo:a//b", "a#1", "a_1", "ü", "x" * 300])
def test_any_name_of_a_part_can_be_logged(tmp_path: Path, part: str) -> None:
    records = RecordStore(tmp_path)
    tracker = open_tracker(None, records, "study")
    assert tracker is not None
    record = make_record()
    mix = {"s": [0.5, 0.5], "gamma": 1.0, "w": [0.0, 0.0]}
    record.result.curve[0].layer_weights = {"input": {part: mix}}
    record.result.curve[1].layer_weights = {"input": {part: mix}}
    assert tracker.log(record)
    metrics = cell_run(tracker.uri, record.cell)[1].data.metrics
    assert len([key for key in metrics if key.startswith("mix.input.")]) == 3


def test_an_address_of_no_known_kind_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrackingUriError, match="--tracking-uri none"):
        open_tracker("foo://x", RecordStore(tmp_path), "study")
