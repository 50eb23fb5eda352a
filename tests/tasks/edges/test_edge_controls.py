"""The controls of single words, with the models that they are about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import elmobench


def accuracies(folder: Path, task: str, head: str, features: list[str], **changes: Any) -> Any:
    """Features -> accuracy on test, in percent, of one candidate and one seed."""
    results = elmobench.run(
        {
            "name": "controls",
            "tasks": [task],
            "features": features,
            "heads": [head],
            "overrides": [{"set": {"training.epochs": 8, "training.grid": {}, **changes}}],
        },
        results=folder / "results",
        store=folder / "store",
        tracking_uri="none",
        quiet=True,
    )
    records = results.summary.records
    assert all(record.result is not None for record in records)
    return {record.features: record.result.test["accuracy"] for record in records}


@pytest.mark.nightly
def test_a_bilm_has_both_sides_but_not_their_relation(tmp_path: Path) -> None:
    """All layers of a biLM keep left and right apart; a recurrent head puts them together."""
    task, features = "edges/control-both-sides", ["elmo-mini"]
    linear = accuracies(tmp_path / "a", task, "linear", features, **{"training.lr": 0.01})
    recurrent = accuracies(tmp_path / "b", task, "small", features)
    assert linear["elmo-mini"] <= 75.0  # of any linear head, whatever its weights
    assert recurrent["elmo-mini"] >= 95.0


@pytest.mark.slow
def test_only_trained_vectors_know_words_that_train_lacks(tmp_path: Path) -> None:
    features = ["glove-mini", "elmo-random"]
    task = "edges/control-word-knowledge"
    found = accuracies(tmp_path, task, "linear", features, **{"training.lr": 0.01})
    assert found["glove-mini"] >= 75.0
    # A guess on 40 words: two standard deviations are 16 points.
    assert abs(found["elmo-random"] - 50.0) <= 16.0
