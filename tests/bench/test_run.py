"""Whole runs on tiny data: card → features → head → record → table → prediction."""

from __future__ import annotations

import doctest
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import elmobench
from elmobench.bench.context import subset_of_train
from elmobench.bench.predict import Predictor, find_record
from elmobench.bench.run import RunSummary, run_experiment
from elmobench.core.errors import ConfigError, DataError, ModelError, UnknownNameError
from elmobench.core.versions import library_versions
from elmobench.data.cards.catalog import CardCatalog
from elmobench.tasks.task import load_task
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore
from elmobench.tracking.run_flags import run_flags


def go(experiment: dict, cards: Path, results: Path, **options) -> RunSummary:
    options = {"tracking_uri": "none", "quiet": True, **options}
    return run_experiment(experiment, cards=CardCatalog([cards]), results=results, **options)


def test_a_second_run_encodes_and_trains_nothing(cards: Path, tiny: dict, tmp_path: Path) -> None:
    results = tmp_path / "r"
    first = go(tiny, cards, results)
    assert (first.trained, first.skipped, first.failed) == (2, 0, 0)
    assert first.encoded_sentences > 0
    before = {p: p.read_bytes() for p in results.rglob("*.json")}
    second = go(tiny, cards, results)
    assert (second.trained, second.skipped, second.encoded_sentences) == (0, 2, 0)
    assert {p: p.read_bytes() for p in results.rglob("*.json")} == before
    assert [r.cell for r in second.records] == [r.cell for r in first.records]


