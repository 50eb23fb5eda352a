"""Regression from a file to compared records: SICK's layout, a text vector, a constant head."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import elmobench
from elmobench import SentenceModel
from elmobench.analysis.stats.differences import compare
from elmobench.analysis.stats.tallies import TallyCache
from elmobench.bench.predict import Predictor
from elmobench.bench.transfer import score_on
from elmobench.tasks.task import load_task
from elmobench.tracking.record_store import RecordStore

CARD = """\
name: sick
pipeline: pair-regression
version: 1
title: t
description: d
language: en
reader:
  name: pair-table
  options: {premise: sentence_A, hypothesis: sentence_B, label: relatedness_score, id: pair_ID,
    tokenizer: words}
splits: {train: [{path: train.txt}], dev: [{path: dev.txt}], test: [{path: test.txt}]}
metric: METRIC
licence: none
redistributable: no
citation: none
"""
WORDS = [
    "man",
    "woman",
    "dog",
    "cat",
    "runs",
    "sleeps",
    "plays",
    "sings",
    "red",
    "old",
    "happy",
    "small",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    draw = random.Random(2)
    for split, size in (("train", 80), ("dev", 30), ("test", 60)):
        lines = ["pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment"]
        for i in range(size):
            first = draw.sample(WORDS, 4)
            kept = draw.randint(0, 4)
            second = first[:kept] + draw.sample([w for w in WORDS if w not in first], 4 - kept)
            score = 1 + kept + draw.choice([0, 0.25, 0.5])
            lines.append(f"{i}\t{' '.join(first)}\t{' '.join(second)}\t{score}\tNEUTRAL")
        (tmp_path / f"{split}.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["pearson", "spearman"])
def test_from_a_file_to_a_comparison(metric: str, folder: Path) -> None:
    (folder / "sick.yaml").write_text(CARD.replace("METRIC", metric))
    results = elmobench.run(
        {
            "name": "sick",
            "tasks": ["pair-regression/sick"],
            "features": ["glove-mini", "random"],
            "heads": ["linear"],
            "seeds": [1, 2],
            "axes": {"train_fraction": [1.0, 0.2]},
            "overrides": [
                {"set": {"training.epochs": 10, "training.grid": {}, "training.lr": 0.05}}
            ],
        },
        include=[str(folder)],
        results=folder / "results",
        quiet=True,
        tracking_uri="none",
    )
    store = RecordStore(results.folder)
    official = {"pearson": stats.pearsonr, "spearman": stats.spearmanr}[metric]
    for record in store.planned():
        assert record.result is not None
        rows = store.read_predictions(record.cell)
        gold, predicted = ([row[key] for row in rows] for key in ("gold", "predicted"))
        assert record.result.test[metric] == pytest.approx(100 * official(gold, predicted)[0])
        assert record.result.per_class == {}
    whole = [r for r in store.planned() if r.axes["train_fraction"] == 1.0]
    assert max(r.result.test[metric] for r in whole if r.result) > 60
    rows = compare(TallyCache(store), "glove-mini", "random")
    assert len(rows) == 2
    for row in rows:
        assert row.metric == metric
        assert row.estimate.variance is not None
        assert row.interval[0] < row.difference < row.interval[1]
    # Train's mean is that of the part that was read.
    task = load_task("pair-regression/sick", [folder])
    values = [example.value for example in task.split("train")]
    means = set()
    for record in store.planned():
        predictor = Predictor(store, record.cell)
        means.add(round(predictor._model.head.codec.extra["mean"], 9))
        ((_, number),) = predictor.predict(["old dog runs ||| old dog sleeps"])
        assert isinstance(number, float)
    assert round(sum(values) / len(values), 9) in means
    assert len(means) == 3  # one of all of train, one of each seed's part
    scored, _ = score_on(predictor, task)
    assert scored.scores[metric] == pytest.approx(record.result.test[metric], abs=0.2)


@pytest.mark.slow
@pytest.mark.parametrize("pair", [False, True], ids=["texts", "pairs"])
def test_a_probe_on_text_vectors_is_least_squares(pair: bool, tmp_path: Path) -> None:
    name = "pair-regression/control-pair-regression" if pair else "regression/control-regression"
    task = load_task(name)
    words = sorted({token for example in task.split("train") for token in example.tokens})[:12]

    def vectors(texts: list[str]) -> np.ndarray[Any, Any]:
        counts = [[text.split().count(word) for word in words] for text in texts]
        return np.array(counts, dtype=np.float32)

    options = {"epochs": 300, "patience": 300, "grid": {}, "lr": 0.05, "batch_size": 4096}
    (record,) = elmobench.run(
        {
            "name": "probe",
            "tasks": [task.card.id],
            "features": ["mine"],
            "settings": {"precision": "fp32"},
            "overrides": [
                {
                    "set": {
                        **{f"training.{option}": value for option, value in options.items()},
                        "mix.standardize": False,
                    }
                }
            ],
        },
        models={"mine": SentenceModel(vectors, version="1")},
        results=tmp_path / "results",
        store=tmp_path / "store",
        quiet=True,
        tracker="none",
    ).summary.records

    def design(split: str) -> np.ndarray[Any, Any]:
        slots = [task.pipeline.slots(example) for example in task.split(split)]
        sides = [vectors([" ".join(own[side][0]) for own in slots]) for side in slots[0]]
        columns = [abs(sides[0] - sides[1]), sides[0] * sides[1]] if pair else sides
        return np.hstack([*columns, np.ones((len(slots), 1))])

    gold = np.array([example.value for example in task.split("train")])
    weights, *_ = np.linalg.lstsq(design("train"), gold, rcond=None)
    error = np.mean((design("train") @ weights - gold) ** 2) / gold.var()
    assert record.result.curve[-1].train_loss == pytest.approx(error, rel=5e-3)
