"""Task cards and small files of two tasks that train in a moment, and the values of a card."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

CARD = """\
name: {name}
pipeline: {pipeline}
version: 1
title: t
description: d
language: en
reader: {reader}
splits:
  train: [{{path: {files}.train}}]
  dev: [{{path: {files}.dev}}]
  test: [{{path: {files}.test}}]
metric: {metric}
licence: none
redistributable: no
citation: none
"""
TASKS = {
    "ner": {
        "reader": "{name: conll-columns, options: {token: 0, tag: 1, separator: whitespace, "
        "scheme: bio}}",
        "metric": "span-f1",
    },
    "sentiment": {
        "reader": "{name: table, options: {header: false, label: 0, text: 1, "
        "tokenizer: whitespace}}",
        "metric": "accuracy",
    },
}


def write_tiny_cards(folder: Path, rng: random.Random, sizes: dict[str, int]) -> None:
    """Write the cards ``ner/tiny`` and ``sentiment/tiny``, and examples of each split."""
    folder.mkdir(parents=True, exist_ok=True)
    for pipeline, fields in TASKS.items():
        text = CARD.format(name="tiny", pipeline=pipeline, files=f"tiny.{pipeline}", **fields)
        (folder / f"{pipeline}.yaml").write_text(text)
    for split, count in sizes.items():
        rows, lines = _examples(rng, count)
        (folder / f"tiny.ner.{split}").write_text("\n".join(rows) + "\n")
        (folder / f"tiny.sentiment.{split}").write_text("\n".join(lines) + "\n")


def _examples(rng: random.Random, count: int) -> tuple[list[str], list[str]]:
    """Rows of tagged sentences, and lines of a label and a text with the same words."""
    names = {"PER": ["Ada", "Alan", "Grace"], "LOC": ["Paris", "Rome", "Oslo"]}
    rows, lines = [], []
    for _ in range(count):
        kind = rng.choice(["PER", "LOC"])
        before = [rng.choice(["we", "saw", "then", "near"]) for _ in range(rng.randint(0, 4))]
        rows += [f"{word} O" for word in before]
        rows += [f"{rng.choice(names[kind])} B-{kind}", ". O", ""]
        label = rng.choice(["good", "bad"])
        lines.append(f"{label}\t{' '.join([*before, 'lovely' if label == 'good' else 'awful'])}")
    return rows, lines


def card_values(**changes: Any) -> dict[str, Any]:
    """The values of a small card whose files are next to it, with some of them changed."""
    return {
        "name": "tiny",
        "pipeline": "sentiment",
        "version": 1,
        "title": "Tiny",
        "description": "For tests.",
        "language": "en",
        "reader": {"name": "lines", "options": {"label_field": "first"}},
        "splits": {split: [{"path": f"{split}.tsv"}] for split in ("train", "dev", "test")},
        "metric": "accuracy",
        "licence": "none",
        "redistributable": "no",
        "citation": "none",
        **changes,
    }
