"""A whole run of question answering: card → features → head → record → a user's own text."""

from __future__ import annotations

from pathlib import Path

import pytest

import elmobench
from elmobench.analysis.stats.tallies import units_of
from elmobench.bench.predict import Predictor
from elmobench.bench.run import run_experiment
from elmobench.core.errors import ConfigError
from elmobench.data.cards.catalog import CardCatalog
from elmobench.tracking.record_store import RecordStore

CARD = """\
name: tiny
pipeline: qa
version: 1
title: t
description: d
language: en
splits:
  train: [{generate: &made {name: control-qa, options: {sizes: {train: 60, dev: 20, test: 20}}}}]
  dev: [{generate: *made}]
  test: [{generate: *made}]
metric: squad
licence: none
redistributable: no
citation: none
"""


def test_every_placement_from_card_to_prediction(tmp_path: Path) -> None:
    cards, results = tmp_path / "cards", tmp_path / "r"
    cards.mkdir()
    (cards / "tiny.yaml").write_text(CARD)
    summary = run_experiment(
        {
            "name": "tiny",
            "tasks": ["qa/tiny"],
            "features": ["random+elmo-random"],
            "heads": ["small"],
            "axes": {"placement": ["input", "output", "both"]},
            "overrides": [{"set": {"training.epochs": 1, "training.average": 0.5}}],
        },
        cards=CardCatalog([cards]),
        results=results,
        tracking_uri="none",
        quiet=True,
    )
    assert [record.status for record in summary.records] == ["ok"] * 3
    weights = [set(record.result.layer_weights) for record in summary.records]
    assert weights == [{"input"}, {"output"}, {"input", "output"}]
    both = summary.records[-1]
    mixes = both.result.layer_weights
    assert mixes["input"]["elmo-random"] != mixes["output"]["elmo-random"]
    rows = RecordStore(results).read_predictions(both.cell)
    metric = elmobench.get_metric("squad")
    scores = metric.compute([r["gold"] for r in rows], [r["predicted"] for r in rows])
    assert scores.values == both.result.test
    # Questions on one passage stand or fall together.
    made = elmobench.load_task("qa/tiny", include=[cards]).split("test")
    assert len(set(units_of(rows))) == len({example.passage.text for example in made})

    predictor = Predictor(RecordStore(results), both.cell)
    assert set(mixes["output"]) == {"random", "elmo-random"}
    examples = elmobench.load_task("qa/tiny", include=[cards]).split("test")
    # The stored predictions come back from the saved head.
    texts = [f"{e.passage.text} ||| {' '.join(e.question)}" for e in examples]
    again = [answer for _, answer in predictor.predict(texts)]
    assert again == [row["predicted"] for row in rows]
    ((tokens, answer),) = predictor.predict(["It\u00a0was  Boris's match. ||| Whose match?"])
    assert tokens == ("Whose", "match", "?", "It", "was", "Boris", "'s", "match", ".")
    assert answer in "It\u00a0was  Boris's match."
    with pytest.raises(ConfigError, match="a question needs a passage"):
        list(predictor.predict(["Who won?"]))


def test_static_vectors_at_the_input_and_elmo_at_the_output(tmp_path: Path) -> None:
    cards, results = tmp_path / "cards", tmp_path / "r"
    cards.mkdir()
    (cards / "tiny.yaml").write_text(CARD)
    summary = run_experiment(
        {
            "name": "tiny",
            "tasks": ["qa/tiny"],
            "features": ["random(trainable)+elmo-random@place=output"],
            "heads": ["small"],
            "overrides": [{"set": {"training.epochs": 1, "mix.standardize": True}}],
        },
        cards=CardCatalog([cards]),
        results=results,
        tracking_uri="none",
        quiet=True,
    )
    (record,) = summary.records
    assert record.status == "ok"
    mixes = record.result.layer_weights
    assert {place: set(parts) for place, parts in mixes.items()} == {
        "input": {"random"},
        "output": {"elmo-random"},
    }
    # The head that is read back enters each part where it was trained.
    predictor = Predictor(RecordStore(results), record.cell)
    examples = elmobench.load_task("qa/tiny", include=[cards]).split("test")
    texts = [f"{e.passage.text} ||| {' '.join(e.question)}" for e in examples]
    rows = RecordStore(results).read_predictions(record.cell)
    assert [answer for _, answer in predictor.predict(texts)] == [r["predicted"] for r in rows]
