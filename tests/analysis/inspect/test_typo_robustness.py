"""Scores on test sets with typing errors equal those of the head on the changed sentences."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import elmobench

from elmobench import load_task
from elmobench.analysis.inspect.typo_robustness import typo_table
from elmobench.bench.predict import Predictor
from elmobench.bench.run import run_experiment
from elmobench.data.typos import Typos
from elmobench.metrics.base import get_metric
from elmobench.tracking.record_store import RecordStore

TASK = "sentiment/control-sentiment"
FAST = {"training.epochs": 3, "training.lr": 0.03, "options.dropout": 0.0}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    run_experiment(
        {
            "name": "typos",
            "tasks": [TASK],
            "features": ["random", "elmo-random"],
            "seeds": [1, 2],
            "overrides": [{"set": FAST}],
        },
        results=tmp_path / "r",
        store=tmp_path / "s",
        tracking_uri="none",
        quiet=True,
    )
    return tmp_path / "r"


@pytest.mark.slow
def test_scores_equal_predictions_for_changed_sentences(folder: Path) -> None:
    store = RecordStore(folder)
    before, after = typo_table(store, 0.5).to_dict("records")
    assert (before["slice"], after["slice"]) == (
        "unchanged",
        "typing errors in 50% of the words",
    )
    test = load_task(TASK).split("test")
    respell = Typos(0.5)
    for features in ("random", "elmo-random"):
        records = [record for record in store.planned() if record.features == features]
        stored = [r.result.test["accuracy"] for r in records if r.result]
        assert before[features].startswith(f"{sum(stored) / 2:.2f}")
        scores = []
        for record in records:
            # Predicted as a user's own text, whose sentences are not in the feature store.
            texts = [respell(example.tokens) for example in test]
            predicted = Predictor(store, record.cell).predict(texts)
            labels = [label for _, label in predicted]
            metric = get_metric("accuracy")
            scores.append(metric.compute([e.label for e in test], labels).values["accuracy"])
        assert after[features].startswith(f"{sum(scores) / 2:.2f}")
    assert before["elmo-random"] != after["elmo-random"]


@pytest.mark.slow
def test_from_the_command_line(folder: Path) -> None:
    found = elmobench("slices", str(folder), "--typos", "0.5", "--csv")
    assert found.returncode == 0, found.stderr
    assert "typing errors in 50% of the words" in found.stdout
    for head in folder.rglob("head.json"):
        head.unlink()
    found = elmobench("slices", str(folder), "--typos", "0.5")
    # The other slices do not need a trained head.
    assert found.returncode == 0, found.stderr
    assert "tokens" in found.stdout
    assert "typing errors" not in found.stdout
    assert "no trained head" in found.stderr
