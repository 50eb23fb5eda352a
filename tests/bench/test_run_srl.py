"""A whole run of semantic role labelling, from a card for licensed files to a user's own text."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch

from elmobench.bench.predict import Predictor
from elmobench.bench.run import run_experiment
from elmobench.core.errors import DataError
from elmobench.data.cards.catalog import CardCatalog
from elmobench.tracking.record_store import RecordStore

CARD = """\
name: mine
pipeline: srl
version: 1
title: t
description: d
language: en
reader: {name: conll-2005}
splits:
  train: [{path: train.words, beside: {props: [{path: train.props}]}}]
  dev: [{path: dev.words, beside: {props: [{path: dev.props}]}}]
  test: [{path: test.words, beside: {props: [{path: test.props}]}}]
metric: srl-f1
licence: LDC
redistributable: no
citation: none
"""
SENTENCES = {"train": 20, "dev": 6, "test": 8}


@pytest.fixture
def cards(tmp_path: Path) -> Path:
    """Sentences of one form, two predicates each, no two alike."""
    folder = tmp_path / "cards"
    folder.mkdir()
    (folder / "mine.yaml").write_text(CARD)
    names = ["Ann", "Bob", "Eve", "Max", "Zoe", "Kai", "Leo"]
    triples = [(a, b, c) for a in names for b in names for c in names]
    random.Random(0).shuffle(triples)
    for split, count in SENTENCES.items():
        words, props = [], []
        for _ in range(count):
            a, b, c = triples.pop()
            words += [a, "saw", b, "hit", c, ""]
            props += ["- (A0*) *", "see (V*) *", "- (A1* (A0*)", "hit * (V*)", "- *) (A1*)", ""]
        (folder / f"{split}.words").write_text("\n".join(words))
        (folder / f"{split}.props").write_text("\n".join(props))
    return folder


def test_each_placement_from_card_to_prediction(cards: Path, tmp_path: Path) -> None:
    experiment = {
        "name": "roles",
        "tasks": ["srl/mine"],
        "features": ["elmo-random"],
        "heads": ["small"],
        "axes": {"placement": ["input", "output", "both"]},
        "seeds": [1],
        "settings": {"threads": 1},
        "overrides": [{"set": {"training.epochs": 2, "options.hidden": 8}}],
    }
    summary = run_experiment(
        experiment,
        cards=CardCatalog([cards]),
        results=tmp_path / "r",
        tracking_uri="none",
        quiet=True,
    )
    assert (summary.trained, summary.failed) == (3, 0)
    # Two propositions share a sentence, which is encoded and stored once.
    assert summary.encoded_sentences == sum(SENTENCES.values())
    mixes = []
    for record in summary.records:
        assert record.result is not None
        assert record.result.counts == {split: 2 * n for split, n in SENTENCES.items()}
        assert record.result.test["support"] == 4 * SENTENCES["test"]
        mixes.append(sorted(record.result.layer_weights))
    assert sorted(mixes) == [["input"], ["input", "output"], ["output"]]
    both = next(r for r in summary.records if r.result and len(r.result.layer_weights) == 2)
    weights = both.result.layer_weights
    assert weights["input"]["elmo-random"]["w"] != weights["output"]["elmo-random"]["w"]

    predictor = Predictor(RecordStore(tmp_path / "r"), both.cell)
    ((tokens, tags),) = predictor.predict(["Ann [saw] Bob hit Eve"], tokenized=True)
    assert len(tokens) == len(tags) == 5
    next(predictor.predict(["Ann [saw] Bob", "Eve [saw] Ann"], tokenized=True))
    assert not torch.is_inference_mode_enabled()  # for the code that asks for predictions
    with pytest.raises(DataError, match="--tokenized"):
        next(predictor.predict(["Ann saw Bob hit Eve"]))
