"""Corpus and published data set of a card: in records and plans, and in no identity."""

from __future__ import annotations

from pathlib import Path

import pytest

from elmobench.bench.run import RunSummary, run_experiment
from elmobench.core.errors import ElmobenchWarning
from elmobench.core.files import write_text
from elmobench.data.cards.catalog import CardCatalog
from elmobench.tracking.data_origin import corpus_of, same_as_of
from elmobench.tracking.record_store import RecordStore


def go(cards: Path, results: Path) -> RunSummary:
    experiment = {
        "name": "tiny",
        "tasks": ["ner/tiny"],
        "features": ["random"],
        "heads": ["linear"],
        "overrides": [{"set": {"training.epochs": 1, "training.grid": {}}}],
    }
    return run_experiment(
        experiment, cards=CardCatalog([cards]), results=results, tracking_uri="none", quiet=True
    )


def test_they_are_kept_and_change_no_cell(cards: Path, tmp_path: Path) -> None:
    (plain,) = go(cards, tmp_path / "results").records
    assert (plain.corpus, plain.same_as) == ("ner/tiny", None)
    card = cards / "ner.yaml"
    text = card.read_text("utf-8")
    write_text(card, text.replace("language: en\n", "language: en\ncorpus: novels\n"))
    again = go(cards, tmp_path / "results")
    # The cell is the same and is not trained again, and the plan has the card's present corpus.
    assert (again.trained, again.skipped) == (0, 1)
    (planned,) = RecordStore(tmp_path / "results").planned()
    assert planned.cell == plain.cell
    assert corpus_of(planned) == "novels"
    # A new results folder has it in the record.
    same_as = "language: en\nsame_as: conll2003-ner\n"
    write_text(card, text.replace("language: en\n", same_as))
    with pytest.warns(ElmobenchWarning, match="not the published data set conll2003-ner"):
        (record,) = go(cards, tmp_path / "other").records
    assert record.cell == plain.cell
    assert record.result == plain.result
    stored = RecordStore(tmp_path / "other").read(record.cell)
    assert stored is not None
    assert (stored.corpus, stored.same_as) == ("conll2003", "conll2003-ner")
    assert same_as_of(stored) == "conll2003-ner"
