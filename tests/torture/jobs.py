"""The runs that are disturbed, their phases, and what must be equal afterwards."""

from __future__ import annotations

import hashlib
import json
import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import yaml
from tests.torture.workspace import Workspace, elmobench

from elmobench.features.store.feature_store import FeatureStore
from elmobench.tracking.packed import PACKED_FILES
from elmobench.tracking.record_store import RecordStore


@dataclass(frozen=True)
class Phase:
    """A part of a run that leaves traces on the disk.

    Attributes:
        patterns: its files: parts of paths below the workspace. Without any, the phase is the
            first seconds, before the run has written something.
        after: whether the moment is a while after an operation on these files, when the run
            computes, and not the operation itself.
    """

    patterns: tuple[str, ...] = ()
    after: bool = False


class Job(ABC):
    """A command that is run again until it is done.

    Attributes:
        name: of the job.
        launchers: where it can run.
        phases: by name, in the order in which they begin.
    """

    name: ClassVar[str]
    launchers: ClassVar[tuple[str, ...]] = ("local",)
    phases: ClassVar[Mapping[str, Phase]]

    @abstractmethod
    def command(self, space: Workspace, launcher: str, *, tracked: bool = False) -> list[str]:
        """The command line; without MLflow, which takes seconds to load, unless ``tracked``."""

    def prepare(self, space: Workspace) -> None:
        """Make the workspace as it is before the first run."""
        space.make()

    @abstractmethod
    def snapshot(self, space: Workspace) -> dict[str, Any]:
        """Everything that must be equal to an uninterrupted run, by name."""

    def finished_work(self, space: Workspace) -> dict[str, bytes]:
        """Files of work that is done, which no later run may do again or change."""
        return {}

    def problems(self, space: Workspace, *, tracked: bool = False) -> list[str]:
        """What is wrong in the workspace after a run that completed."""
        return []


class GridJob(Job):
    """An experiment of four cells per seed.

    Args:
        seeds: of the cells.
    """

    name = "run"
    launchers = ("local", "pool", "ray")
    phases: ClassVar = {
        "start": Phase(),
        "encoding": Phase(("/store/",)),
        "training": Phase(("/records/", "/store/"), after=True),
        "heads": Phase(("/heads/",)),
        "predictions": Phase(("/predictions/",)),
        "records": Phase(("/records/",)),
        "tracking": Phase(("/mlflow/",)),
        "report": Phase(
            tuple(
                f"/results/{dot}{name}"
                for dot in ("", ".")
                for name in ("report", "scores", "cells")
            )
        ),
    }

    def __init__(self, seeds: Sequence[int] = (1, 2, 3)) -> None:
        self._seeds = list(seeds)

    @property
    def cells(self) -> int:
        """Number of cells."""
        return 4 * len(self._seeds)

    def command(self, space: Workspace, launcher: str, *, tracked: bool = False) -> list[str]:
        """See :class:`Job`."""
        return elmobench(
            [
                *("run", str(space.inputs.experiment), "--include", str(space.inputs.cards)),
                *("--results", str(space.results), "--store", str(space.store)),
                *("--set", f"seeds={self._seeds}"),
                *("--launcher", launcher, "--workers", "2", "--quiet"),
                *(() if tracked else ("--tracking-uri", "none")),
            ]
        )

    def snapshot(self, space: Workspace) -> dict[str, Any]:
        """Results, identities, predictions, heads, stored keys and tracked runs."""
        records = RecordStore(space.results)
        snapshot: dict[str, Any] = {}
        for record in records.planned():
            cell = record.cell[:16]
            result = None if record.result is None else record.result.model_dump(mode="json")
            snapshot[f"result of {cell}"] = result
            snapshot[f"identity of {cell}"] = record.identity
            snapshot[f"predictions of {cell}"] = records.read_predictions(record.cell)
            for name in ("weights.safetensors", "head.json"):
                content = _content(records.head_folder(record.cell) / name)
                digest = None if content is None else hashlib.sha256(content).hexdigest()
                snapshot[f"head {name} of {cell}"] = digest
        snapshot["store"] = [
            [row.fingerprint, row.sentences, row.tokens, row.types]
            for row in FeatureStore(space.store).stat()
        ]
        # Costs are measured only where something had to be encoded.
        names = {path.name for path in space.results.glob("[!.]*.*")} - {"features.json"}
        snapshot["report"] = sorted(names)
        return snapshot

    def finished_work(self, space: Workspace) -> dict[str, bytes]:
        """Records of finished cells; their times would change if a cell were trained again."""
        files = {
            path.name: path.read_bytes() for path in (space.results / "records").glob("*.json")
        }
        return {name: content for name, content in files.items() if b'"status": "ok"' in content}

    def problems(self, space: Workspace, *, tracked: bool = False) -> list[str]:
        """What the store's check finds, and cells that MLflow has never or twice."""
        from tests.torture.tracked import tracking_problems

        found = [f"features verify: {line}" for line in FeatureStore(space.store).verify()]
        if not tracked:
            return found
        cells = [record.cell for record in RecordStore(space.results).planned()]
        return found + tracking_problems(space.results / "mlflow" / "mlflow.db", cells)


