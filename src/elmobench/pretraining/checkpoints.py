"""Checkpoints of a training run: written completely or not at all; the last two are kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from elmobench.core.digests import canonical_json
from elmobench.core.errors import ConfigError, ModelError
from elmobench.core.files import atomic_path, write_text

_KEEP = 2


@dataclass(frozen=True)
class Checkpoint:
    """A state of training.

    Attributes:
        step: steps done.
        tensors: everything needed to resume, by name.
        facts: small values that belong to the state; plain JSON.
    """

    step: int
    tensors: dict[str, Tensor]
    facts: dict[str, Any]


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise ModelError with advice if ``path`` cannot be written, as on a full disk."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"could not be written: {error}",
            where=str(path),
            fix="make room on the disk; the same command resumes from the last good checkpoint",
        ) from error


def trim_log(path: Path, step: int) -> None:
    """Remove the rows after ``step`` from a log of JSON lines.

    A run that resumes at ``step`` writes them again. Incomplete lines, which a killed process
    leaves, are removed too.
    """
    if not path.exists():
        return
    kept = []
    for line in path.read_text("utf-8").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if row["step"] <= step:
            kept.append(line + "\n")
    with writing(path):
        write_text(path, "".join(kept))


class CheckpointFolder:
    """The checkpoints of one training run.

    Args:
        folder: where the files are.
        identity: what the run is: kind, corpus, options. Checkpoints of another run are refused.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.folder = folder
        self._identity = canonical_json(identity)

    def write(self, step: int, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Path:
        """Write a checkpoint, then delete all but the last two.

        Raises:
            ModelError: if it cannot be written; earlier checkpoints are then left as they are.
        """
        path = self.folder / f"step-{step:09d}.safetensors"
        metadata = {"identity": self._identity, "facts": json.dumps(dict(facts))}
        plain = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
        with writing(path), atomic_path(path) as temporary:
            save_file(plain, temporary, metadata)
        for old in self._paths()[:-_KEEP]:
            old.unlink()
        return path

    def last(self) -> Checkpoint | None:
        """Read the newest complete checkpoint; None if there are no checkpoints.

        Raises:
            ConfigError: if it belongs to a run with another corpus or other options; the message
                lists the differences.
            ModelError: if there are checkpoints and none of them is complete.
        """
        failure: ModelError | None = None
        for path in reversed(self._paths()):
            try:
                return self._read(path)
            except (OSError, SafetensorError, KeyError, ValueError) as error:
                failure = ModelError(
                    f"the checkpoint is incomplete: {error}",
                    where=str(path),
                    fix="delete the folder to train from the start",
                )
        if failure is not None:
            raise failure
        return None

    def _read(self, path: Path) -> Checkpoint:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
        if metadata["identity"] != self._identity:
            raise ConfigError(
                "the checkpoints belong to another run: "
                + _differences(json.loads(metadata["identity"]), json.loads(self._identity)),
                where=str(path),
                fix="use the options it was trained with, or another folder",
            )
        step = int(path.stem.removeprefix("step-"))
        return Checkpoint(step, load_file(path), json.loads(metadata["facts"]))

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("step-*.safetensors"))


def _differences(theirs: Any, ours: Any, path: str = "") -> str:
    """The fields in which two plain values differ, with both values, as one line of text."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        differences = [
            _differences(theirs.get(key), ours.get(key), f"{path}.{key}" if path else key)
            for key in sorted({*theirs, *ours})
            if theirs.get(key) != ours.get(key)
        ]
        return "; ".join(differences)
    return f"{path} is {theirs!r} there and {ours!r} here"
