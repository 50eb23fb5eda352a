"""Run records: one JSON file a cell, written atomically.

Block ``result`` is what "the same result" means: equal to the bit on CPU with the same
threads. Block ``run`` (costs, versions, host) may differ.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from elmobench.core.digests import canonical_json, digest_of
from elmobench.core.errors import DataError
from elmobench.core.files import write_bytes, write_text

SCHEMA_VERSION = 1


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class EpochRow(_Model):
    """One epoch of the learning curve; no loss where a head is fitted in one pass."""

    epoch: int
    train_loss: float | None
    dev: float
    layer_weights: dict[str, dict[str, Any]]


class Result(_Model):
    """The outcome.

    Attributes:
        metric: name of the metric.
        primary: key of the score that tables show.
        test: scores on test, from the best dev epoch, computed once.
        dev: scores on dev of the same epoch.
        per_class: test scores by label or entity type.
        best_epoch: chosen on dev.
        predictions_digest: SHA-256 of the canonical JSON of the test predictions.
        layer_weights: placement -> part -> s (normalised), γ, raw w, of the best epoch.
        curve: every epoch.
        selection: what a small grid chose on dev, and every candidate's dev score.
        coverage: part -> share of tokens and types with a vector, where words can lack one.
        counts: examples used of each split.
        notes: what a reader of the score should know, for instance that a head says the same
            of every example.
    """

    metric: str
    primary: str
    test: dict[str, float]
    dev: dict[str, float]
    per_class: dict[str, dict[str, float]]
    best_epoch: int
    predictions_digest: str
    layer_weights: dict[str, dict[str, Any]]
    curve: list[EpochRow]
    selection: dict[str, Any] | None = None
    coverage: dict[str, dict[str, float]] = Field(default_factory=dict)
    counts: dict[str, int] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)


STAGES = ("prepare", "select", "train", "test")
"""The stages of a cell whose wall time a record has, in their order."""


class RunInfo(_Model):
    """Provenance and costs: not part of the result.

    Attributes:
        started: UTC, ISO 8601.
        seconds: wall time of each of :data:`STAGES`; ``cpu``, the processor time of them all,
            all threads; and ``epoch_mean``, of an epoch with its dev score.
        peak_memory_bytes: largest resident size of the process while it ran the cell, with the
            mapped pages of the feature store; where the system cannot reset it, since its start.
        parameters: trainable parameters of mix and head; and the provider's own by part.
        bytes_per_token: stored bytes a token by part, word types included, of the sentences that
            the cell reads.
        vectors: digest of the stored vectors that were read, by part. Vectors encoded anew may
            differ by rounding (5e-6), and with them the last bits of a result.
        versions: of Python and the libraries that compute.
        host: processor and threads.
        signature: one line that names everything a score depends on.
    """

    started: str
    seconds: dict[str, float]
    peak_memory_bytes: int
    parameters: dict[str, int]
    bytes_per_token: dict[str, float]
    vectors: dict[str, str] = Field(default_factory=dict)
    versions: dict[str, str]
    host: dict[str, Any]
    signature: str


class RunRecord(_Model):
    """One cell: what it was, what came out, and what it took.

    Attributes:
        cell: identity of the cell, a SHA-256 over ``identity``.
        experiment: name of the experiment that first ran it.
        task, pipeline, features, head, seed, axes: for people and tables.
        identity: everything the result depends on.
        status: ``ok``, or ``failed`` with ``error``.
    """

    schema_version: int = SCHEMA_VERSION
    cell: str
    experiment: str
    task: str
    pipeline: str
    features: str
    head: str
    seed: int
    axes: dict[str, Any]
    identity: dict[str, Any]
    status: Literal["ok", "failed"]
    error: str | None = None
    caveats: list[str] = Field(default_factory=list)
    result: Result | None = None
    run: RunInfo | None = None


class RecordStore:
    """The records of one results folder.

    ``records/<cell>.json``, ``predictions/<cell>.json.gz`` and ``heads/<cell>/``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def record_path(self, cell: str) -> Path:
        """Where the record of ``cell`` stands."""
        return self.folder / "records" / f"{cell[:16]}.json"

    def predictions_path(self, cell: str) -> Path:
        """Where the predictions of ``cell`` stand."""
        return self.folder / "predictions" / f"{cell[:16]}.json.gz"

    def head_folder(self, cell: str) -> Path:
        """Where the trained head of ``cell`` stands."""
        return self.folder / "heads" / cell[:16]

    def lock_path(self, name: str) -> Path:
        """Held by the process that works on the cells that ``name`` covers; makes its folder."""
        folder = self.folder / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{name[:16]}.lock"

    def read(self, cell: str) -> RunRecord | None:
        """The record of ``cell``, or None."""
        path = self.record_path(cell)
        return read_record(path) if path.exists() else None

    def write(self, record: RunRecord) -> Path:
        """Write ``record`` atomically; returns its path."""
        path = self.record_path(record.cell)
        text = json.dumps(record.model_dump(mode="json"), indent=1, ensure_ascii=False)
        write_text(path, text + "\n")
        return path

    def write_predictions(self, cell: str, rows: list[dict[str, Any]]) -> str:
        """Write test predictions; returns the digest of all but their units.

        Args:
            cell: the cell's name.
            rows: ``id``, ``gold`` and ``predicted`` of each example; and ``unit``, what stands or
                falls together in tests of significance, kept only where it is not the id.
        """
        plain = [{k: v for k, v in row.items() if k != "unit"} for row in rows]
        kept = [
            row if row.get("unit", row["id"]) != row["id"] else bare
            for row, bare in zip(rows, plain, strict=True)
        ]
        data = canonical_json(kept).encode("utf-8", "surrogatepass")
        # mtime=0: the same predictions give the same bytes.
        write_bytes(self.predictions_path(cell), gzip.compress(data, 9, mtime=0))
        return digest_of(plain)

    def read_predictions(self, cell: str) -> list[dict[str, Any]]:
        """The stored predictions. Raises DataError if they were not kept or are damaged."""
        path = self.predictions_path(cell)
        try:
            rows: list[dict[str, Any]] = json.loads(gzip.decompress(path.read_bytes()))
        except (OSError, EOFError, ValueError) as error:
            raise DataError(f"predictions cannot be read: {error}", where=str(path)) from error
        return rows

    def write_plan(self, experiment: dict[str, Any], points: Sequence[dict[str, Any]]) -> None:
        """Note the experiment as resolved, and the points of its present grid.

        A point has ``cell`` (the record's name), ``task``, ``features``, ``head``, ``seed`` and
        ``axes``: how this experiment calls that cell.
        """
        plan = {"experiment": experiment, "points": list(points)}
        write_text(self.plan_path, json.dumps(plan, indent=1, ensure_ascii=False) + "\n")

    @property
    def plan_path(self) -> Path:
        """What :meth:`write_plan` writes."""
        return self.folder / "experiment.json"

    def planned(self) -> list[RunRecord]:
        """The records of the present grid in its order; all records of a folder without a plan.

        A cell that another experiment, or an earlier version of this one, ran first is called
        as the present grid calls it, and carries its caveats. Records of earlier versions are
        not lost, and not mixed in.

        Raises:
            DataError: if the plan or a record is damaged.
        """
        if not self.plan_path.exists():
            return list(self)
        try:
            plan = self._plan()
            experiment, points = plan["experiment"], plan["points"]
            common = {"experiment": experiment["name"], "caveats": experiment["caveats"]}
            names = ("task", "features", "head", "seed", "axes")
            called = [(p["cell"], {**common, **{name: p[name] for name in names}}) for p in points]
        except (ValueError, KeyError, TypeError) as error:
            raise self._no_plan(error) from error
        found = [(self.read(cell), names) for cell, names in called]
        return [record.model_copy(update=n) for record, n in found if record is not None]

    def experiment(self) -> dict[str, Any]:
        """The experiment as resolved when it last ran; nothing in a folder without a plan.

        Raises:
            DataError: if the plan is damaged.
        """
        if not self.plan_path.exists():
            return {}
        try:
            return dict(self._plan()["experiment"])
        except (ValueError, KeyError, TypeError) as error:
            raise self._no_plan(error) from error

    def _plan(self) -> Any:
        return json.loads(self.plan_path.read_text("utf-8"))

    def _no_plan(self, error: Exception) -> DataError:
        return DataError(
            f"not the plan of an experiment: {error}",
            where=str(self.plan_path),
            fix="delete the file and run the experiment again; no result is lost",
        )

    def add_cost(self, cost: dict[str, Any]) -> None:
        """Note what an encoding took, in ``features.json``."""
        with FileLock(self.lock_path("features")):
            write_text(self._costs_path, json.dumps([*self.costs(), cost], indent=1) + "\n")

    def costs(self) -> list[dict[str, Any]]:
        """What :meth:`add_cost` noted; nothing if the file is damaged, since it only informs."""
        try:
            costs = json.loads(self._costs_path.read_text("utf-8"))
        except (OSError, ValueError):
            return []
        return costs if isinstance(costs, list) else []

    def write_length_costs(self, costs: dict[str, Any]) -> None:
        """Keep what sentences of given lengths cost: ``seconds`` by features and length, and where
        that was measured. Features measured before stay."""
        with FileLock(self.lock_path("lengths")):
            seconds = {**self.length_costs().get("seconds", {}), **costs["seconds"]}
            text = json.dumps({**costs, "seconds": seconds}, indent=1) + "\n"
            write_text(self._lengths_path, text)

    def length_costs(self) -> dict[str, Any]:
        """What :meth:`write_length_costs` kept; nothing if the file is damaged."""
        try:
            costs = json.loads(self._lengths_path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return costs if isinstance(costs, dict) and isinstance(costs.get("seconds"), dict) else {}

    @property
    def _lengths_path(self) -> Path:
        return self.folder / "lengths.json"

    @property
    def _costs_path(self) -> Path:
        return self.folder / "features.json"

    def __iter__(self) -> Iterator[RunRecord]:
        for path in sorted((self.folder / "records").glob("*.json")):
            yield read_record(path)


def read_record(path: Path) -> RunRecord:
    """Read one record. Raises DataError if it is not one, or is of a newer schema."""
    try:
        raw = json.loads(path.read_text("utf-8"))
        version = raw.get("schema_version") if isinstance(raw, dict) else None
        if version != SCHEMA_VERSION:
            raise DataError(
                f"run record of schema {version!r}; this version reads {SCHEMA_VERSION}",
                where=str(path),
                fix="use the elmobench version that wrote it, or run the experiment again",
            )
        return RunRecord.model_validate(raw)
    except (ValueError, ValidationError) as error:
        raise DataError(
            f"not a run record: {error}",
            where=str(path),
            fix="delete it and run the experiment again: only this cell is trained anew",
        ) from error