class _PretrainJob(Job):
    """The training of one tiny model, with a checkpoint after every step.

    Attributes:
        settings: values of ``--set``.
        files: the model's own files.
    """

    settings: ClassVar[Mapping[str, str]]
    files: ClassVar[tuple[str, ...]]

    def command(self, space: Workspace, launcher: str, *, tracked: bool = False) -> list[str]:
        """See :class:`Job`."""
        kind = self.name.removeprefix("pretrain-")
        arguments = ["pretrain", kind, "--corpus", str(space.inputs.text)]
        arguments += ["--out", str(space.model), "--threads", "1", "--no-overlap"]
        if kind != "glove":  # which writes a checkpoint after every epoch
            arguments += ["--checkpoint-minutes", "0"]
        if not tracked:
            arguments += ["--tracking-uri", "none"]
        for name, value in self.settings.items():
            arguments += ["--set", f"{name}={value}"]
        return elmobench(arguments)

    def snapshot(self, space: Workspace) -> dict[str, Any]:
        """The model's files, its card and its log without times."""
        snapshot: dict[str, Any] = {
            name: hashlib.sha256((space.model / name).read_bytes()).hexdigest()
            for name in self.files
        }
        card = yaml.safe_load((space.model / "model_card.yaml").read_text())
        snapshot["card"] = {
            key: value for key, value in card.items() if key not in ("seconds", "processor_seconds")
        }
        snapshot["catalog"] = yaml.safe_load((space.model / "models.yaml").read_text())
        snapshot["log"] = [
            {key: value for key, value in json.loads(line).items() if "second" not in key}
            for line in (space.model / "log.jsonl").read_text().splitlines()
        ]
        return snapshot


def _pretrain_phases(model_files: tuple[str, ...]) -> dict[str, Phase]:
    return {
        "start": Phase(),
        "encoding": Phase(("/corpora/",)),
        "training": Phase(("/log.jsonl",), after=True),
        "tracking": Phase(("/mlflow/",)),
        "checkpoint": Phase(("/checkpoints/",)),
        "log": Phase(("/log.jsonl", "/.log.jsonl")),
        "export": Phase(tuple(f"/model/{dot}{name}" for dot in ("", ".") for name in model_files)),
        "card": Phase(
            tuple(
                f"/model/{dot}{name}"
                for dot in ("", ".")
                for name in ("model_card", "models.yaml", "README")
            )
        ),
    }


class GloveJob(_PretrainJob):
    """GloVe."""

    name = "pretrain-glove"
    settings: ClassVar = {"vector_size": "8", "epochs": "4", "batch_size": "256", "min_count": "1"}
    files = ("vectors.txt.gz",)
    phases: ClassVar = _pretrain_phases(files)


class BilmJob(_PretrainJob):
    """A biLM."""

    name = "pretrain-bilm"
    settings: ClassVar = {
        "batch_size": "16",
        "unroll_steps": "8",
        "n_epochs": "1",
        "lstm": "{dim: 16, projection_dim: 8, n_layers: 1}",
        "char_cnn": "{filters: [[1, 4], [2, 8]], embedding: {dim: 4}, n_highway: 1}",
        "n_tokens_vocab": "40",
    }
    files = ("options.json", "weights.hdf5", "softmax.safetensors", "vocabulary.txt")
    phases: ClassVar = _pretrain_phases(files)


class BertJob(_PretrainJob):
    """A BERT."""

    name = "pretrain-bert"
    settings: ClassVar = {
        "vocab_size": "120",
        "hidden_size": "16",
        "num_hidden_layers": "1",
        "num_attention_heads": "2",
        "intermediate_size": "32",
        "max_length": "16",
        "batch_size": "16",
        "epochs": "1",
    }
    files = ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")
    phases: ClassVar = _pretrain_phases(files)

    def prepare(self, space: Workspace) -> None:
        """Put the trained subwords there: their training does not repeat itself to the bit.

        Subwords that are equally good are chosen by the order of the library's hash tables.
        """
        super().prepare(space)
        kept = space.inputs.folder / "wordpiece.json"
        if kept.exists():
            (space.model / "checkpoints").mkdir(parents=True)
            shutil.copyfile(kept, space.model / "checkpoints" / kept.name)


class PackJob(Job):
    """``elmobench results pack`` on finished results.

    Args:
        finished: workspace with them.
    """

    name = "pack"
    phases: ClassVar = {"packing": Phase(("/results/",))}

    def __init__(self, finished: Workspace) -> None:
        self._finished = finished

    def command(self, space: Workspace, launcher: str, *, tracked: bool = False) -> list[str]:
        """See :class:`Job`."""
        return elmobench(["results", self.name, str(space.results)])

    def prepare(self, space: Workspace) -> None:
        """Copy the finished results."""
        space.make()
        shutil.copytree(self._finished.results, space.results)

    def snapshot(self, space: Workspace) -> dict[str, Any]:
        """Records and predictions as they are read."""
        records = RecordStore(space.results)
        snapshot: dict[str, Any] = {}
        for record in records.planned():
            snapshot[f"record of {record.cell[:16]}"] = record.model_dump(mode="json")
            rows = records.read_predictions(record.cell)
            snapshot[f"predictions of {record.cell[:16]}"] = rows
        return snapshot

    def problems(self, space: Workspace, *, tracked: bool = False) -> list[str]:
        """Single files that are left."""
        left = [path for path in space.results.glob("records/*") if path.is_file()]
        return [f"not packed: {path.name}" for path in left]


class UnpackJob(PackJob):
    """``elmobench results unpack``."""

    name = "unpack"
    phases: ClassVar = {"unpacking": Phase(("/results/",))}

    def prepare(self, space: Workspace) -> None:
        """Copy the finished results, and pack them."""
        from elmobench.tracking.packing import pack

        super().prepare(space)
        pack(space.results)

    def problems(self, space: Workspace, *, tracked: bool = False) -> list[str]:
        """Packed files that are left, and single files that differ from those before packing."""
        left = [f"still packed: {n}" for n in PACKED_FILES if (space.results / n).exists()]
        return left + [
            f"changed: {path.parent.name}/{path.name}"
            for kind in ("records", "predictions")
            for path in (self._finished.results / kind).iterdir()
            if _content(space.results / kind / path.name) != path.read_bytes()
        ]


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None
