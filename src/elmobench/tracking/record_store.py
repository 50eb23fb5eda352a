"""The results folder of an experiment: records and predictions, packed or not."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from elmobench.core.digests import digest_of
from elmobench.core.errors import DataError
from elmobench.core.files import write_text
from elmobench.tracking.packed import (
    PACKED_FILES,
    PREDICTIONS,
    RECORDS,
    PackedPredictions,
    packed_lines,
    record_text,
)
from elmobench.tracking.packing import read_single, unpack, write_single
from elmobench.tracking.record import RunRecord, parse_record, read_record


class RecordStore:
    """The records of one results folder, packed or not.

    A run writes ``records/<cell>.json``, ``predictions/<cell>.json.gz`` and ``heads/<cell>/``.
    :mod:`elmobench.tracking.packed` describes the packed files, which are
    read where there is no single file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lines: dict[str, tuple[tuple[int, int], dict[str, dict[str, Any]]]] = {}
        self._packed_predictions = PackedPredictions(folder / PREDICTIONS)

    def record_path(self, cell: str) -> Path:
        """The single file of the record of ``cell``, which a packed folder lacks."""
        return self.folder / "records" / f"{cell[:16]}.json"

    def predictions_path(self, cell: str) -> Path:
        """The single file of the predictions of ``cell``, which a packed folder lacks."""
        return self.folder / "predictions" / f"{cell[:16]}.json.gz"

    def head_folder(self, cell: str) -> Path:
        """The folder of the trained head of ``cell``."""
        return self.folder / "heads" / cell[:16]

    def lock_path(self, name: str) -> Path:
        """Held by the process that works on the cells that ``name`` covers; makes its folder."""
        folder = self.folder / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{name[:16]}.lock"

    def cell_names(self) -> list[str]:
        """The first 16 characters of every cell that has a record, sorted."""
        # Another process may pack or unpack the folder now: a cell that is in neither listing of
        # single files is in the packed file.
        before = self._single_records()
        packed = self._packed(RECORDS, "cell").keys()
        return sorted(before | packed | self._single_records())

    def _single_records(self) -> set[str]:
        return {path.stem for path in (self.folder / "records").glob("*.json")}

    def read(self, cell: str) -> RunRecord | None:
        """The record of ``cell``, or None.

        Raises:
            DataError: if it is damaged, or of a newer schema.
        """
        for _ in range(2):  # twice, since another process may unpack the folder in between
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                return read_record(self.record_path(cell))
            content = self._packed(RECORDS, "cell").get(cell[:16])
            if content is not None:
                return self._parse(content)
        return None

    def _parse(self, content: dict[str, Any]) -> RunRecord:
        path = self.folder / RECORDS
        where, name = f"{path}: cell {content['cell'][:16]}", f"records/{content['cell'][:16]}.json"
        return parse_record(
            content,
            where,
            fix=f"`elmobench results unpack {self.folder}`, delete {name} there, and run the "
            "experiment again: only this cell is trained again",
        )

    def unpack(self) -> None:
        """Write packed content as single files, so that it can be replaced. Nothing if not packed.

        Raises:
            DataError: if a packed file is damaged.
        """
        if any((self.folder / name).exists() for name in PACKED_FILES):
            unpack(self.folder)

    def files_of(self, record: RunRecord, scratch: RecordStore) -> Iterator[Path]:
        """Yield the single files of ``record`` and, if they were kept, of its predictions.

        What is packed is written to ``scratch`` first.
        """
        path = self.record_path(record.cell)
        yield path if path.exists() else scratch.write(record)
        path = self.predictions_path(record.cell)
        if path.exists():
            yield path
        elif (rows := self._packed_predictions.rows(record.cell)) is not None:
            write_single(scratch.predictions_path(record.cell), rows)
            yield scratch.predictions_path(record.cell)

    def _packed(self, name: str, key: str) -> dict[str, dict[str, Any]]:
        """The lines of a packed file, read again when the file changed."""
        path = self.folder / name
        try:
            state = path.stat()
        except FileNotFoundError:
            return {}
        version = (state.st_mtime_ns, state.st_size)
        if self._lines.get(name, (None,))[0] != version:
            self._lines[name] = (version, packed_lines(path, key))
        return self._lines[name][1]

    def write(self, record: RunRecord) -> Path:
        """Write ``record`` atomically; returns its path."""
        path = self.record_path(record.cell)
        write_text(path, record_text(record.model_dump(mode="json")))
        return path

    def write_predictions(self, cell: str, rows: list[dict[str, Any]]) -> str:
        """Write test predictions; returns the digest of all but their units.

        Args:
            cell: the cell's name.
            rows: ``id``, ``gold`` and ``predicted`` of each example; and ``unit``, the
                resampling unit of significance tests, kept only where it is not the id.
        """
        plain = [{k: v for k, v in row.items() if k != "unit"} for row in rows]
        kept = [
            row if row.get("unit", row["id"]) != row["id"] else bare
            for row, bare in zip(rows, plain, strict=True)
        ]
        write_single(self.predictions_path(cell), kept)
        return digest_of(plain)

    def read_predictions(self, cell: str) -> list[dict[str, Any]]:
        """The stored predictions. Raises DataError if they were not kept or are damaged."""
        try:
            return self._read_predictions(cell)
        except DataError:
            # Another process may have packed or unpacked the folder in between.
            return self._read_predictions(cell)

    def _read_predictions(self, cell: str) -> list[dict[str, Any]]:
        path = self.predictions_path(cell)
        packed = None if path.exists() else self._packed_predictions.rows(cell)
        return read_single(path) if packed is None else packed

    def write_plan(self, experiment: dict[str, Any], points: Sequence[dict[str, Any]]) -> None:
        """Note the experiment as resolved, and the points of its present grid.

        A point has ``cell`` (the record's name), ``task``, ``features``, ``head``, ``seed`` and
        ``axes``: how this experiment calls that cell. It also has ``corpus`` and ``same_as`` of the
        task's card, which may have changed since the cell ran.
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
            called = [
                (p["cell"], {**common, **{name: p[name] for name in names}, **_origin(p)})
                for p in points
            ]
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
        for name in self.cell_names():
            record = self.read(name)
            if record is not None:
                yield record


def _origin(point: dict[str, Any]) -> dict[str, Any]:
    """Where a point's data come from; plans of earlier versions do not say it."""
    return {name: point[name] for name in ("corpus", "same_as") if name in point}