@pytest.mark.slow
def test_a_rerun_is_equal_to_the_bit_also_in_another_process(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    tiny = {**tiny, "tasks": ["ner/tiny", "sentiment/tiny"], "heads": ["linear", "small"]}
    tiny["features"] = ["random(trainable)+elmo-random"]
    first = go(tiny, cards, tmp_path / "a")
    again = go(tiny, cards, tmp_path / "a", overwrite="always")
    assert again.trained == 4
    file = tmp_path / "tiny.yaml"
    file.write_text(yaml.safe_dump(tiny))
    subprocess.run(
        [
            *(sys.executable, "-m", "elmobench", "run", str(file), "--include", str(cards)),
            *("--results", str(tmp_path / "b"), "--store", str(tmp_path / "other-store")),
            *("--tracking-uri", "none", "--quiet"),
        ],
        check=True,
    )
    other = {r.cell: r for r in RecordStore(tmp_path / "b")}
    for one, two in zip(first.records, again.records, strict=True):
        assert one.result is not None
        assert one.result == two.result
        assert one.result == other[one.cell].result


def test_another_seed_gives_another_result(cards: Path, tiny: dict, tmp_path: Path) -> None:
    summary = go({**tiny, "features": ["random"], "seeds": [1, 2]}, cards, tmp_path / "r")
    one, two = (r.result.curve[0].train_loss for r in summary.records)
    assert one != two


def test_the_record_carries_what_a_number_needs(cards: Path, tiny: dict, tmp_path: Path) -> None:
    tiny = {**tiny, "caveats": ["only a test"], "features": ["random+elmo-random"]}
    summary = go(tiny, cards, tmp_path / "r")
    (record,) = summary.records
    assert record.caveats == ["only a test"]
    weights = record.result.layer_weights["input"]
    assert weights["random"]["s"] is None
    assert sum(weights["elmo-random"]["s"]) == pytest.approx(1.0)
    assert len(record.result.curve) == 2
    assert record.result.counts == {"train": 60, "dev": 20, "test": 30}
    assert record.run.versions == library_versions()
    assert record.run.encoded_by == {
        part: {name: [version] for name, version in library_versions().items()}
        for part in ("random", "elmo-random")
    }
    assert record.run.numerics["torch_threads"] == record.identity["threads"]
    assert record.run.numerics["deterministic"] is True
    _bytes_a_token(record, tmp_path, 2)
    assert record.run.parameters["elmo-random"] > record.run.parameters["random"] == 0
    rows = RecordStore(tmp_path / "r").read_predictions(record.cell)
    metric = elmobench.get_metric("span-f1")
    scores = metric.compute([r["gold"] for r in rows], [r["predicted"] for r in rows])
    assert scores.values == record.result.test


def test_a_cell_reads_eight_bits(cards: Path, tiny: dict, tmp_path: Path) -> None:
    tiny = {**tiny, "features": ["elmo-random"], "settings": {"precision": "int8"}}
    (record,) = go(tiny, cards, tmp_path / "r").records
    assert record.status == "ok"
    assert record.identity["precision"] == "int8"
    _bytes_a_token(record, tmp_path, 1)


def _bytes_a_token(record: RunRecord, where: Path, width: int) -> None:
    """Of the sentences of the cell: two token layers of 128 values, types and index entries."""
    stored = record.run.bytes_per_token["elmo-random"]
    assert 2 * 128 * width < stored < 2 * (128 * width + 4) + 64 * width + 24 + 24


def test_each_seed_searches_for_itself(cards: Path, tiny: dict, tmp_path: Path) -> None:
    tiny = {**tiny, "tasks": ["sentiment/tiny"], "heads": ["linear"], "seeds": [1, 2]}
    tiny["features"] = ["random"]
    results = [record.result for record in go(tiny, cards, tmp_path / "r").records]
    one, two = (result.selection for result in results)
    assert len(one["dev"]) == 8
    assert [row["score"] for row in one["dev"]] != [row["score"] for row in two["dev"]]
    for result in results:
        near = [row["candidate"] for row in result.selection["dev"] if row["near_tie"]]
        assert result.selection["chosen"] in near
        (chosen,) = (
            row for row in result.selection["dev"] if row["candidate"] == result.selection["chosen"]
        )
        # The chosen candidate's training is the cell's.
        assert chosen["score"] == result.dev["accuracy"]


def test_runs_at_an_edge_or_still_rising_are_flagged(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    tiny = {**tiny, "tasks": ["sentiment/tiny"], "heads": ["linear"], "features": ["elmo-random"]}
    grid = {"training.lr": [1e-9, 1e-8], "options.dropout": [0.0]}
    tiny["overrides"] = [{"set": {"training.grid": grid, "training.epochs": 4}}]
    (record,) = go(tiny, cards, tmp_path / "r").records
    assert any("an edge of its grid" in note for note in record.result.notes)
    assert run_flags(record).edges.keys() == {"training.lr"}


def test_a_failing_cell_is_recorded_and_the_rest_goes_on(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    tiny = {**tiny, "features": ["random"], "seeds": [1, 2]}
    # A learning rate that drives the loss out of the numbers.
    tiny["overrides"] = [
        {"set": {"training.epochs": 2, "training.lr": 1e30, "training.clip_norm": None}}
    ]
    summary = go(tiny, cards, tmp_path / "r")
    assert summary.failed == 2
    assert all("training loss is" in record.error for record in summary.records)
    assert all("lower training.lr" in record.error for record in summary.records)
    assert go(tiny, cards, tmp_path / "r", overwrite="never").skipped == 2
    assert go(tiny, cards, tmp_path / "r").failed == 2


def test_a_search_of_one_value_is_applied(cards: Path, tiny: dict, tmp_path: Path) -> None:
    tiny = {**tiny, "tasks": ["sentiment/tiny"], "heads": ["linear"], "features": ["random"]}
    stated = {**tiny, "overrides": [{"set": {"training.lr": 0.05, "options.dropout": 0.0}}]}
    grid = {"training.lr": [0.05], "options.dropout": [0.0]}
    searched = {**tiny, "overrides": [{"set": {"training.grid": grid}}]}
    (one,) = go(stated, cards, tmp_path / "r").records
    (two,) = go(searched, cards, tmp_path / "r").records
    assert one.cell != two.cell
    assert one.result.curve == two.result.curve


def test_an_error_in_a_cells_own_computation_is_recorded(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    tiny = {**tiny, "features": ["random"]}
    tiny["overrides"] = [{"set": {"training.optimizer_options": {"bogus": 1}}}]
    (record,) = go(tiny, cards, tmp_path / "r").records
    assert record.status == "failed"
    assert record.error.startswith("TypeError: ")


def test_labels_of_a_card_are_part_of_a_cell(cards: Path, tiny: dict, tmp_path: Path) -> None:
    tiny = {**tiny, "tasks": ["sentiment/tiny"], "features": ["random"]}
    (one,) = go(tiny, cards, tmp_path / "r").records
    card = cards / "sentiment.yaml"
    card.write_text(card.read_text() + "labels: [good, bad, neutral]\n")
    (two,) = go(tiny, cards, tmp_path / "r").records
    assert one.cell != two.cell


def test_data_that_changes_during_a_run_is_noticed(cards: Path, tiny: dict, tmp_path: Path) -> None:
    from elmobench.bench.context import RunContext
    from elmobench.bench.experiment.schema import parse_experiment
    from elmobench.bench.plan import make_plan

    context = RunContext(parse_experiment({**tiny, "features": ["random"]}), CardCatalog([cards]))
    (planned,) = make_plan(context)
    file = cards / "tiny.ner.train"
    file.write_text(file.read_text() + "Ada B-PER\n\n")
    with pytest.raises(DataError, match="changed since the run began"):
        context.sentences(planned.cell)


def test_two_points_that_are_one_cell_share_its_record(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    tiny = {**tiny, "features": ["elmo-random", "elmo-random@layer=1"]}
    tiny["axes"] = {"mix": ["learned", "layer=1"]}
    results = elmobench.run(
        tiny, include=[cards], results=tmp_path / "r", tracking_uri="none", quiet=True
    )
    assert results.summary.trained == 2
    frame = results.cells
    assert len(frame) == 4
    assert frame["cell"].nunique() == 2
    table = results.table()
    assert {"elmo-random", "elmo-random@layer=1"} <= set(table.columns)
    assert table["seeds"].tolist() == ["1", "1"]


def test_caveats_and_axes_are_those_of_the_present_file(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    tiny = {**tiny, "features": ["random"]}
    go(tiny, cards, tmp_path / "r")
    changed = {**tiny, "caveats": ["mind the gap"], "axes": {"train_fraction": [1.0, 0.5]}}
    records = go(changed, cards, tmp_path / "r").records
    assert [r.axes for r in records] == [{"train_fraction": 1.0}, {"train_fraction": 0.5}]
    assert records[0].caveats == ["mind the gap"]


@pytest.mark.slow
def test_a_fraction_of_train_encodes_what_it_reads_and_changes_no_result(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    part = {**tiny, "features": ["random", "elmo-random"], "seeds": [1, 2]}
    both = {**part, "axes": {"train_fraction": [0.2, 1.0]}}
    part["axes"] = {"train_fraction": [0.2]}
    few, all_ = (
        go(one, cards, tmp_path / name, store=tmp_path / f"store-{name}")
        for one, name in ((part, "a"), (both, "b"))
    )
    read = [r for r in all_.records if r.axes["train_fraction"] == 0.2]
    assert [r.cell for r in few.records] == [r.cell for r in read]
    for one, other in zip(few.records, read, strict=True):
        # Vectors of a contextual model depend on their batch in the last bits.
        assert one.result.test == pytest.approx(other.result.test, abs=1e-3)
        assert one.result.counts == other.result.counts
        assert one.result.coverage == other.result.coverage
        if one.features == "random":
            assert one.result == other.result
    task = load_task("ner/tiny", [cards])
    kept: set = set()
    for split in ("dev", "test"):
        kept |= {example.tokens for example in task.split(split)}
    train = task.split("train")
    for seed in (1, 2):
        kept |= {train[i].tokens for i in subset_of_train(len(train), 0.2, seed)}
    everything = {e.tokens for split in task.examples().values() for e in split}
    assert few.encoded_sentences == len(kept) < len(everything) == all_.encoded_sentences


def test_train_fraction_keeps_dev_and_all_labels(cards: Path, tiny: dict, tmp_path: Path) -> None:
    tiny = {**tiny, "features": ["random"], "axes": {"train_fraction": [0.1, 1.0]}}
    summary = go(tiny, cards, tmp_path / "r")
    assert [r.result.counts["train"] for r in summary.records] == [6, 60]
    assert [r.result.counts["dev"] for r in summary.records] == [20, 20]
    assert [r.axes for r in summary.records] == [{"train_fraction": 0.1}, {"train_fraction": 1.0}]


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ("elmo", "family of models"),
        ("elmo-randm", "did you mean 'elmo-random'"),
        ("elmo-random(trainable)", "only static vectors"),
        ("elmo-random@layer=7", "there is no layer 7"),
        ("random@seed=2@layer=0", "nothing to mix"),
        ("elmo-random@state=carry", "cannot be stored"),
    ],
)
def test_mistakes_in_features_stop_everything_before_any_work(
    cards: Path, tiny: dict, tmp_path: Path, features: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        go({**tiny, "features": ["random", features]}, cards, tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_a_part_of_one_layer_may_say_where_it_enters(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    """As ``paper/table1`` and ``paper/table2`` do with GloVe."""
    for features in ("random@place=input", "random@place=input@dropout=0.1"):
        summary = go({**tiny, "features": [features], "seeds": [1]}, cards, tmp_path / features)
        assert [record.status for record in summary.records] == ["ok"]


def test_a_trained_head_labels_new_text(cards: Path, tiny: dict, tmp_path: Path) -> None:
    tiny = {**tiny, "features": ["random(trainable)+elmo-random"]}
    tiny["overrides"] = [{"set": {"training.epochs": 15, "training.lr": 0.02}}]
    summary = go(tiny, cards, tmp_path / "r")
    (record,) = summary.records
    assert record.result.test["f1"] > 90
    store, cell = find_record(record.cell[:8], tmp_path)
    assert (store.folder, cell) == (tmp_path / "r", record.cell)
    assert find_record(record.cell, tmp_path)[1] == cell  # as cells.csv gives it
    assert find_record(str(store.record_path(cell)), tmp_path)[1] == cell
    predictor = Predictor(store, cell)
    ((tokens, tags),) = predictor.predict(["we saw Rome."])
    assert tokens == ("we", "saw", "Rome", ".")
    assert tags == ["O", "O", "B-LOC", "O"]
    # The stored predictions come back from the saved head.
    rows = RecordStore(tmp_path / "r").read_predictions(record.cell)
    examples = elmobench.load_task("ner/tiny", include=[cards]).split("test")
    again = [tags for _, tags in predictor.predict([e.tokens for e in examples])]
    assert again == [row["predicted"] for row in rows]


def test_predicting_without_a_head_or_a_record(cards: Path, tiny: dict, tmp_path: Path) -> None:
    (record,) = go({**tiny, "features": ["random"]}, cards, tmp_path / "r").records
    with pytest.raises(UnknownNameError, match="no record 'zzz'"):
        find_record("zzz", tmp_path)
    # The advice must never be to delete a file that holds every record.
    with pytest.raises(ConfigError, match="a packed file has many cells"):
        find_record(str(tmp_path / "r" / "records.jsonl.gz"), tmp_path)
    store = RecordStore(tmp_path / "r")
    weights = store.head_folder(record.cell) / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ModelError, match="not the file whose digest"):
        Predictor(store, record.cell)
    (store.head_folder(record.cell) / "head.json").unlink()
    with pytest.raises(ModelError, match="no trained head here"):
        Predictor(store, record.cell)


def test_python_interface(cards: Path, tiny: dict, tmp_path: Path) -> None:
    results = elmobench.run(
        {**tiny, "features": ["random"]},
        include=[cards],
        results=tmp_path / "r",
        tracking_uri="none",
        quiet=True,
    )
    assert results.table()["task"].tolist() == ["ner/tiny"]
    frame = elmobench.load_results(tmp_path / "r").cells
    assert frame["score"].tolist() == results.cells["score"].tolist()
    assert (
        json.loads((tmp_path / "r" / "experiment.json").read_text())["experiment"]["name"] == "tiny"
    )


def test_the_example_of_run_is_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = doctest.DocTestFinder().find(elmobench.run, "run", globs={})
    assert doctest.DocTestRunner().run(example) == (0, 5)


@pytest.mark.slow
def test_two_processes_share_one_grid(cards: Path, tiny: dict, tmp_path: Path) -> None:
    tiny = {**tiny, "features": ["random"], "heads": ["linear"], "seeds": [1, 2, 3, 4]}
    file = tmp_path / "tiny.yaml"
    file.write_text(yaml.safe_dump(tiny))
    command = [
        *(sys.executable, "-m", "elmobench", "run", str(file), "--include", str(cards)),
        *("--results", str(tmp_path / "r"), "--quiet"),
    ]
    # With the default tracking store, which they share too.
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate()[0] for process in both]
    trained = [int(text.split(" cells trained")[0].split()[-1]) for text in outputs]
    assert [process.returncode for process in both] == [0, 0]
    assert sum(trained) == 4
    assert len(list(RecordStore(tmp_path / "r"))) == 4


def test_records_of_an_earlier_version_are_kept_but_not_mixed_in(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    from elmobench.analysis.report.markdown import to_markdown
    from elmobench.analysis.report.report import make_report

    tiny = {**tiny, "features": ["random"]}
    old = go(tiny, cards, tmp_path / "r").records
    changed = {**tiny, "overrides": [{"set": {"training.epochs": 3}}]}
    new = go(changed, cards, tmp_path / "r").records
    assert old[0].cell != new[0].cell
    assert elmobench.load_results(tmp_path / "r").cells["cell"].tolist() == [new[0].cell]
    everything = elmobench.load_results(tmp_path / "r", everything=True).cells["cell"].tolist()
    assert sorted(everything) == sorted([old[0].cell, new[0].cell])
    assert "1 records of earlier versions" in to_markdown(
        make_report(tmp_path / "r", CardCatalog([cards]))
    )


def test_a_head_that_did_not_learn_is_pointed_out(cards: Path, tiny: dict, tmp_path: Path) -> None:
    from elmobench.analysis.report.markdown import to_markdown
    from elmobench.analysis.report.report import make_report

    tiny = {**tiny, "features": ["random"]}
    tiny["overrides"] = [{"set": {"training.epochs": 1, "training.lr": 1e-7}}]
    (record,) = go({**tiny, "tasks": ["sentiment/tiny"]}, cards, tmp_path / "r").records
    assert len(record.result.notes) == 1
    assert "throughout" in record.result.notes[0]
    assert "Notes on scores" in to_markdown(make_report(tmp_path / "r", CardCatalog([cards])))
    tiny["overrides"] = [{"set": {"training.epochs": 15, "training.lr": 0.02}}]
    (record,) = go(tiny, cards, tmp_path / "s").records
    assert record.result.notes == []


def test_a_metric_of_another_kind_of_task_is_refused_before_any_work(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    card = cards / "sentiment.yaml"
    card.write_text(card.read_text().replace("metric: accuracy", "metric: span-f1"))
    with pytest.raises(ConfigError, match="'span-f1' does not fit pipeline 'sentiment'"):
        go({**tiny, "tasks": ["sentiment/tiny"]}, cards, tmp_path / "r")


def test_an_override_that_matches_nothing_is_refused(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    override = {"when": {"head": "smal"}, "set": {"training.epochs": 1}}
    with pytest.raises(ConfigError, match="matches no cell"):
        go({**tiny, "overrides": [override]}, cards, tmp_path / "r")
