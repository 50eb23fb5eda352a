"""A small dataset of each kind, by card alone."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

CARD = """\
name: {name}
pipeline: {pipeline}
version: 1
title: t
description: d
language: en
reader: {reader}
splits:
  train: [{{path: {name}.train}}]
  dev: [{{path: {name}.dev}}]
  test: [{{path: {name}.test}}]
metric: {metric}
licence: none
redistributable: no
citation: none
"""


@pytest.fixture
def cards(tmp_path: Path) -> Path:
    """Cards ``ner/tiny`` and ``sentiment/tiny`` with their files."""
    folder = tmp_path / "cards"
    folder.mkdir()
    rng = random.Random(0)
    names = {"PER": ["Ada", "Alan", "Grace"], "LOC": ["Paris", "Rome", "Oslo"]}
    for split, count in (("train", 60), ("dev", 20), ("test", 30)):
        rows, lines = [], []
        for _ in range(count):
            kind = rng.choice(["PER", "LOC"])
            before = [rng.choice(["we", "saw", "then", "near"]) for _ in range(rng.randint(0, 4))]
            rows += [f"{word} O" for word in before]
            rows += [f"{rng.choice(names[kind])} B-{kind}", ". O", ""]
            label = rng.choice(["good", "bad"])
            word = {"good": "lovely", "bad": "awful"}[label]
            lines.append(f"{label}\t{' '.join([*before, word])}")
        (folder / f"tiny.ner.{split}").write_text("\n".join(rows) + "\n")
        (folder / f"tiny.sentiment.{split}").write_text("\n".join(lines) + "\n")
    readers = {
        "ner": "{name: conll-columns, options: {token: 0, tag: 1, separator: whitespace, "
        "scheme: bio}}",
        "sentiment": "{name: table, options: {header: false, label: 0, text: 1, "
        "tokenizer: whitespace}}",
    }
    for pipeline, reader in readers.items():
        text = CARD.format(
            name="tiny",
            pipeline=pipeline,
            reader=reader,
            metric={"ner": "span-f1", "sentiment": "accuracy"}[pipeline],
        )
        text = text.replace("path: tiny.", f"path: tiny.{pipeline}.")
        (folder / f"{pipeline}.yaml").write_text(text)
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
