"""Run an experiment from Python: the same as the command line, in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elmobench.bench.experiment.schema import Experiment
from elmobench.bench.run import Overwrite, RunSummary, run_experiment

if TYPE_CHECKING:
    import pandas as pd


class Results:
    """The outcome of :func:`run`.

    Attributes:
        summary: what was trained, skipped and encoded, and the records.
        folder: where the records stand.
    """

    def __init__(self, summary: RunSummary) -> None:
        self.summary = summary
        self.folder = summary.folder

    def frame(self) -> pd.DataFrame:
        """One row a cell, as :func:`elmobench.load_results` gives."""
        from elmobench.analysis.tables.results_frame import frame_of

        return frame_of(self.summary.records)

    def table(self) -> pd.DataFrame:
        """Task and head against features: mean ± sd over seeds."""
        from elmobench.analysis.tables.score_tables import score_table

        return score_table(self.frame())

    def layer_weights(self) -> pd.DataFrame:
        """The learned softmax weights and γ: mean ± sd over seeds."""
        from elmobench.analysis.tables.layer_weights import layer_weight_table

        return layer_weight_table(self.summary.records)


def run(
    experiment: Experiment | Mapping[str, Any] | str | Path,
    *,
    results: str | Path | None = None,
    include: Sequence[str | Path] = (),
    store: str | Path | None = None,
    tracking_uri: str | None = None,
    overwrite: Overwrite = "failed",
    trust_first: bool = False,
    quiet: bool = False,
    workers: int | None = None,
) -> Results:
    """Run every cell that has no result yet; see :func:`elmobench.bench.run.run_experiment`.

    Args:
        experiment: content of an experiment file as a mapping, its path, or the name of a
            shipped one.
        results: folder for the records [``results/<name>``].
        include: folders of one's own task cards.
        store: the feature store [the user's cache].
        tracking_uri: MLflow store or server [SQLite in ``results``]; ``"none"`` for none.
        overwrite: recorded cells to run again: ``never``, ``failed``, ``always``.
        trust_first: pin the digest of files nobody has pinned.
        quiet: show no progress.
        workers: cells at a time, each in a process of its own [1, in this process]. In a script,
            call from under ``if __name__ == "__main__":``.
    """
    return Results(
        run_experiment(
            experiment,
            results=None if results is None else Path(results),
            include=[Path(folder) for folder in include],
            store=None if store is None else Path(store),
            tracking_uri=tracking_uri,
            overwrite=overwrite,
            trust_first=trust_first,
            quiet=quiet,
            workers=workers,
        )
    )
