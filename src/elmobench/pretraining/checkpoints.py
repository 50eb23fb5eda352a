"""Checkpoints of a training run: written completely or not at all; the last two are kept."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from elmobench.core.digests import canonical_json
from elmobench.core.errors import ConfigError, ElmobenchWarning, ModelError
from elmobench.core.files import atomic_path
from elmobench.core.parsing import check_is_file, parse_json_object, parsing
from elmobench.pretraining.writing import writing

_KEEP = 2
_FORMAT: Final = "2"
"""Version 1 had no digest."""
_FIX: Final = "delete the folder to train from the start"
_CPU: Final = {"device": "cpu"}
"""What identities without a device mean."""


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

        Those of later steps are deleted too: they are damaged, since training did not resume there.

        Raises:
            ModelError: if it cannot be written; earlier checkpoints are then left as they are.
        """
        path = self._path(step)
        plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        metadata = {"identity": self._identity, "facts": canonical_json(dict(facts))}
        metadata |= {"format": _FORMAT, "step": str(step)}
        metadata["sha256"] = tensors_digest(plain, metadata)
        with writing(path), atomic_path(path, private=True) as temporary:
            save_file(plain, temporary, metadata)
        paths = self._paths()
        here = paths.index(path)
        for other in [*paths[: max(0, here + 1 - _KEEP)], *paths[here + 1 :]]:
            other.unlink()
        return path

    def last(self) -> Checkpoint | None:
        """Read the newest whole checkpoint; None if there are no checkpoints.

        Damaged ones after it are passed over with a warning.

        Raises:
            ConfigError: if it belongs to a run with another corpus or other options; the message
                lists the differences.
            ModelError: if there are checkpoints and all of them are damaged.
        """
        failures: list[ModelError] = []
        for path in reversed(self._paths()):
            try:
                checkpoint = self._read(path)
            except ModelError as error:
                failures.append(error)
                continue
            for failure in failures:
                warnings.warn(
                    f"{failure.where}: {failure.what}. Training resumes from step "
                    f"{checkpoint.step}, and writes it again",
                    ElmobenchWarning,
                    stacklevel=2,
                )
            return checkpoint
        if failures:
            raise failures[0]
        return None

    def _read(self, path: Path) -> Checkpoint:
        with parsing(path, ModelError, what="the checkpoint is damaged", fix=_FIX):
            check_is_file(path)
            with safe_open(path, "pt") as file:
                metadata = dict(file.metadata() or {})
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if "format" not in metadata:
                raise ModelError(
                    "the checkpoint has no digest: it is damaged or of an earlier version",
                    where=str(path),
                    fix=_FIX,
                )
            stated = metadata.pop("sha256", None)
            step = int(metadata["step"])
            whole = stated == tensors_digest(tensors, metadata) and path == self._path(step)
            if metadata["format"] != _FORMAT or not whole:
                raise ModelError(
                    "the checkpoint is damaged: it does not have the digest that it states",
                    where=str(path),
                    fix=_FIX,
                )
            identity = parse_json_object(metadata["identity"], str(path), ModelError)
            facts = parse_json_object(metadata["facts"], str(path), ModelError)
        if metadata["identity"] != self._identity:
            raise ConfigError(
                "the checkpoints belong to another run: "
                + _differences(_CPU | identity, _CPU | json.loads(self._identity)),
                where=str(path),
                fix="use the options and the kind of device it was trained with, or another folder",
            )
        return Checkpoint(step, tensors, facts)

    def _path(self, step: int) -> Path:
        return self.folder / f"step-{step:09d}.safetensors"

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("step-*.safetensors"))


def tensors_digest(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """SHA-256 (hex) of names, types, shapes and bytes of the tensors, and of the metadata."""
    state = hashlib.sha256(canonical_json(dict(metadata)).encode("utf-8"))
    for name in sorted(tensors):
        tensor = tensors[name].detach().contiguous()
        head = canonical_json([name, str(tensor.dtype), list(tensor.shape)])
        state.update(head.encode("utf-8"))
        state.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return state.hexdigest()


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
