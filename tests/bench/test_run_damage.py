"""Damaged, lost and left-over files of a results folder: runs and reports go on, and say so."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from command_line import elmobench

from elmobench.analysis.report.report import make_report
from elmobench.bench.run import RunSummary, run_experiment
from elmobench.core.errors import DataError, ElmobenchWarning, ModelError
from elmobench.data.cards.catalog import CardCatalog
from elmobench.tracking.record_store import RecordStore
from elmobench.training import saved

SEEDS = [-1, 1099511627776, 18446744073709551617]


def go(experiment: dict, cards: Path, results: Path, **options: Any) -> RunSummary:
    return run_experiment(
        experiment,
        cards=CardCatalog([cards]),
        results=results,
        tracking_uri="none",
        quiet=True,
        **options,
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Copies a finished run of two representations and two seeds to a folder; trains it once."""
    made: list[Path] = []

    def copy(to: Path, cards: Path | None = None, tiny: dict | None = None) -> Path:
        if not made:
            made.append(tmp_path_factory.mktemp("finished") / "r")
            assert cards is not None
            go({**tiny, "seeds": [1, 2]}, cards, made[0])
        return Path(shutil.copytree(made[0], to))

    return copy


@pytest.fixture
def results(finished: Any, cards: Path, tiny: dict, tmp_path: Path) -> Path:
    return finished(tmp_path / "r", cards, tiny)


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


