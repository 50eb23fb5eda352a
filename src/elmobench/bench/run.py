"""The runner: experiment → grid → features → cells → records."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from elmobench.bench.context import RunContext
from elmobench.bench.experiment.cells import Cell
from elmobench.bench.experiment.schema import Experiment, load_experiment, parse_experiment
from elmobench.bench.launchers.base import (
    LAUNCHERS,
    Launcher,
    LaunchOptions,
    Observer,
    PendingCell,
    PendingVectors,
)
from elmobench.bench.plan import PlannedCell, make_plan
from elmobench.bench.progress import Advance, RunProgress
from elmobench.bench.search import selection_path
from elmobench.core.digests import canonical_json
from elmobench.features.store.feature_store import BuildReport
from elmobench.tracking.mlflow_log import Tracker, open_tracker
from elmobench.tracking.record import RecordStore, RunRecord
from elmobench.training.trainer import Epoch

Overwrite = Literal["never", "failed", "always"]


@dataclass
class RunSummary:
    """What a run did.

    Attributes:
        experiment: the experiment.
        folder: where its records stand.
        records: one a cell, in grid order.
        trained: cells trained now.
        skipped: cells whose record was there already.
        failed: cells that ended in an error.
        encoded_sentences: sentences encoded now.
        seconds: wall time.
        tracker: the MLflow store that has it all; None without tracking.
    """

    experiment: Experiment
    folder: Path
    records: list[RunRecord] = field(default_factory=list)
    trained: int = 0
    skipped: int = 0
    failed: int = 0
    encoded_sentences: int = 0
    seconds: float = 0.0
    tracker: Tracker | None = field(default=None, repr=False, compare=False)


def run_experiment(
    experiment: Experiment | Mapping[str, Any] | str | Path,
    *,
    results: Path | None = None,
    include: Sequence[Path] = (),
    store: Path | None = None,
    tracking_uri: str | None = None,
    overwrite: Overwrite = "failed",
    trust_first: bool = False,
    quiet: bool = False,
    launcher: str | None = None,
    workers: int | None = None,
    address: str | None = None,
) -> RunSummary:
    """Run every cell that has no result yet.

    Args:
        experiment: an :class:`Experiment`, its content as a mapping, a file, or the name of a
            shipped one.
        results: folder for this experiment's records; default ``results/<name>``.
        include: folders of one's own task cards.
        store: the feature store; default the user's.
        tracking_uri: MLflow store or server; default a SQLite file beside the records;
            ``"none"`` for no tracking.
        overwrite: which recorded cells to run again: ``never``, ``failed`` ones, ``always``.
        trust_first: pin the digest of files nobody has pinned.
        quiet: show no progress.
        launcher: where cells run: ``local``, one after another in this process; ``pool``,
            in several processes of this machine; ``ray``, on a Ray cluster. Default: ``ray`` if
            there is an ``address``, ``pool`` if ``workers`` says more than one, else ``local``.
            Results are the same to the bit.
        workers: how many cells at a time; default for the last two: as many as there are cores.
        address: of a Ray cluster that runs already (``auto`` for the one of this machine).

    Raises:
        ElmobenchError: for anything wrong with the experiment, before any work.
    """
    if isinstance(experiment, str | Path):
        experiment = load_experiment(experiment)
    elif not isinstance(experiment, Experiment):
        experiment = parse_experiment(dict(experiment))
    new_launcher = LAUNCHERS.get(launcher or _default_launcher(workers, address))
    cell_launcher = new_launcher(LaunchOptions(workers, address))
    folder = results or Path("results") / experiment.name
    start = time.perf_counter()
    context = RunContext(experiment, include, store, trust_first)
    summary = RunSummary(experiment, folder)
    records = RecordStore(folder)
    with RunProgress(quiet) as progress:
        plan = make_plan(context, lambda task: progress.note(f"loading {task}"))
        # Two points of the grid may be one cell: it runs once.
        cells = {planned.digest: planned for planned in plan}
        pending = _pending(cells.values(), records, overwrite)
        # An unusable tracking store is told before the first hour of work, not after it.
        tracker = summary.tracker = open_tracker(tracking_uri, records, experiment.name)
        records.write_plan(experiment.model_dump(mode="json"), [planned.point for planned in plan])
        if overwrite == "always":
            for planned in cells.values():
                selection_path(folder, planned.identity).unlink(missing_ok=True)
        summary.skipped = len(cells) - len(pending)
        watch = RunObserver(context, records, progress, summary, tracker)
        if pending:
            with closing(cell_launcher):
                build_features(
                    context, [todo.planned for todo in pending], records, watch, cell_launcher
                )
                with progress.task("cells", len(pending)) as watch.advance:
                    cell_launcher.run_cells(pending, context, records, watch)
        summary.records = records.planned()
        if tracker is not None:
            # What another process trained, or ran while the tracking store was away.
            tracker.sync()
    summary.seconds = time.perf_counter() - start
    return summary


def _default_launcher(workers: int | None, address: str | None) -> str:
    if address is not None:
        return "ray"
    return "pool" if (workers or 1) > 1 else "local"


def _pending(
    cells: Iterable[PlannedCell], records: RecordStore, overwrite: Overwrite
) -> list[PendingCell]:
    pending = []
    for planned in cells:
        record = records.read(planned.digest)
        if is_pending(record, overwrite):
            pending.append(PendingCell(planned, record))
    return pending


def is_pending(record: RunRecord | None, overwrite: str) -> bool:
    """Whether a cell with this record, or none, is to be run; see :func:`run_experiment`."""
    return (
        record is None
        or overwrite == "always"
        or (overwrite == "failed" and record.status == "failed")
    )


def build_features(
    context: RunContext,
    planned: Sequence[PlannedCell],
    records: RecordStore,
    observer: Observer,
    launcher: Launcher,
) -> None:
    """Have ``launcher`` encode what the cells need and the store lacks."""
    jobs: dict[tuple[Any, ...], PendingVectors] = {}
    for one in planned:
        cell = one.cell
        for part in cell.parts:
            needed = canonical_json(cell.options.training_data())
            key = (cell.task, cell.fold, needed, *part.key)
            if key not in jobs:
                fingerprint = context.provider(part).fingerprint
                data = str(one.identity["data"])
                jobs[key] = PendingVectors(cell, part, fingerprint, data)
    launcher.encode(list(jobs.values()), context, records, observer)


class RunObserver:
    """Passes on what the launcher tells: to the terminal, the summary and the tracker.

    Args:
        context: of the run.
        records: take the costs of encoding, in ``features.json``.
        progress: the terminal.
        summary: counts.
        tracker: takes finished cells; None for no tracking.
    """

    def __init__(
        self,
        context: RunContext,
        records: RecordStore,
        progress: RunProgress,
        summary: RunSummary,
        tracker: Tracker | None,
    ) -> None:
        self._context, self._records = context, records
        self._progress = progress
        self._summary = summary
        self._tracker = tracker
        self.advance: Advance = lambda steps: None

    def encoding(self, job: PendingVectors, done: int, total: int) -> None:
        """See :class:`~elmobench.bench.launchers.base.Observer`."""
        self._progress.encoding(job.label, done, total)

    def encoded(self, job: PendingVectors, report: BuildReport, *, last: bool) -> None:
        """See :class:`~elmobench.bench.launchers.base.Observer`."""
        if last:
            self._progress.encoded(job.label)
        self._summary.encoded_sentences += report.encoded_sentences
        if report.encoded_sentences or report.encoded_types:
            self._records.add_cost(
                {
                    "task": job.cell.task,
                    "features": job.part.name,
                    "fingerprint": job.fingerprint,
                    "encoded_sentences": report.encoded_sentences,
                    "encoded_tokens": report.encoded_tokens,
                    "encoded_types": report.encoded_types,
                    "seconds": round(report.seconds, 3),
                    "cpu": round(report.cpu_seconds, 3),
                    "bytes": report.bytes,
                    "threads": self._context.experiment.settings.threads,
                }
            )

    def started(self, cell: Cell) -> None:
        """See :class:`~elmobench.bench.launchers.base.Observer`."""
        self._progress.started(cell.label, cell.training.epochs)

    def epoch(self, cell: Cell, epoch: Epoch) -> None:
        """See :class:`~elmobench.bench.launchers.base.Observer`."""
        self._progress.epoch(cell.label, epoch)

    def warn(self, text: str) -> None:
        """See :class:`~elmobench.bench.launchers.base.Observer`."""
        self._progress.warn(text)

    def finished(self, cell: Cell, record: RunRecord, *, here: bool) -> None:
        """See :class:`~elmobench.bench.launchers.base.Observer`."""
        if not here:
            self._summary.skipped += 1
            self.advance(1)
            return
        if record.status == "ok":
            self._summary.trained += 1
        else:
            self._summary.failed += 1
        self._progress.finished(cell.label, record)
        if self._tracker is not None:
            self._tracker.log(record)
        self.advance(1)
