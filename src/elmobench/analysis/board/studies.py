"""The studies of a board: results folders, what of them counts, and what is left out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from elmobench.analysis.stats.differences import DEFAULT_MARGIN
from elmobench.analysis.stats.tallies import TallyCache
from elmobench.analysis.tables.cost_table import EncodingCost, encoding_costs
from elmobench.core.errors import ConfigError, DataError
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.tracking.plan_file import seed_counts
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore

REPORTS = ("report.html", "report.md")
"""Files of a report that a board links to, the preferred one first."""


@dataclass(frozen=True)
class Study:
    """One results folder.

    Attributes:
        folder: the folder.
        name: name of the experiment.
        description, caveats: of the experiment.
        records: finished cells of the present grid that used all examples.
        seeds: a point of the grid without its seed -> number of seeds that the experiment asks
            for, see :func:`~elmobench.tracking.plan_file.seed_counts`.
        margin: differences below it are negligible.
        partial: number of cells of a quick try (``--limit``), which are left out.
        failed: number of cells that ended in an error.
        damaged: errors of damaged records, whose cells are left out; and of damaged predictions,
            which are found when cells are compared.
        report: file of its report; None if there is none.
        first, last: the days on which its first and its last run began, ``2026-01-31``; empty if
            no record says it.
        models: the models that it names.
        costs: costs of encoding by task and fingerprint.
        tallies: its predictions.
    """

    folder: Path
    name: str
    description: str
    caveats: tuple[str, ...]
    records: tuple[RunRecord, ...]
    seeds: dict[str, int]
    margin: float
    partial: int
    failed: int
    damaged: list[str]
    report: Path | None
    first: str
    last: str
    models: ModelCatalog = field(repr=False)
    costs: dict[tuple[str, str], EncodingCost] = field(repr=False)
    tallies: TallyCache = field(repr=False)


def results_folders(folder: Path) -> list[Path]:
    """``folder`` if it has records; otherwise the folders in it, at any depth, that have.

    Raises:
        DataError: packed records are damaged.
        OSError: a folder cannot be read.
    """
    if RecordStore(folder).cell_names():
        return [folder]
    return [path for inner in _folders_in(folder) for path in results_folders(inner)]


def _folders_in(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        names = sorted(e.name for e in entries if e.is_dir(follow_symlinks=False))
    yield from (folder / name for name in names if not name.startswith("."))


def read_studies(folders: Sequence[Path], reports: Sequence[str] = REPORTS) -> list[Study]:
    """Read results folders, packed or not; the order is by name of the experiment, then by folder.

    Args:
        folders: results folders.
        reports: names of files in a results folder that count as its report.

    Raises:
        ConfigError: a folder is named twice.
        DataError: there are no folders; one has no records; or its plan or its packed records are
            damaged. Single damaged records are left out.
    """
    if not folders:
        raise DataError("no results folders are given", fix="name at least one")
    seen: dict[Path, Path] = {}
    for folder in folders:
        resolved = folder.resolve()
        if resolved in seen:
            raise ConfigError(
                "this results folder is named twice",
                where=f"{folder} and {seen[resolved]}",
                fix="name it, or a folder that it is in, once",
            )
        seen[resolved] = folder
    studies = [read_study(folder, reports) for folder in folders]
    return sorted(studies, key=lambda study: (study.name, study.folder.as_posix()))


def _is_shown(record: RunRecord) -> bool:
    """Whether a cell has a result on all of the data, with the labels of the data."""
    return record.result is not None and record.limit is None and not record.is_control


def read_study(folder: Path, reports: Sequence[str] = REPORTS) -> Study:
    """Read one results folder; see :func:`read_studies`."""
    damaged: list[str] = []
    store = RecordStore(folder, on_damaged=lambda error: damaged.append(str(error)))
    tallies = TallyCache(store)
    records = tallies.all_records
    experiment = store.experiment()
    if not records and not damaged:
        raise store.no_records()
    days = sorted(r.run.started[:10] for r in records if r.run is not None and r.run.started)
    return Study(
        folder=folder,
        name=str(experiment.get("name") or (records[0].experiment if records else folder.name)),
        description=str(experiment.get("description", "")),
        caveats=tuple(dict.fromkeys(c for record in records for c in record.caveats)),
        records=tuple(r for r in records if _is_shown(r)),
        seeds=seed_counts(store.points()),
        margin=float(experiment.get("margin") or DEFAULT_MARGIN),
        partial=sum(r.result is not None and r.limit is not None for r in records),
        failed=sum(r.result is None for r in records),
        damaged=damaged,
        report=next((folder / name for name in reports if (folder / name).is_file()), None),
        first=days[0] if days else "",
        last=days[-1] if days else "",
        models=_models(store),
        costs=encoding_costs(folder),
        tallies=tallies,
    )


def _models(store: RecordStore) -> ModelCatalog:
    """The models of the experiment; those of the package if its entries cannot be read any more."""
    try:
        return ModelCatalog(store.experiment().get("models"))
    except ConfigError:
        return ModelCatalog()