@pytest.mark.slow
def test_seeds_beyond_64_bits_and_below_zero_work_to_the_end(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    tiny = {**tiny, "name": "seeds", "features": ["random", "elmo-random"], "seeds": SEEDS}
    file = tmp_path / "seeds.yaml"
    file.write_text(yaml.safe_dump(tiny))
    folder = tmp_path / "results" / "seeds"
    options = ("--include", cards, "--results", folder, "--tracking-uri", "none")
    out = elmobench("run", file, *options, cwd=tmp_path)
    assert out.returncode == 0, out.stderr
    assert "6 cells trained" in out.stdout
    assert [r.seed for r in RecordStore(folder).planned()][:3] == SEEDS
    scores = {r.result.curve[0].train_loss for r in RecordStore(folder).planned()}
    assert len(scores) == 6
    for command in (
        ("report", "seeds"),
        ("compare", "random", "elmo-random", "--in", "seeds", "--examples", 1),
        ("claims", "seeds"),
        ("slices", "seeds", "--include", cards),
        ("results", "pack", folder),
        ("report", "seeds"),
    ):
        out = elmobench(*command, cwd=tmp_path)
        assert out.returncode == 0, (command, out.stderr)
    assert "-1, 1099511627776, 18446744073709551617" in (folder / "report.md").read_text("utf-8")


@pytest.mark.slow
def test_a_report_goes_on_without_damaged_records_and_predictions(
    results: Path, cards: Path
) -> None:
    store = RecordStore(results)
    first, second, third, _ = (record.cell for record in store.planned())
    damage(store.record_path(first))
    rows = store.read_predictions(second)
    rows[0]["predicted"] = ["O"] * len(rows[0]["predicted"])
    rows[1]["predicted"] = ["B-PER"] * len(rows[1]["predicted"])
    store.write_predictions(second, rows)  # well-formed, but of another result
    report = make_report(results)
    assert len(report.cells) == 3
    assert (report.others, len(report.damaged)) == (0, 2)
    assert first[:16] in report.damaged[0]
    assert second[:16] in report.damaged[1]
    assert [r.cell for r in report.tallies.records] == [r.cell for r in store_records(results, 2)]
    out = elmobench("report", results)
    assert out.returncode == 0, out.stderr
    assert out.stdout.count("damaged ") >= 2
    for name in ("report.md", "report.html"):
        text = (results / name).read_text("utf-8")
        assert f"{second[:16]}" in text
        assert "their digest differs" in text
    # Everywhere else it is an error that says what to do.
    store.record_path(first).unlink()
    for command in (
        ("compare", "random", "random+elmo-random", "--in", results),
        ("slices", results, "--include", cards),
        ("results", "pack", results),
    ):
        out = elmobench(*command)
        assert out.returncode == 1, command
        assert second[:16] in out.stderr
        assert "delete" in out.stderr
    # What it says works.
    store.record_path(second).unlink()
    store.predictions_path(second).unlink()
    assert make_report(results).damaged == []
    assert third in {record.cell for record in RecordStore(results)}


def store_records(results: Path, start: int) -> list[Any]:
    return RecordStore(results, on_damaged=lambda error: None).planned()[start - 1 :]


def test_a_damaged_record_is_neither_trained_nor_in_the_way(
    results: Path, cards: Path, tiny: dict
) -> None:
    store = RecordStore(results)
    first, second, *_ = (record.cell for record in store.planned())
    damage(store.record_path(first))
    store.record_path(second).unlink()
    before = store.record_path(first).read_bytes()
    summary = go({**tiny, "seeds": [1, 2]}, cards, results)
    assert (summary.trained, summary.skipped, len(summary.damaged)) == (1, 2, 1)
    assert str(store.record_path(first)) in summary.damaged[0]
    assert store.record_path(first).read_bytes() == before
    store.record_path(first).unlink()
    assert go({**tiny, "seeds": [1, 2]}, cards, results).trained == 1


@pytest.mark.parametrize("name", ["experiment.json", "features.json", "lengths.json"])
@pytest.mark.parametrize("content", [b"", b"[" * 100_000, b'{"a": NaN}', b"\xff", b"{}", None])
def test_damaged_derived_files_are_not_in_the_way(
    results: Path, name: str, content: bytes | None
) -> None:
    path = results / name
    store = RecordStore(results)
    store.write_length_costs({"seconds": {"random": {"5": 0.1}}})
    if content is None:
        damage(path)
    else:
        path.write_bytes(content)
    if name == "experiment.json":
        with pytest.raises(DataError, match="no result is lost"):
            store.planned()
        plan = {"name": "tiny", "caveats": []}
        store.write_plan(plan, [])
        assert store.experiment() == plan
        return
    read = store.costs if name == "features.json" else store.length_costs
    with pytest.warns(ElmobenchWarning, match=name):
        assert not read()
    lengths = {"seconds": {"random": {"5": 0.1}}}
    cost = {"task": "t", "fingerprint": "f", "seconds": 1.0}
    add = store.add_cost if name == "features.json" else store.write_length_costs
    with pytest.warns(ElmobenchWarning, match="put aside"):
        add(cost if name == "features.json" else lengths)  # type: ignore[operator]
    assert read()
    assert path.with_name(f"{name}.damaged-1").exists()


def test_costs_of_earlier_versions_are_read(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    cost = {"task": "t", "fingerprint": "f", "seconds": 1.0}
    (tmp_path / "features.json").write_text(json.dumps([cost]))
    (tmp_path / "lengths.json").write_text(json.dumps({"seconds": {"random": {"5": 0.1}}}))
    store.add_cost({**cost, "task": "u"})
    assert [row["task"] for row in store.costs()] == ["t", "u"]
    assert store.length_costs() == {"seconds": {"random": {"5": 0.1}}}


def leave_part(path: Path) -> None:
    """Leave the temporary file of a process that was killed while it wrote ``path``."""
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from elmobench.core.files import atomic_path\n"
        "with atomic_path(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    before = len(list(path.parent.glob(".*.part")))
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert len(list(path.parent.glob(".*.part"))) == before + 1


def test_the_next_run_removes_what_a_killed_one_left(
    results: Path, cards: Path, tiny: dict
) -> None:
    cell = next(iter(RecordStore(results))).cell[:16]
    for name in (f"heads/{cell}/weights.safetensors", f"records/{cell}.json", "report.md"):
        leave_part(results / name)
    go({**tiny, "seeds": [1, 2]}, cards, results)
    assert list(results.rglob("*.part")) == []


def test_a_run_removes_what_its_own_killed_workers_left(
    results: Path, cards: Path, tiny: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = RecordStore.write_predictions

    def write_and_leave(self: RecordStore, *arguments: Any) -> str:
        leave_part(results / "records" / "another.json")
        return write(self, *arguments)

    monkeypatch.setattr(RecordStore, "write_predictions", write_and_leave)
    go({**tiny, "seeds": [1, 2, 3]}, cards, results)
    assert list(results.rglob("*.part")) == []


@pytest.mark.parametrize("failing", ["head", "result"])
def test_a_full_disk_costs_the_head_and_not_the_result(
    cards: Path, tiny: dict, tmp_path: Path, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    calls: list[Any] = []
    write = RecordStore.write_predictions

    def full_at_first(self: RecordStore, *arguments: Any) -> str:
        calls.append(arguments)
        if len(calls) == 1:
            full()
        return write(self, *arguments)

    with monkeypatch.context() as patch:
        if failing == "head":
            patch.setattr(saved, "save_file", full)
        else:
            patch.setattr(RecordStore, "write_predictions", full_at_first)
        summary = go({**tiny, "features": ["random"]}, cards, tmp_path / "r")
    (record,) = summary.records
    assert (summary.trained, record.status) == (1, "ok")
    assert record.run is not None
    (warning,) = record.run.warnings
    assert "No space left on device" in warning
    store = RecordStore(tmp_path / "r")
    assert store.read(record.cell) == record
    assert not (store.head_folder(record.cell) / "head.json").exists()
    assert store.read_predictions(record.cell)
    out = elmobench("predict", record.cell[:8], "a b", "--results", tmp_path / "r")
    assert (out.returncode, warning in out.stderr) == (1, True)
    assert make_report(tmp_path / "r").notes[0][1] == warning


def test_advice_is_about_what_is_there(cards: Path, tiny: dict, tmp_path: Path) -> None:
    """A cell that failed has no head, so there is no advice to predict with it."""
    broken = {**tiny, "name": "broken", "features": ["random"]}
    broken["overrides"] = [{"set": {"training.epochs": 1, "training.lr": 1e30}}]
    file = tmp_path / "broken.yaml"
    file.write_text(yaml.safe_dump(broken))
    folder = tmp_path / "-odd ?#%é"
    options = ("--include", cards, "--tracking-uri", "none", "--results")
    out = elmobench("run", file, *options, folder, cwd=tmp_path)
    assert (out.returncode, "1 failed" in out.stdout) == (1, True), out.stdout + out.stderr
    assert "next:" not in out.stdout
    (record,) = RecordStore(folder)
    out = elmobench("predict", record.cell[:8], "a b", "--results", folder)
    assert (out.returncode, "this cell failed" in out.stderr) == (1, True)
    assert record.error is not None
    assert record.error.splitlines()[0] in out.stderr
    # The same folder with a cell that works: the command that is shown can be copied.
    file.write_text(yaml.safe_dump({**tiny, "features": ["random"]}))
    out = elmobench("run", file, *options, "./-odd ?#%é", cwd=tmp_path)
    assert "--results './-odd ?#%é'" in out.stdout
    (cell,) = (record.cell for record in RecordStore(folder) if record.status == "ok")
    for command in (
        ("predict", cell[:8], "Ada saw", "--results", folder),
        ("report", folder),
        ("results", "pack", folder),
        ("results", "unpack", folder),
    ):
        out = elmobench(*command)
        assert out.returncode == 0, (command, out.stderr)


def test_predict_names_what_exists(results: Path, tmp_path: Path) -> None:
    cell = next(iter(RecordStore(results))).cell
    out = elmobench("predict", cell[:8], "a", "--results", tmp_path / "nowhere")
    assert "there is no such folder" in out.stderr
    readme = tmp_path / "notes.txt"
    readme.write_text("not a record")
    out = elmobench("predict", readme, "a")
    assert (out.returncode, "is not JSON" in out.stderr, "delete" in out.stderr) == (1, True, False)
    # Damage of another experiment is not in the way.
    other = Path(shutil.copytree(results, results.parent / "other"))
    for path in (other / "records").iterdir():
        damage(path)
    with pytest.warns(ElmobenchWarning, match="passed over while searching"):
        out = elmobench("predict", cell[:8], "Ada saw", "--results", tmp_path)
    assert out.returncode == 0, out.stderr


def test_vectors_that_are_all_zero_are_said(cards: Path, tiny: dict, tmp_path: Path) -> None:
    vectors = tmp_path / "zero.txt"
    vectors.write_text("nothing 1.0 2.0\n")
    models = {"zero": {"provider": "static", "files": {"vectors": {"path": str(vectors)}}}}
    summary = go({**tiny, "features": ["zero", "random"], "models": models}, cards, tmp_path / "r")
    zero, other = summary.records
    assert zero.result is not None
    assert other.result is not None
    text = "all vectors of zero are zero in the training set"
    assert any(text in note for note in zero.result.notes)
    assert not any("vectors of" in note for note in other.result.notes)
    out = elmobench("report", tmp_path / "r")
    assert "all vectors of zero are zero" in out.stdout


def test_a_metric_that_is_not_finite_is_a_failed_cell(
    cards: Path, tiny: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from elmobench.bench import run_cell
    from elmobench.metrics.base import Scores

    evaluate = run_cell.evaluate

    def undefined(*arguments: Any) -> tuple[Scores, list[Any]]:
        scores, predictions = evaluate(*arguments)
        scores.values[scores.primary] = float("nan")
        return scores, predictions

    monkeypatch.setattr(run_cell, "evaluate", undefined)
    summary = go({**tiny, "features": ["random"]}, cards, tmp_path / "r")
    assert summary.failed == 1
    assert "the metric's f1 on dev is nan" in (summary.records[0].error or "")


def test_the_error_of_a_head_can_be_told_apart() -> None:
    assert issubclass(saved.DamagedHeadError, ModelError)


def test_lone_surrogates_lose_no_trained_cell(
    cards: Path, tiny: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers refuse them; a reader of another package may not."""
    from elmobench.tasks.sentiment.pipeline import Sentiment

    gold = Sentiment.gold
    monkeypatch.setattr(Sentiment, "gold", lambda self, e: gold(self, e) + "\ud800")
    experiment = {**tiny, "name": "odd", "tasks": ["sentiment/tiny"], "features": ["random"]}
    (record,) = go(experiment, cards, tmp_path / "r").records
    assert record.status == "ok"
    store = RecordStore(tmp_path / "r")
    assert store.read(record.cell) == record
    assert {row["gold"][-1] for row in store.read_predictions(record.cell)} == {"\ud800"}
    path = store.predictions_path(record.cell)
    assert len(pd.read_json(path)) == len(store.read_predictions(record.cell))
    for command in (("report", store.folder), ("results", "pack", store.folder)):
        out = elmobench(*command)
        assert out.returncode == 0, (command, out.stderr)
    assert {row["gold"][-1] for row in store.read_predictions(record.cell)} == {"\ud800"}
