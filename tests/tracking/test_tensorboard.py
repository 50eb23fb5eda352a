"""Records as TensorBoard's own reader sees them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from made_records import make_record

from elmobench.core.errors import ConfigError, ElmobenchWarning
from elmobench.tracking import tensorboard_log
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore
from elmobench.tracking.record_values import metrics
from elmobench.tracking.tensorboard_log import TensorBoardTracker
from elmobench.tracking.tracker import TRACKERS, TrackingUriError, open_tracker

pytest.importorskip("tensorboard")


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """All scalars of one run, read by TensorBoard in another process than the one that wrote."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def runs(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.rglob("elmobench.json"))


@pytest.fixture
def records(tmp_path: Path) -> RecordStore:
    return RecordStore(tmp_path / "r")


def opened(records: RecordStore) -> TensorBoardTracker:
    tracker = open_tracker(None, records, "study", "tensorboard")
    assert isinstance(tracker, TensorBoardTracker)
    return tracker


def test_curves_scores_and_layer_weights_are_there(records: RecordStore) -> None:
    record = make_record()
    assert opened(records).log(record)
    (run,) = runs(records.folder / "tensorboard")
    found = scalars(run)
    expected: dict[str, list[tuple[int, float]]] = {}
    for words, value, step in metrics(record):
        tag = words[0] + ("/" + ".".join(words[1:]) if words[1:] else "")
        expected.setdefault(tag, []).append((step, pytest.approx(value)))  # type: ignore[arg-type]
    assert {"test/f1", "mix/input.b.s1", "epoch/dev"} <= set(expected)
    assert found == expected


def test_parameters_and_caveats_are_there(records: RecordStore) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    opened(records).log(make_record(caveats=["a quick try"]))
    events = EventAccumulator(str(runs(records.folder / "tensorboard")[0]))
    events.Reload()
    tags = events.Tags()
    assert "remarks/text_summary" in tags["tensors"]
    start = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    assert b"features" in start


def test_again_changes_nothing_and_a_later_result_replaces(records: RecordStore) -> None:
    record = make_record()
    tracker = opened(records)
    tracker.log(record)
    (run,) = runs(records.folder / "tensorboard")
    before = {path: path.stat().st_mtime_ns for path in run.iterdir()}
    opened(records).log(record)
    assert {path: path.stat().st_mtime_ns for path in run.iterdir()} == before
    assert record.run is not None
    later = record.model_copy(
        update={"run": record.run.model_copy(update={"started": "2030-01-01T00:00:00+00:00"})}
    )
    opened(records).log(later)
    assert runs(records.folder / "tensorboard") == [run]
    assert {path: path.stat().st_mtime_ns for path in run.iterdir()} != before


def test_sync_logs_what_is_missing_and_what_is_damaged(
    records: RecordStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = make_record()
    monkeypatch.setattr(records, "planned", lambda: [record, record])
    tracker = opened(records)
    assert tracker.sync() == 1
    assert opened(records).sync() == 0
    (run,) = runs(records.folder / "tensorboard")
    (run / "elmobench.json").write_text("{")
    assert opened(records).sync() == 1


def test_a_full_disk_costs_a_warning_and_is_made_up_for(
    records: RecordStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = opened(records)
    with monkeypatch.context() as patch:

        def full(folder: Path, record: RunRecord) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr(tensorboard_log, "_write_events", full)
        with pytest.warns(ElmobenchWarning, match=r"No space left.*--tracker tensorboard"):
            assert not tracker.log(make_record())
    assert list((records.folder / "tensorboard").rglob("*.part")) == []
    assert tracker.log(make_record(cell="b" * 64))
    assert len(runs(records.folder / "tensorboard")) == 2


def test_the_report_is_a_text(records: RecordStore, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (tmp_path / "report.md").write_text("# scores", "utf-8")
    assert opened(records).log_report([tmp_path / "report.md", tmp_path / "report.html"])
    events = EventAccumulator(str(records.folder / "tensorboard" / "report"))
    events.Reload()
    assert events.Tags()["tensors"] == ["study/text_summary"]


def test_an_address_of_a_server_and_a_missing_package(
    records: RecordStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TrackingUriError, match="give the path of a folder"):
        open_tracker("http://localhost", records, "study", "tensorboard")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"elmobench\[tensorboard\]"):
        open_tracker(None, records, "study", "tensorboard")


def test_trackers_of_other_packages_are_found(tmp_path: Path) -> None:
    info = tmp_path / "their_tracker-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-tracker\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[elmobench.trackers]\ntheirs = their_tracker:make\n")
    (tmp_path / "their_tracker.py").write_text("def make(uri, records, experiment):\n    pass\n")
    code = "from elmobench.tracking.tracker import TRACKERS as t; print(t.get('theirs').__module__)"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    out = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert out.stdout.strip() == "their_tracker", out.stderr
    assert {"mlflow", "tensorboard"} <= set(TRACKERS.names())


def test_the_command_line_imports_no_tracker() -> None:
    code = (
        "import sys, elmobench.cli.main;"
        "print([m for m in ('mlflow', 'tensorboard', 'torch') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
