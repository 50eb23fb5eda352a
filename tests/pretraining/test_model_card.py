"""Model cards: the shipped ones are what the current version would write."""

from __future__ import annotations

from pathlib import Path

import pytest

import elmobench
from elmobench.core.errors import ConfigError
from elmobench.pretraining.model_card import card_of, read_card, write_card

MODELS = Path(elmobench.__file__).parent / "models"


@pytest.mark.parametrize("name", ["glove-mini", "elmo-mini", "bert-mini"])
def test_shipped_readmes_are_made_from_their_cards(name: str, tmp_path: Path) -> None:
    card = read_card(MODELS / name / "model_card.yaml")
    write_card(tmp_path, card)
    assert read_card(tmp_path / "model_card.yaml") == card
    readme = (tmp_path / "README.md").read_text("utf-8")
    assert readme == (MODELS / name / "README.md").read_text("utf-8")


def test_missing_and_damaged_cards(tmp_path: Path) -> None:
    assert card_of(None) is None
    assert card_of(tmp_path) is None
    (tmp_path / "model_card.yaml").write_text("name: x\n")
    with pytest.raises(ConfigError, match="is missing"):
        card_of(tmp_path)
