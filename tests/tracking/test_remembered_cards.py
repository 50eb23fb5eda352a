"""Results remember where their cards were; moving both together changes nothing."""

import random
import shutil
import warnings
from pathlib import Path

import pytest
from tiny_cards import write_tiny_cards
from typer.testing import CliRunner

from elmobench import run
from elmobench.bench.predict import Predictor
from elmobench.cli.main import app
from elmobench.core.errors import ElmobenchWarning
from elmobench.tracking.record_store import RecordStore
from elmobench.tracking.remembered_cards import remembered_cards


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``cards`` and ``results`` of one small run."""
    base = tmp_path_factory.mktemp("mine")
    write_tiny_cards(base / "cards", random.Random(3), {"train": 20, "dev": 8, "test": 200})
    card, train = base / "cards" / "sentiment.yaml", base / "cards" / "tiny.sentiment.train"
    card.write_text(
        card.read_text().replace("sentiment.train}", "sentiment.train, drop: [empty-label]}")
    )
    train.write_text("\tno label\n" + train.read_text())
    with pytest.warns(ElmobenchWarning, match="train lacks 1 of its 21 examples"):
        _run(base)
    return base


def _run(base: Path) -> None:
    run(
        {"name": "r", "tasks": ["sentiment/tiny"], "features": ["glove-mini"]},
        results=base / "results",
        store=base / "store",
        include=[base / "cards"],
        tracking_uri="none",
        quiet=True,
    )


def test_the_record_says_what_was_left_out_and_the_head_gives_probabilities(folder: Path) -> None:
    store = RecordStore(folder / "results")
    (record,) = store.planned()
    assert record.run is not None
    assert record.run.dropped == {"train": {"empty-label": 1}}
    assert any("train lacks 1 of its 21 examples (4.8 %)" in note for note in record.remarks)
    predictor = Predictor(store, record.cell)
    texts = ["we saw lovely", "awful", "then near lovely we"]
    shares = list(predictor.probabilities(texts))
    predicted = [prediction for _, prediction in predictor.predict(texts)]
    assert [max(share, key=lambda label: share[label]) for share in shares] == predicted
    assert all(set(share) == {"good", "bad"} for share in shares)
    assert [sum(share.values()) for share in shares] == pytest.approx([1, 1, 1])


def test_commands_find_the_cards_of_a_run(folder: Path) -> None:
    with pytest.warns(ElmobenchWarning, match="train lacks 1 of its 21 examples"):
        sliced = CliRunner().invoke(app, ["slices", str(folder / "results"), "--csv"])
    assert sliced.exit_code == 0, sliced.output
    assert "sentiment/tiny" in sliced.output
    store = RecordStore(folder / "results")
    assert store.included_folders() == ["../cards"]
    assert "sentiment/tiny" in remembered_cards(store).by_id


def test_both_can_be_moved_together(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "moved")
    cards = remembered_cards(RecordStore(tmp_path / "moved" / "results"))
    assert cards.get("sentiment/tiny").folder == tmp_path / "moved" / "cards"


def test_cards_that_were_moved_away_are_asked_for(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "results", tmp_path / "results")
    shutil.copytree(folder / "cards", tmp_path / "elsewhere")
    store = RecordStore(tmp_path / "results")
    with pytest.warns(ElmobenchWarning, match=r"were in .*cards, which is not there: .*--include"):
        assert "sentiment/tiny" not in remembered_cards(store).by_id
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        given = remembered_cards(store, [tmp_path / "elsewhere"])
    assert given.get("sentiment/tiny").folder == tmp_path / "elsewhere"
