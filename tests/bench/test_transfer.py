"""A trained head scored on the test set of another task."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from tiny_cards import write_tiny_cards
from typer.testing import CliRunner

from elmobench.bench.predict import Predictor
from elmobench.bench.run import run_experiment
from elmobench.bench.transfer import score_on
from elmobench.cli.main import app
from elmobench.core.errors import ConfigError
from elmobench.data.cards.catalog import CardCatalog
from elmobench.metrics.base import get_metric
from elmobench.tasks.task import Task
from elmobench.tracking.record_store import RecordStore


@pytest.fixture
def other(tmp_path: Path) -> CardCatalog:
    """Cards with the same names and other sentences."""
    folder = tmp_path / "other"
    write_tiny_cards(folder, random.Random(9), {"train": 10, "dev": 10, "test": 40})
    return CardCatalog([folder])


@pytest.fixture
def trained(cards: Path, tiny: dict, tmp_path: Path) -> RecordStore:
    tiny = {**tiny, "features": ["random+elmo-random"], "seeds": [1, 2]}
    run_experiment(
        tiny,
        cards=CardCatalog([cards]),
        results=tmp_path / "results" / "tiny",
        tracking_uri="none",
        quiet=True,
    )
    return RecordStore(tmp_path / "results" / "tiny")


def test_on_its_own_test_set_it_scores_what_the_record_says(
    trained: RecordStore, cards: Path
) -> None:
    (cell, *_) = trained.cell_names()
    predictor = Predictor(trained, cell)
    score, rows = score_on(predictor, Task(CardCatalog([cards]).get("ner/tiny")))
    result = predictor.record.result
    assert result is not None
    # The vectors of the run were stored in half precision.
    assert score.scores[score.primary] == pytest.approx(result.test[result.primary], abs=2.0)
    assert score.own_scores == result.test
    assert [row["id"] for row in rows] == [row["id"] for row in trained.read_predictions(cell)]
    assert score.unknown_labels == {}
    assert score.limit is None


def test_on_another_task_it_scores_what_the_metric_says(
    trained: RecordStore, other: CardCatalog
) -> None:
    (cell, *_) = trained.cell_names()
    predictor = Predictor(trained, cell)
    task = Task(other.get("ner/tiny"))
    calls: list[tuple[int, int]] = []
    score, rows = score_on(predictor, task, on_examples=lambda *done: calls.append(done))
    examples = task.split("test")
    assert score.examples == len(rows) == 40
    assert calls[-1] == (40, 40)
    predicted = list(predictor.predict_examples(examples))
    gold = [task.pipeline.gold(example) for example in examples]
    assert score.scores == get_metric("span-f1").compute(gold, predicted).values
    assert score.data == task.data_digest != predictor.record.identity["data"]


def test_labels_that_the_head_never_learned_are_named(trained: RecordStore, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    write_tiny_cards(folder, random.Random(9), {"train": 10, "dev": 10, "test": 20})
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".yaml" and "PER" in (text := path.read_text()):
            path.write_text(text.replace("PER", "DEITY"))
    task = Task(CardCatalog([folder]).get("ner/tiny"))
    (cell, *_) = trained.cell_names()
    score, _ = score_on(Predictor(trained, cell), task)
    tags = [tag for example in task.split("test") for tag in example.tags if "DEITY" in tag]
    assert tags
    assert sum(score.unknown_labels.values()) == len(tags)


def test_a_task_of_another_pipeline_is_an_error(trained: RecordStore, other: CardCatalog) -> None:
    (cell, *_) = trained.cell_names()
    with pytest.raises(ConfigError, match="pipeline ner, sentiment/tiny is a task of sentiment"):
        score_on(Predictor(trained, cell), Task(other.get("sentiment/tiny")))


def test_the_command(trained: RecordStore, cards: Path, tmp_path: Path) -> None:
    cells = list(trained.cell_names())
    file = tmp_path / "predictions.jsonl"
    common = ["--on", "ner/tiny", "--include", str(cards), "--results", str(tmp_path / "results")]
    shown = CliRunner().invoke(
        app, ["score", *(cell[:12] for cell in cells), *common, "--predictions", str(file)]
    )
    assert shown.exit_code == 0, shown.output
    assert "mean ± sd over 2 seeds" in shown.output
    assert len(file.read_text().splitlines()) == 60
    again = CliRunner().invoke(app, ["score", cells[0][:12], cells[0], *common])
    assert again.exit_code == 0, again.output
    assert "mean ± sd" not in again.output  # one run, named twice
    rows = CliRunner().invoke(app, ["score", cells[0][:12], *common, "--split", "dev", "--json"])
    (row,) = json.loads(rows.stdout)["scored"]
    assert (row["split"], row["examples"], row["trained_on"]) == ("dev", 20, "ner/tiny")


def test_a_head_of_a_quick_try_is_named(cards: Path, tiny: dict, tmp_path: Path) -> None:
    results = tmp_path / "results"
    run_experiment(
        {**tiny, "tasks": ["ner/tiny"], "features": ["random"], "seeds": [1], "limit": 5},
        cards=CardCatalog([cards]),
        results=results / "tiny",
        tracking_uri="none",
        quiet=True,
    )
    (cell,) = RecordStore(results / "tiny").cell_names()
    common = ["--on", "ner/tiny", "--include", str(cards), "--results", str(results)]
    shown = CliRunner().invoke(app, ["score", cell, *common])
    note = f"note: {cell[:8]} was trained in a quick try (limit: 5), so its score is partial"
    assert note in " ".join(shown.output.split())
    document = CliRunner().invoke(app, ["score", cell, *common, "--json"])
    assert [row["limit"] for row in json.loads(document.stdout)["scored"]] == ["5"]
