"""A small dataset of each kind, by card alone."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tiny_cards import write_tiny_cards


@pytest.fixture
def cards(tmp_path: Path) -> Path:
    """Cards ``ner/tiny`` and ``sentiment/tiny`` with their files."""
    folder = tmp_path / "cards"
    write_tiny_cards(folder, random.Random(0), {"train": 60, "dev": 20, "test": 30})
    return folder


@pytest.fixture
def tiny() -> dict:
    """An experiment on them that trains in a moment."""
    return {
        "name": "tiny",
        "tasks": ["ner/tiny"],
        "features": ["random", "random+elmo-random"],
        "heads": ["small"],
        "seeds": [1],
        "overrides": [{"set": {"training.epochs": 2}}],
    }
