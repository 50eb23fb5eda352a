"""Results folders with made-up cells, whose identities are those of a real cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from made_up import keep, predictions, record

from elmobench.core.digests import digest_of
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore

IDENTITY: dict[str, Any] = {
    "protocol": 1,
    "card_version": 1,
    "data": "d" * 64,
    "labels": ["neg", "pos"],
    "context_unit": "sentence",
    "metric": ["accuracy", 1],
    "options": {},
    "training": {"epochs": 5},
    "standardize": True,
    "placement": "input",
    "train_fraction": 1.0,
    "threads": 1,
    "precision": "fp16",
    "device": "cpu",
}
"""All fields of an identity that do not depend on the point of the grid."""


def made_cell(
    features: str,
    seed: int,
    wrong: int = 10,
    *,
    task: str = "sentiment/made-up",
    head: str = "linear",
    head_version: int = 1,
    vectors: Mapping[str, Any] | None = None,
    **identity: Any,
) -> tuple[RunRecord, list[str]]:
    """A record and its predictions, of which ``wrong`` are wrong.

    Args:
        features: features spec, or any other text.
        seed: the seed.
        wrong: number of wrong predictions.
        task, head, head_version: of the cell.
        vectors: fields of the one part; by default its fingerprint depends on ``features``.
        identity: changed fields of the identity.
    """
    answers = predictions(wrong)
    run = record("flat" if features == "flat" else "deep", seed, answers, task=task)
    pipeline = task.split("/")[0]
    fields = {
        **IDENTITY,
        "task": task,
        "head": [pipeline, head, head_version],
        "parts": [vectors or {"fingerprint": digest_of(features)}],
        "seed": seed,
        **identity,
    }
    changes = {"identity": fields, "cell": digest_of(fields), "head": head, "caveats": []}
    changes["features"] = features
    made = run.model_copy(update=changes)
    assert made.run is not None
    made.run.started = f"2026-01-0{1 + seed % 9}T10:00:00+00:00"
    return made, answers


def made_study(
    folder: Path, cells: Sequence[tuple[RunRecord, list[str]]], **experiment: Any
) -> Path:
    """Write a results folder with its plan; returns it."""
    store = RecordStore(folder)
    names = ("cell", "task", "features", "head", "seed", "axes")
    points = []
    for run, answers in cells:
        keep(store, run, answers)
        points.append({name: getattr(run, name) for name in names})
    store.write_plan({"name": folder.name, "caveats": [], "margin": 1.0, **experiment}, points)
    return folder


def fail(folder: Path, run: RunRecord) -> None:
    """Replace a record by one of a cell that failed."""
    failed = {"status": "failed", "error": "it broke", "result": None}
    RecordStore(folder).write(run.model_copy(update=failed))
