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
from tests.helpers.tiny_cards import write_tiny_cards

from elmobench.core import paths

SOURCE = Path(__file__).resolve().parents[2] / "src"
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
        rng = random.Random(0)
        write_tiny_cards(self.cards, rng, {"train": 40, "dev": 15, "test": 20})
        # A task whose files are fetched, without digests, so that they are pinned.
        fetched = (self.cards / "sentiment.yaml").read_text().replace("name: tiny", "name: fetched")
        address = f"url: https://{HOST}/sentiment"
        text = fetched.replace("path: tiny.sentiment", address)
        (self.cards / "fetched.yaml").write_text(text)
        for split in ("train", "dev", "test"):
            target = self.mirror / HOST / f"sentiment.{split}"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((self.cards / f"tiny.sentiment.{split}").read_bytes())
        self.experiment.write_text(yaml.safe_dump(_EXPERIMENT))
        words = [a + b for a in _SYLLABLES for b in _SYLLABLES]
        sentences = [" ".join(rng.choices(words, k=rng.randint(4, 12))) for _ in range(150)]
        self.text.write_text("\n".join(sentences) + "\n")


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
