"""Exports, read back by other programs' readers or by the formats' documented structure."""

from __future__ import annotations

import csv
import io
import json
import math
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import elmobench
from huggingface_hub import parse_eval_result_entries

import elmobench as package
from elmobench.analysis.export.harness_results import harness_files
from elmobench.analysis.export.hub_results import hub_files, parse_datasets
from elmobench.analysis.export.systems import CONTROL_CAVEAT, file_name, systems_of, unique
from elmobench.analysis.export.tables import csv_files
from elmobench.core.errors import ConfigError, DataError
from elmobench.tracking.record_store import RecordStore

SEED = 2**70


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seeds of one system, one of them beyond 64 bits; and a quick try."""
    where = tmp_path_factory.mktemp("exports")
    experiment = {
        **{"name": "small", "tasks": ["wsd/control-wsd"], "features": ["random"]},
        **{"heads": ["linear"], "seeds": [1, 2, SEED], "axes": {"mix": ["learned"]}},
        "overrides": [{"set": {"training.epochs": 1}}],
    }
    package.run(experiment, results=where / "small", tracking_uri="none", quiet=True)
    quick = {**experiment, "seeds": [1]}
    package.run(quick, results=where / "quick", tracking_uri="none", quiet=True, limit=30)
    return where


def scores_of(folder: Path) -> list[float]:
    """The main score of each seed, from the records' files."""
    values = {}
    for path in (folder / "small/records").iterdir():
        record = json.loads(path.read_text("utf-8"))
        values[record["seed"]] = record["result"]["test"][record["result"]["primary"]]
    return [values[seed] for seed in (1, 2, SEED)]


def test_csv_has_every_score_with_its_spread(folder: Path) -> None:
    systems, notes = systems_of(RecordStore(folder / "small"))
    assert notes == []
    exported = csv_files(systems)
    rows = list(csv.DictReader(io.StringIO(exported.files["scores.csv"])))
    (row,) = [row for row in rows if row["is_primary"] == "true"]
    values = scores_of(folder)
    assert float(row["mean"]) == pytest.approx(statistics.fmean(values), rel=1e-12)
    assert float(row["sd"]) == pytest.approx(statistics.stdev(values), rel=1e-12)
    assert json.loads(row["seed_list"]) == [1, 2, SEED]
    assert (len(row["data_sha256"]), row["limit"], row["seeds"]) == (64, "", "3")
    # Student's quantile for two degrees of freedom.
    width = 4.302652729911275 * statistics.stdev(values) / math.sqrt(3)
    if float(row["sd"]):
        assert float(row["high"]) - float(row["mean"]) == pytest.approx(width, rel=1e-9)
    cells = list(csv.DictReader(io.StringIO(exported.files["cells.csv"])))
    main = [cell for cell in cells if cell["score"] == row["score"]]
    assert [float(cell["value"]) for cell in main] == values
    assert main[-1]["seed"] == str(SEED)


def test_the_hub_reads_its_files(folder: Path) -> None:
    systems, _ = systems_of(RecordStore(folder / "small"))
    datasets = parse_datasets(["wsd/control-wsd=someone/control#test"])
    exported = hub_files(systems, datasets)
    ((path, text),) = exported.files.items()
    assert path == "random/.eval_results/wsd__control-wsd__linear.yaml"
    (entry,) = parse_eval_result_entries(yaml.safe_load(text))
    assert (entry.dataset_id, entry.task_id) == ("someone/control", "test")
    assert entry.value == pytest.approx(statistics.fmean(scores_of(folder)), abs=1e-4)
    assert entry.notes is not None
    sd = statistics.stdev(scores_of(folder))
    for fact in (f"sd {sd:.2f} over 3 seeds", str(SEED), systems[0].data, "head linear"):
        assert fact in entry.notes
    assert entry.date == systems[0].date
    assert hub_files(systems, {}).files == {}
    assert "--dataset wsd/control-wsd=OWNER/NAME" in hub_files(systems, {}).notes[0]
    with pytest.raises(ConfigError, match="no results of the task 'wsd/wrong'"):
        hub_files(systems, parse_datasets(["wsd/wrong=a/b"]))


