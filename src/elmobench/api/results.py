"""The results of an experiment as data frames."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from elmobench.api.display import Displayed
from elmobench.api.results_folder import results_folder
from elmobench.core.counted import counted
from elmobench.core.errors import DataError, ElmobenchWarning
from elmobench.tracking.record_store import RecordStore

if TYPE_CHECKING:
    import pandas as pd

    from elmobench.bench.run import RunSummary
    from elmobench.tracking.record import RunRecord


class Results(Displayed):
    """The results of an experiment: what :func:`run` and :func:`load_results` return.

    A notebook shows the scores, mean ± sd over seeds.

    >>> import elmobench
    >>> study = {"name": "try", "tasks": ["wsd/control-wsd"], "heads": ["paper"]}
    >>> study["features"] = ["glove-mini", "elmo-mini"]
    >>> results = elmobench.run(study, tracker="none", quiet=True)
    >>> results.cells[["features", "head", "seed", "metric", "score", "test_examples"]].round(2)
         features   head  seed metric  score  test_examples
    0  glove-mini  paper     1     f1  70.00            300
    1   elmo-mini  paper     1     f1  80.67            300

    Attributes:
        folder: the folder of the records.
        records: the records that could be read, one per point of the grid.
        damaged: the errors of damaged records, whose cells are left out.
        summary: what a run trained, skipped and encoded; None for results that were loaded.
    """

    def __init__(
        self,
        folder: Path,
        records: Sequence[RunRecord],
        damaged: Sequence[str] = (),
        summary: RunSummary | None = None,
    ) -> None:
        self.folder = folder
        self.records = list(records)
        self.damaged = list(damaged)
        self.summary = summary

    @cached_property
    def cells(self) -> pd.DataFrame:
        """One row per cell: its point of the grid, main score, sizes, costs and status.

        ``score`` is the main score on test, ``dev`` on dev, in percent; see
        :func:`elmobench.analysis.tables.tidy_frames.cell_frame`. Further axes are the last columns.
        """
        from elmobench.analysis.tables.tidy_frames import cell_frame

        return cell_frame(self.records)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """One row per score of each cell, also of scores that are not the main one.

        See :func:`elmobench.analysis.tables.tidy_frames.score_frame`.
        """
        from elmobench.analysis.tables.tidy_frames import score_frame

        return score_frame(self.records)

    @cached_property
    def weights(self) -> pd.DataFrame:
        """One row per layer of each mix of a cell, with its weight.

        See :func:`elmobench.analysis.tables.tidy_frames.weight_frame`.
        """
        from elmobench.analysis.tables.tidy_frames import weight_frame

        return weight_frame(self.records)

    def table(self) -> pd.DataFrame:
        """Scores as text, mean ± sd over seeds: a row per task and head, a column per features."""
        from elmobench.analysis.tables.results_frame import frame_of
        from elmobench.analysis.tables.score_tables import score_table

        return score_table(frame_of(self.records))

    def layer_weights(self) -> pd.DataFrame:
        """Learned layer weights and γ as text, mean ± sd over seeds: a row per task and part."""
        from elmobench.analysis.tables.layer_weights import layer_weight_table

        return layer_weight_table(self.records)

    def __len__(self) -> int:
        """Number of cells."""
        return len(self.records)

    def _heading(self) -> list[str]:
        records = self.records
        name = records[0].experiment if records else self.folder.name
        failed = sum(record.status == "failed" for record in records)
        numbers = [
            counted(len(records), "cell") + (f", {failed} of them failed" if failed else ""),
            counted(len({record.task for record in records}), "task"),
            counted(len({record.features for record in records}), "representation"),
            counted(len({record.seed for record in records}), "seed"),
        ]
        return [f"Results of {name}", f"{', '.join(numbers)}; in {self.folder}"]

    def _remarks(self) -> list[str]:
        from elmobench.analysis.tables.score_tables import FLAGS_EXPLAINED, flag_marks

        partial = sum(record.limit is not None for record in self.records)
        remarks = []
        if flag_marks(self.cells["flags"]):
            remarks.append(FLAGS_EXPLAINED)
        if partial:
            remarks.append(f"{counted(partial, 'cell')} of a quick try on a part of the examples")
        if self.damaged:
            remarks.append(f"{counted(len(self.damaged), 'damaged record')} left out, see .damaged")
        return remarks

    def _shown(self) -> pd.DataFrame:
        return self.table()


def load_results(path: str | Path, *, everything: bool = False) -> Results:
    """Read the results of an experiment that was run.

    >>> import elmobench
    >>> study = {"name": "try", "tasks": ["wsd/control-wsd"], "heads": ["paper"]}
    >>> study["features"] = ["glove-mini", "elmo-mini"]
    >>> folder = elmobench.run(study, tracker="none", quiet=True).folder
    >>> elmobench.load_results(folder)
    Results of try
    2 cells, 1 task, 2 representations, 1 seed; in results/try
    task             metric  head   seeds  glove-mini  elmo-mini
    wsd/control-wsd  f1      paper  1      70.00       80.67

    Args:
        path: a results folder, the name of one in ``results``, or an experiment file whose
            results are there.
        everything: also read records of earlier versions of the experiment.

    Raises:
        UnknownNameError: there is no such folder.
        DataError: there are no records, or all of them are damaged. A damaged record among others
            is a warning that names it, and is listed in :attr:`Results.damaged`.
    """
    folder = results_folder(path)
    damaged: list[DataError] = []
    store = RecordStore(folder, on_damaged=damaged.append)
    records = list(store) if everything else store.planned()
    if not records:
        raise store.no_records(damaged)
    messages = list(dict.fromkeys(map(str, damaged)))
    for message in messages:
        warnings.warn(f"a cell is left out: {message}", ElmobenchWarning, stacklevel=2)
    return Results(folder, records, messages)


def folder_of(results: Results | str | Path) -> Path:
    """The folder of ``results``, or the one that a path or name stands for.

    Raises:
        TypeError: if it is neither.
        UnknownNameError: there is no such folder.
    """
    if isinstance(results, Results):
        return results.folder
    if not isinstance(results, str | Path):
        raise TypeError(
            f"results are of type {type(results).__name__}; give what elmobench.run or "
            "elmobench.load_results returned, or a results folder"
        )
    return results_folder(results)
