"""The results folder of an experiment: records and predictions, packed or not."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from elmobench.core.errors import DataError
from elmobench.core.files import write_bytes
from elmobench.core.parsing import parsing
from elmobench.core.shell import shell_path
from elmobench.tracking.measured_costs import add_cost, add_lengths, read_costs, read_lengths
from elmobench.tracking.packed import (
    KEY_LENGTH,
    PACKED_FILES,
    PREDICTIONS,
    RECORDS,
    PackedPredictions,
    packed_lines,
    record_bytes,
)
from elmobench.tracking.packing import unpack
from elmobench.tracking.plan_file import read_plan_file, write_plan_file
from elmobench.tracking.prediction_files import (
    Rows,
    check_digest,
    predictions_digest,
    read_single,
    write_single,
)
from elmobench.tracking.record import RunRecord, parse_record, read_record, record_content


class RecordStore:
    """The records of one results folder, packed or not.

    A run writes ``records/<cell>.json``, ``predictions/<cell>.json.gz`` and ``heads/<cell>/``.
    :mod:`elmobench.tracking.packed` describes the packed files, which are
    read where there is no single file.

    Args:
        folder: the results folder.
        on_damaged: called with the error of each damaged record when all records are read, which
            then goes on with the others; None to end with that error.
    """

    def __init__(
        self, folder: Path, on_damaged: Callable[[DataError], object] | None = None
    ) -> None:
        self.folder = folder
        self.on_damaged = on_damaged
        self._checked: set[tuple[object, ...]] = set()
        self._read_plan: tuple[tuple[int, int, int], dict[str, Any]] | None = None
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
            path = self.record_path(cell)
            try:
                return self._own(read_record(path), cell, path)
            except DataError:
                if os.path.lexists(path):  # also a symbolic link whose target is gone
                    raise
            content = self._packed(RECORDS, "cell").get(cell[:KEY_LENGTH])
            if content is not None:
                where = f"{self.folder / RECORDS}: cell {cell[:KEY_LENGTH]}"
                return parse_record(content, where, fix=self.fix_by_running_again(cell))
        return None

    def _own(self, record: RunRecord, cell: str, path: Path) -> RunRecord:
        """``record``, which must be that of ``cell``, since its file has the cell's name."""
        if record.cell[:KEY_LENGTH] != cell[:KEY_LENGTH]:
            raise DataError(
                f"is the record of the cell {record.cell[:KEY_LENGTH]}, which has another file",
                where=str(path),
                fix="delete or move the file",
            )
        return record

    def fix_by_running_again(self, cell: str) -> str:
        """What to do about a damaged file of ``cell``: the commands and files exist."""
        name = cell[:KEY_LENGTH]
        packed = any((self.folder / file).exists() for file in PACKED_FILES)
        unpacking = f"`elmobench results unpack {shell_path(self.folder)}`, " if packed else ""
        return (
            f"{unpacking}delete records/{name}.json and predictions/{name}.json.gz in "
            f"{self.folder}, and run the experiment again: only this cell is trained again"
        )

    def _read_all(self, cells: Sequence[str]) -> list[RunRecord | None]:
        """The records of ``cells``; None where there is none, or a damaged one was passed over."""
        records: dict[str, RunRecord | None] = {}
        for cell in dict.fromkeys(cells):
            try:
                records[cell] = self.read(cell)
            except DataError as error:
                if self.on_damaged is None:
                    raise
                self.on_damaged(error)
                records[cell] = None
        return [records[cell] for cell in cells]

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
        elif self._packed_predictions.rows(record.cell) is not None:
            write_single(scratch.predictions_path(record.cell), self.read_predictions(record.cell))
            yield scratch.predictions_path(record.cell)

    def _packed(self, name: str, key: str) -> dict[str, dict[str, Any]]:
        """The lines of a packed file, read again when the file changed."""
        path = self.folder / name
        try:
            state = path.stat()
        except OSError as error:
            if not os.path.lexists(path):  # asked after it failed: another process may unpack
                return {}
            raise DataError(f"cannot be read: {error.strerror}", where=str(path)) from error
        version = (state.st_mtime_ns, state.st_size)
        if self._lines.get(name, (None,))[0] != version:
            self._lines[name] = (version, packed_lines(path, key))
        return self._lines[name][1]

    def write(self, record: RunRecord) -> Path:
        """Write ``record`` atomically, with its digest; returns its path."""
        path = self.record_path(record.cell)
        write_bytes(path, record_bytes(record_content(record)))
        return path

    def withdraw(self, cell: str) -> None:
        """Remove the record of a cell whose result is about to be replaced.

        Otherwise a run that is killed between writing the new predictions and the new record would
        leave predictions that are not those of the record.
        """
        self.record_path(cell).unlink(missing_ok=True)

    def write_predictions(self, cell: str, rows: list[dict[str, Any]]) -> str:
        """Write test predictions; returns the digest of all but their units.

        Args:
            cell: the cell's name.
            rows: ``id``, ``gold`` and ``predicted`` of each example; and ``unit``, the
                resampling unit of significance tests, kept only where it is not the id.
        """
        # Through JSON once: what is read again has lists for tuples, and keys that are text.
        kept: Rows = json.loads(
            json.dumps(
                [{k: v for k, v in row.items() if k != "unit" or v != row["id"]} for row in rows]
            )
        )
        path = self.predictions_path(cell)
        write_single(path, kept)
        return predictions_digest(kept)

    def read_predictions(self, cell: str) -> Rows:
        """The stored predictions, after comparing them with the digest in the cell's record.

        Raises:
            MissingPredictionsError: if they were not kept.
            DamagedPredictionsError: if they are damaged, or are not those of the record.
            DataError: if the record is damaged.
        """
        try:
            return self._read_predictions(cell)
        except DataError:
            # Another process may have packed or unpacked the folder in between.
            return self._read_predictions(cell)

    def _read_predictions(self, cell: str) -> Rows:
        path, fix = self.predictions_path(cell), self.fix_by_running_again(cell)
        single = os.path.lexists(path)
        packed = None if single else self._packed_predictions.rows(cell)
        rows = read_single(path, fix) if packed is None else packed
        file = path if packed is None else self.folder / PREDICTIONS
        state = file.stat()
        version = (cell, file, state.st_ino, state.st_mtime_ns, state.st_size)
        if version not in self._checked:
            record = self.read(cell)
            if record is not None and record.result is not None:
                where = f"{file}: cell {cell[:KEY_LENGTH]}"
                check_digest(rows, record.result.predictions_digest, where, fix)
            self._checked.add(version)
        return rows

    def write_plan(
        self,
        experiment: dict[str, Any],
        points: Sequence[dict[str, Any]],
        include: Sequence[str] = (),
    ) -> None:
        """Note the experiment as resolved, and the points of its present grid.

        A point has ``cell`` (the record's name), ``task``, ``features``, ``head``, ``seed`` and
        ``axes``: how this experiment calls that cell. It also has ``corpus`` and ``same_as`` of the
        task's card, which may have changed since the cell ran. ``include`` are the folders of
        further task cards, relative to this folder or absolute.
        """
        write_plan_file(self.plan_path, experiment, points, include)

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
            DataError: if the plan is damaged; or a record, without ``on_damaged``.
        """
        plan = self._plan()
        if plan is None:
            return list(self)
        experiment, points = plan["experiment"], plan["points"]
        common = {"experiment": experiment["name"], "caveats": experiment["caveats"]}
        names = ("task", "features", "head", "seed", "axes")
        called = [{**common, **{name: p[name] for name in names}, **_origin(p)} for p in points]
        found = self._read_all([p["cell"] for p in points])
        return [
            record.model_copy(update=update)
            for record, update in zip(found, called, strict=True)
            if record is not None
        ]

    def no_records(self, damaged: Sequence[DataError] = ()) -> DataError:
        """The error of a folder in which no record could be read.

        Args:
            damaged: the errors of damaged records; the first of them is returned, if there is one.
        """
        return next(
            iter(damaged),
            DataError(
                "no run records here",
                where=str(self.folder),
                fix="run the experiment first: elmobench run EXPERIMENT",
            ),
        )

    def points(self) -> list[dict[str, Any]]:
        """The points of the present grid, see :meth:`write_plan`; none in a folder without a plan.

        Raises:
            DataError: if the plan is damaged.
        """
        plan = self._plan()
        return [] if plan is None else list(plan["points"])

    def experiment(self) -> dict[str, Any]:
        """The experiment as resolved when it last ran; nothing in a folder without a plan.

        Raises:
            DataError: if the plan is damaged.
        """
        plan = self._plan()
        return {} if plan is None else dict(plan["experiment"])

    def included_folders(self) -> list[str]:
        """The folders of further task cards when the experiment last ran; see :meth:`write_plan`.

        Raises:
            DataError: if the plan is damaged.
        """
        plan = self._plan()
        return [] if plan is None else list(plan.get("include", ()))

    def _plan(self) -> dict[str, Any] | None:
        """The content of the plan, checked again when the file changed; None if there is none."""
        if not os.path.lexists(self.plan_path):
            return None
        with parsing(self.plan_path, DataError):
            state = self.plan_path.stat()
        version = (state.st_ino, state.st_mtime_ns, state.st_size)
        if self._read_plan is None or self._read_plan[0] != version:
            self._read_plan = version, read_plan_file(self.plan_path)
        return self._read_plan[1]

    def add_cost(self, cost: dict[str, Any]) -> None:
        """Note what an encoding took, in ``features.json``."""
        with FileLock(self.lock_path("features")):
            add_cost(self._costs_path, cost)

    def costs(self) -> list[dict[str, Any]]:
        """What :meth:`add_cost` noted; nothing, with a warning, if the file is damaged."""
        return read_costs(self._costs_path)

    def write_length_costs(self, costs: dict[str, Any]) -> None:
        """Keep what sentences of given lengths cost: ``seconds`` by features and length, and where
        that was measured. Features measured before stay."""
        with FileLock(self.lock_path("lengths")):
            add_lengths(self._lengths_path, costs)

    def length_costs(self) -> dict[str, Any]:
        """What :meth:`write_length_costs` kept; nothing, with a warning, if it is damaged."""
        return read_lengths(self._lengths_path)

    @property
    def _lengths_path(self) -> Path:
        return self.folder / "lengths.json"

    @property
    def _costs_path(self) -> Path:
        return self.folder / "features.json"

    def __iter__(self) -> Iterator[RunRecord]:
        """Every record, by name.

        Raises:
            DataError: if a record is damaged, without ``on_damaged``.
        """
        for record in self._read_all(self.cell_names()):
            if record is not None:
                yield record


def _origin(point: dict[str, Any]) -> dict[str, Any]:
    """Where a point's data come from; plans of earlier versions do not say it."""
    return {name: point[name] for name in ("corpus", "same_as") if name in point}