def test_a_quick_try_is_partial_everywhere(folder: Path) -> None:
    (store,) = [RecordStore(path.parent) for path in (folder / "quick").rglob("records")]
    systems, notes = systems_of(store)
    assert any("partial, a quick try on 30" in note for note in notes)
    assert any("a single run" in note for note in notes)
    (row, *_) = csv.DictReader(io.StringIO(csv_files(systems).files["scores.csv"]))
    assert (row["limit"], row["sd"]) == ("30", "")
    (text,) = harness_files(systems).files.values()
    content = json.loads(text)
    assert content["config"]["limit"] == "30"
    assert content["n-samples"]["wsd/control-wsd"]["original"] is None
    assert "A quick try" in content["configs"]["wsd/control-wsd"]["metadata"]["caveats"][-1]
    hub = hub_files(systems, parse_datasets(["wsd/control-wsd=a/b"]))
    assert hub.files == {}
    assert "quick try" in hub.notes[0]


def harness_rows(content: dict[str, Any]) -> list[tuple[str, str, float, float | str]]:
    """Task, score, value and error, as lm-evaluation-harness prints a results file."""
    rows = []
    for task, scores in content["results"].items():
        assert task in content["versions"]
        for key, value in scores.items():
            name, _, filter_ = key.partition(",")
            if key == "alias" or name.endswith("_stderr"):
                continue
            assert content["higher_is_better"][task][name] is True
            rows.append((scores["alias"], name, value, scores[f"{name}_stderr,{filter_}"]))
    return rows


def test_harness_files_have_fractions_and_errors_over_seeds(folder: Path) -> None:
    systems, _ = systems_of(RecordStore(folder / "small"))
    ((path, text),) = harness_files(systems).files.items()
    content = json.loads(text)
    assert path.startswith(f"{content['model_name_sanitized']}/results_20")
    values = scores_of(folder)
    rows = harness_rows(content)
    (value, error) = next(row[2:] for row in rows if row[1] == systems[0].primary)
    assert value == pytest.approx(statistics.fmean(values) / 100)
    assert error == pytest.approx(statistics.stdev(values) / 100 / math.sqrt(3))
    metadata = content["configs"]["wsd/control-wsd"]["metadata"]
    assert metadata["seeds"] == [1, 2, SEED]
    assert metadata["data_sha256"] == systems[0].data
    assert content["n-samples"]["wsd/control-wsd"]["effective"] == systems[0].examples
    assert "not over examples" in content["config"]["stderr"]


def test_control_labels_are_marked_and_are_in_no_file_of_leaderboards(folder: Path) -> None:
    (system, *_), _ = systems_of(RecordStore(folder / "small"))
    control = replace(system, axes={"labels": "control"}, caveats=(*system.caveats, CONTROL_CAVEAT))
    assert not system.is_control
    rows = list(csv.DictReader(io.StringIO(csv_files([system, control]).files["scores.csv"])))
    marked = [(row["axes"], CONTROL_CAVEAT in row["caveats"]) for row in rows]
    assert ('{"labels": "control"}', True) in marked
    assert all(("control" in axes) == is_marked for axes, is_marked in marked)
    both = harness_files([system, control])
    assert both.files == harness_files([system]).files
    assert len(both.notes) == 1
    assert "control labels" in both.notes[0]


def test_the_command_writes_only_when_asked(folder: Path) -> None:
    line = ("export", "small", "--to", "csv")
    (folder / "results").mkdir(exist_ok=True)
    (folder / "results/small").symlink_to(folder / "small")
    dry = elmobench(*line, cwd=folder)
    assert dry.stdout.startswith("--- scores.csv\nexperiment,task,")
    assert "nothing was written" in dry.stderr
    assert not (folder / "out").exists()
    out = elmobench(*line, "--out", "out", cwd=folder)
    assert out.stdout.splitlines() == ["written: out/scores.csv", "written: out/cells.csv"]
    content = json.loads(elmobench(*line, "--json", cwd=folder).stdout)
    for file in content["files"]:
        assert (folder / "out" / file["path"]).read_text("utf-8") == file["content"]
    assert elmobench(*line[:3], "parquet", cwd=folder).returncode == 2
    assert elmobench(*line, "--dataset", "a=b/c", cwd=folder).returncode == 2


def test_what_cannot_be_exported(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no results to export"):
        systems_of(RecordStore(tmp_path))
    for wrong in ("ner/wnut17", "=a/b", "x=wnut", "x=a b/c"):
        with pytest.raises(ConfigError, match="data set of the hub"):
            parse_datasets([wrong])


def test_names_of_files() -> None:
    assert file_name("elmo:../up dir") == "elmo_..__up_dir"
    assert file_name("..") == "_"
    assert unique(["a", "b", "a", "a"]) == ["a", "b", "a_2", "a_3"]
