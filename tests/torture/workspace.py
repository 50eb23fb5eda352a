"""The folders of one trial, and the command lines and variables of the runs in them."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir

import yaml

from elmobench.core import paths

SOURCE = Path(__file__).resolve().parents[2] / "src"
_CARD = """\
name: tiny
pipeline: {pipeline}
version: 1
title: t
description: d
language: en
reader: {reader}
splits:
  train: [{{path: {pipeline}.train}}]
  dev: [{{path: {pipeline}.dev}}]
  test: [{{path: {pipeline}.test}}]
metric: {metric}
licence: none
redistributable: no
citation: none
"""
_CARDS = {
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
_EXPERIMENT = {
    "name": "torture",
    "tasks": ["ner/tiny", "sentiment/tiny"],
    "features": ["random", "random+elmo-random"],
    "heads": ["small"],
    "seeds": [1, 2, 3],
    "overrides": [{"set": {"training.epochs": 2}}],
}
HOST = "files.example.org"
_SYLLABLES = ("ka", "lo", "mi", "nu", "re", "so", "ta", "vi")


@dataclass(frozen=True)
class Inputs:
    """What all runs read, and nothing writes: task cards, an experiment and a text.

    Args:
        folder: of the files.
    """

    folder: Path

    @property
    def cards(self) -> Path:
        """Folder of the task cards."""
        return self.folder / "cards"

    @property
    def experiment(self) -> Path:
        """The experiment file."""
        return self.folder / "torture.yaml"

    @property
    def text(self) -> Path:
        """The text for pre-training."""
        return self.folder / "text.txt"

    @property
    def mirror(self) -> Path:
        """Stands for the public addresses that downloads come from."""
        return self.folder / "mirror"

    def write(self) -> None:
        """Write all files; the same bytes every time."""
        self.cards.mkdir(parents=True, exist_ok=True)
        rng = random.Random(0)
        for pipeline, fields in _CARDS.items():
            text = _CARD.format(pipeline=pipeline, **fields)
            (self.cards / f"{pipeline}.yaml").write_text(text)
        for split, count in (("train", 40), ("dev", 15), ("test", 20)):
            rows, lines = _examples(rng, count)
            (self.cards / f"ner.{split}").write_text("\n".join(rows) + "\n")
            (self.cards / f"sentiment.{split}").write_text("\n".join(lines) + "\n")
        # A task whose files are fetched, without digests, so that they are pinned.
        fetched = (self.cards / "sentiment.yaml").read_text().replace("name: tiny", "name: fetched")
        address = f"url: https://{HOST}/sentiment"
        text = fetched.replace("path: sentiment", address)
        (self.cards / "fetched.yaml").write_text(text)
        for split in ("train", "dev", "test"):
            target = self.mirror / HOST / f"sentiment.{split}"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((self.cards / f"sentiment.{split}").read_bytes())
        self.experiment.write_text(yaml.safe_dump(_EXPERIMENT))
        words = [a + b for a in _SYLLABLES for b in _SYLLABLES]
        sentences = [" ".join(rng.choices(words, k=rng.randint(4, 12))) for _ in range(150)]
        self.text.write_text("\n".join(sentences) + "\n")


def _examples(rng: random.Random, count: int) -> tuple[list[str], list[str]]:
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


@dataclass(frozen=True)
class Workspace:
    """The folders of one trial.

    Attributes:
        root: of everything that its runs write, except Ray's own files.
        inputs: what they read.
    """

    root: Path
    inputs: Inputs

    @property
    def results(self) -> Path:
        """The results folder."""
        return self.root / "results"

    @property
    def store(self) -> Path:
        """The feature store."""
        return self.root / "store"

    @property
    def model(self) -> Path:
        """The model in pre-training."""
        return self.root / "model"

    @property
    def home(self) -> Path:
        """The caches."""
        return self.root / "home"

    @property
    def temporary(self) -> Path:
        """Where runs put temporary files."""
        return self.root / "tmp"

    @property
    def ray(self) -> Path:
        """Ray's own files. Their paths must be short, since sockets are among them."""
        name = hashlib.sha256(str(self.root).encode()).hexdigest()[:6]
        return Path(gettempdir()) / f"t-{name}"

    def make(self) -> None:
        """Create the folders that runs expect."""
        for folder in (self.home, self.temporary):
            folder.mkdir(parents=True, exist_ok=True)

    def copy_of(self, other: Workspace) -> None:
        """Become a copy of ``other``."""
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(other.root, self.root, symlinks=True)

    def environment(self) -> dict[str, str]:
        """All variables of a run: none of the user's settings of this program."""
        own = {name: value for name, value in os.environ.items() if "ELMOBENCH_" not in name}
        return {
            **own,
            "PYTHONPATH": str(SOURCE),
            "TMPDIR": str(self.temporary),
            "RAY_TMPDIR": str(self.ray),
            # Tiny arrays: more threads would only wait for each other.
            "OMP_NUM_THREADS": "1",
            paths.HOME_VARIABLE: str(self.home),
            paths.MIRROR_VARIABLE: str(self.inputs.mirror),
            "COLUMNS": "200",
        }


def elmobench(arguments: Sequence[str]) -> list[str]:
    """The command line of ``elmobench``."""
    return [sys.executable, "-m", "elmobench", *arguments]
