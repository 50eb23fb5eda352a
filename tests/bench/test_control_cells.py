"""Cells with control labels: other cells, their own gold, and in no comparison with the data's."""

from __future__ import annotations

from pathlib import Path

import pytest

from elmobench.analysis.board.studies import read_study
from elmobench.analysis.claims.study import Study
from elmobench.analysis.export.systems import CONTROL_CAVEAT, systems_of
from elmobench.analysis.report.report import make_report
from elmobench.analysis.stats.comparable import comparison_key
from elmobench.analysis.stats.tallies import TallyCache
from elmobench.analysis.tables.published import PublishedNumber
from elmobench.analysis.tables.published_comparison import _obstacle
from elmobench.bench.context import RunContext
from elmobench.bench.experiment.schema import parse_experiment
from elmobench.bench.plan import make_plan
from elmobench.bench.predict import Predictor
from elmobench.bench.run import run_experiment
from elmobench.bench.transfer import score_on
from elmobench.core.errors import ConfigError
from elmobench.data.cards.catalog import CardCatalog
from elmobench.data.sampling import Limit
from elmobench.tasks.tagging.pipeline import POS
from elmobench.tasks.task import Task, load_task
from elmobench.tracking.record_store import RecordStore

EXPERIMENT = {
    "name": "control-cells",
    "tasks": ["pos/control-pos"],
    "features": ["random"],
    "heads": ["linear"],
    "seeds": [1],
    "axes": {"labels": ["given", "control"]},
    "overrides": [{"set": {"training.epochs": 2, "training.grid": {}}}],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("control")
    summary = run_experiment(
        parse_experiment(EXPERIMENT),
        results=base / "results",
        store=base / "store",
        tracking_uri="none",
        quiet=True,
    )
    return summary.folder


def test_identities_of_cells_with_given_labels_are_unchanged() -> None:
    def planned(axes: dict) -> list:
        return make_plan(RunContext(parse_experiment({**EXPERIMENT, "axes": axes})))

    (plain,) = planned({})
    given, control = planned({"labels": ["given", "control"]})
    assert given.identity == plain.identity
    assert given.digest == plain.digest != control.digest
    assert control.identity == {**plain.identity, "control": 1}


def test_predictions_have_the_control_labels_as_gold(folder: Path) -> None:
    store = RecordStore(folder)
    given, control = store.planned()
    assert [r.axes["labels"] for r in (given, control)] == ["given", "control"]
    assert [r.is_control for r in (given, control)] == [False, True]
    assert given.run is not None
    assert control.run is not None
    assert "labels:control" in control.run.signature
    assert "labels:control" not in given.run.signature
    task = load_task("pos/control-pos")
    test = POS.control_examples(task.examples(), task.labels)["test"]
    assert [r["gold"] for r in store.read_predictions(control.cell)] == [list(e.tags) for e in test]
    assert [r["gold"] for r in store.read_predictions(given.cell)] == [
        list(e.tags) for e in task.split("test")
    ]


def test_control_scores_are_compared_with_nothing_else(folder: Path) -> None:
    store = RecordStore(folder)
    given, control = store.planned()
    assert comparison_key(given) != comparison_key(control)
    assert [record.cell for record in read_study(folder).records] == [given.cell]
    assert all(not record.is_control for record in Study(TallyCache(store)).records)
    table = make_report(folder).sections[0].table
    assert list(table["labels"]) == ["given", "control"]


def test_exports_say_which_scores_are_on_control_labels(folder: Path) -> None:
    given, control = systems_of(RecordStore(folder))[0]
    assert [one.is_control for one in (given, control)] == [False, True]
    assert [CONTROL_CAVEAT in one.caveats for one in (given, control)] == [False, True]


def test_a_published_number_concerns_the_given_labels_only(folder: Path) -> None:
    _, control = RecordStore(folder).planned()
    number = PublishedNumber.model_construct(metric="accuracy", split="test")
    assert _obstacle(control, number) == "control labels, not those of the data"


def test_a_head_of_control_labels_is_scored_on_no_task(folder: Path) -> None:
    store = RecordStore(folder)
    _, control = store.planned()
    with pytest.raises(ConfigError, match="control labels"):
        score_on(Predictor(store, control.cell), load_task("pos/control-pos"))


@pytest.mark.parametrize(
    ("task", "reason"),
    [("sentiment/control-sentiment", "whole sentences"), ("wsd/control-wsd", "no choice")],
)
def test_tasks_without_a_control_are_refused_before_any_work(task: str, reason: str) -> None:
    experiment = {**EXPERIMENT, "tasks": [task]}
    with pytest.raises(ConfigError, match=rf"(?s)labels: .*{reason}.*labels: \[given\].*pos"):
        make_plan(RunContext(parse_experiment(experiment)))


@pytest.mark.slow
def test_the_other_controls_run_and_say_where_test_has_few_known_types(tmp_path: Path) -> None:
    settings = {
        **EXPERIMENT,
        "tasks": ["ner/control-ner", "edges/control-edges", "wic/control-wic"],
        "axes": {"labels": ["control"]},
        "limit": 30,
    }
    summary = run_experiment(
        parse_experiment(settings),
        results=tmp_path / "results",
        store=tmp_path / "store",
        tracking_uri="none",
        quiet=True,
    )
    for record in summary.records:
        assert record.result is not None, record.error
        task = Task(CardCatalog().get(record.task), limit=Limit.parse(30))
        types = {
            split: [kind for e in task.split(split) for kind, _ in task.pipeline.items_of(e)]
            for split in ("train", "test")
        }
        known = sum(kind in types["train"] for kind in types["test"]) / len(types["test"])
        notes = [note for note in record.result.notes if "can only be guessed" in note]
        assert len(notes) == (known < 0.5)
        assert all(note.startswith(f"{100 * known:.0f} %") for note in notes)
