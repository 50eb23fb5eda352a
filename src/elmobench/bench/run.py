"""Run an experiment: plan its grid, encode its features, run its cells, write records."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from elmobench.bench.context import RunContext
from elmobench.bench.events import (
    CellFinished,
    Encoded,
    EncodingProgress,
    EpochDone,
    RunEvent,
    RunWarning,
)
from elmobench.bench.experiment.schema import Experiment, load_experiment, parse_experiment
from elmobench.bench.jobs import PendingCell, PendingVectors
from elmobench.bench.launchers.base import LAUNCHERS, Launcher, LaunchOptions
from elmobench.bench.launchers.local import encode_pending
from elmobench.bench.plan import PlannedCell, make_plan
from elmobench.bench.progress import RunProgress
from elmobench.bench.session import RunSession
from elmobench.core.digests import canonical_json
from elmobench.core.errors import DataError, ModelError
from elmobench.core.files import remove_leftovers
from elmobench.core.quoting import quoted
from elmobench.data.cards.catalog import CardCatalog
from elmobench.features.functions import split_models
from elmobench.features.store.feature_store import BuildReport
from elmobench.features.store.plan import as_texts
from elmobench.tracking.names import DEFAULT_TRACKER
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore
from elmobench.tracking.remembered_cards import relative_folders
from elmobench.tracking.tracker import Tracker, open_tracker
from elmobench.training.devices import resolved_device, use_device

Overwrite = Literal["never", "failed", "always"]


@dataclass
class RunSummary:
    """What a run did.

    Attributes:
        experiment: the experiment.
        folder: the folder of its records.
        records: one record per point of the grid, in its order.
        trained: number of cells trained by this run.
        skipped: number of cells that already had a record.
        failed: number of cells that ended in an error.
        damaged: the errors of damaged records. Their cells are neither trained nor in the tables.
        encoded_sentences: number of sentences encoded by this run.
        seconds: wall time.
        tracker: logs the records, for instance to MLflow; None without tracking.
    """

    experiment: Experiment
    folder: Path
    records: list[RunRecord] = field(default_factory=list)
    trained: int = 0
    skipped: int = 0
    failed: int = 0
    damaged: list[str] = field(default_factory=list)
    encoded_sentences: int = 0
    seconds: float = 0.0
    tracker: Tracker | None = field(default=None, repr=False, compare=False)


# Long: most lines describe the arguments.
def run_experiment(
    experiment: Experiment | Mapping[str, Any] | str | Path,
    *,
    results: Path | None = None,
    cards: CardCatalog | None = None,
    store: Path | None = None,
    tracker: str = DEFAULT_TRACKER,
    tracking_uri: str | None = None,
    overwrite: Overwrite = "failed",
    trust_first: bool = False,
    quiet: bool = False,
    launcher: str | None = None,
    workers: int | None = None,
    address: str | None = None,
    limit: str | int | None = None,
    models: Mapping[str, Any] | None = None,
) -> RunSummary:
    """Run every cell that has no result yet.

    Args:
        experiment: an :class:`Experiment`, its content as a mapping, a file, or the name of a
            shipped one.
        results: folder for this experiment's records; default: ``results/<name>``.
        cards: the task cards; None for those found without ``--include``.
        store: the feature store; default: the user's.
        tracker: where records are logged too, one of ``elmobench.trackers`` or ``none``.
        tracking_uri: the tracker's store or server; default: one in ``results``; ``none`` for none.
        overwrite: which recorded cells to run again: ``never``, ``failed`` ones, ``always``.
        trust_first: accept files without a known digest, and pin their digests.
        quiet: show no progress.
        launcher: where cells run: ``local``, one after another in this process; ``pool``,
            in several processes of this machine; ``ray``, on a Ray cluster. Default: ``ray`` if
            there is an ``address``, ``pool`` if ``workers`` is more than one, else ``local``.
            Results are the same to the bit.
        workers: how many cells run at a time; default for ``pool`` and ``ray``: the number of
            cores divided by the threads of a cell.
        address: of a running Ray cluster (``auto`` for the one of this machine).
        limit: a quick try on a number (``50``) or share (``"5%"``) of the examples of each split.
            Its records are marked as partial, and go to ``results/<name>-limit-50``.
        models: further models by name: catalog entries, and Python functions as
            :class:`~elmobench.Model` or :class:`~elmobench.SentenceModel` objects. Functions are
            called in this process, before any cell is trained.

    Raises:
        ElmobenchError: if anything in the experiment is wrong, before any work.
    """
    loaded = _as_experiment(experiment)
    loaded = loaded if limit is None else loaded.with_limit(limit)
    entries, functions = split_models(models or {})
    loaded = loaded.with_models(entries).with_device(resolved_device(loaded.settings.device))
    use_device(loaded.settings.device)
    new_launcher = LAUNCHERS.get(launcher or _default_launcher(workers, address))
    chosen_launcher = new_launcher(LaunchOptions(workers, address))
    start = time.perf_counter()
    context = RunContext(loaded, cards, store, trust_first, functions)
    folder = results or Path("results") / loaded.name
    summary = RunSummary(loaded, folder)
    with RunProgress(quiet) as progress:
        records = RecordStore(folder, _DamagedRecords(summary, progress))
        _clean_up(folder, context.store.root, progress)
        with progress.loading(len(loaded.tasks)) as on_task:
            plan = make_plan(context, on_task)
        # Two points of the grid may be the same cell, which runs once.
        cells = {planned.digest: planned for planned in plan}
        pending, damaged = _pending(cells.values(), records, overwrite)
        summary.skipped = len(cells) - len(pending) - damaged
        # A results folder that cannot be written is an error now, and a tracking store that cannot
        # be used is a warning now or after the first epoch, not after the first hour of work.
        records.folder.mkdir(parents=True, exist_ok=True)
        opened = summary.tracker = open_tracker(
            tracking_uri, records, loaded.name, tracker, may_wait=True
        )
        _write_plan(records, context, plan)
        if overwrite == "always":
            records.unpack()
        if pending:
            observer = RunObserver(context, records, progress, summary, opened)
            session = RunSession(context, records, observer)
            with closing(chosen_launcher):
                encode_features([job.planned for job in pending], session, chosen_launcher)
                with progress.cells(len(pending)):
                    chosen_launcher.run_cells(pending, session)
            # Of workers that were killed in this run.
            remove_leftovers(folder, deep=True)
            remove_leftovers(context.store.root, deep=True)
        summary.records = records.planned()
        if opened is not None:
            # Cells that another process trained, or that ran while the tracking store was away.
            opened.sync()
    summary.seconds = time.perf_counter() - start
    return summary


def _as_experiment(experiment: Experiment | Mapping[str, Any] | str | Path) -> Experiment:
    if isinstance(experiment, Experiment):
        return experiment
    if isinstance(experiment, str | Path):
        return load_experiment(experiment)
    return parse_experiment(dict(experiment))


def _default_launcher(workers: int | None, address: str | None) -> str:
    if address is not None:
        return "ray"
    return "pool" if (workers or 1) > 1 else "local"


class _DamagedRecords:
    """Shows the error of each damaged record once, and keeps it.

    Args:
        summary: gets the errors.
        progress: the terminal display.
    """

    def __init__(self, summary: RunSummary, progress: RunProgress) -> None:
        self._summary = summary
        self._progress = progress

    def __call__(self, error: DataError) -> None:
        if str(error) not in self._summary.damaged:
            self._summary.damaged.append(str(error))
            self._progress.handle(RunWarning(f"a cell is left out: {error}"))


def _write_plan(records: RecordStore, context: RunContext, plan: Sequence[PlannedCell]) -> None:
    """Note the experiment, its grid, and the folders of its cards in the results folder."""
    records.write_plan(
        context.experiment.model_dump(mode="json"),
        [planned.point for planned in plan],
        relative_folders(context.cards, records.folder),
    )


def _clean_up(folder: Path, store: Path, progress: RunProgress) -> None:
    """Remove what killed processes left in the results folder and in the store."""
    remove_leftovers(store, deep=True)
    removed = remove_leftovers(folder, deep=True)
    if removed:
        names = ", ".join(str(path.relative_to(folder)) for path in removed[:5])
        more = f" and {len(removed) - 5} more" if len(removed) > 5 else ""
        text = f"removed unfinished files of an interrupted run: {names}{more}"
        progress.handle(RunWarning(text))


def _pending(
    cells: Iterable[PlannedCell], records: RecordStore, overwrite: Overwrite
) -> tuple[list[PendingCell], int]:
    """The cells to run, and the number of those whose record is damaged, which are left out."""
    pending, damaged = [], 0
    for planned in cells:
        try:
            record = records.read(planned.digest)
        except DataError as error:
            # Not trained again without being asked: its result may be needed, and restored.
            damaged += 1
            assert records.on_damaged is not None
            records.on_damaged(error)
            continue
        if is_pending(record, overwrite):
            pending.append(PendingCell(planned, record))
    return pending, damaged


def is_pending(record: RunRecord | None, overwrite: str) -> bool:
    """Whether a cell with this record, or none, is to be run; see :func:`run_experiment`."""
    return (
        record is None
        or overwrite == "always"
        or (overwrite == "failed" and record.status == "failed")
    )


def encode_features(cells: Sequence[PlannedCell], session: RunSession, launcher: Launcher) -> None:
    """Let ``launcher`` encode the sentences of ``cells`` that are not in the store yet."""
    jobs: dict[tuple[Any, ...], PendingVectors] = {}
    for planned in cells:
        cell = planned.cell
        for part in cell.parts:
            if part.finetuned:
                continue  # its vectors change in training
            training_data = canonical_json(cell.options.training_data())
            key = (cell.task, cell.fold, training_data, *part.key)
            if key not in jobs:
                fingerprint = session.context.provider(part).fingerprint
                data = str(planned.identity["data"])
                jobs[key] = PendingVectors(cell, part, fingerprint, data)
    context = session.context
    for job in jobs.values():
        # Sentences that a file lacks are an error now, not after hours of encoding by other models.
        if not context.provider(job.part).any_text:
            context.provider(job.part).check_sentences(context.sentences(job.cell))
    here = [job for job in jobs.values() if context.provider(job.part).only_here]
    for job in here:
        _check_unchanged(job, session)
        encode_pending(job, session)
    launcher.encode([job for job in jobs.values() if job not in here], session)


def _check_unchanged(job: PendingVectors, session: RunSession) -> None:
    """Encode a stored sentence again: a function may have changed without a new version.

    Raises:
        ModelError: if its vectors are not those that are stored.
    """
    context = session.context
    provider, stored = context.provider(job.part), context.stored(job.part)
    sentences = context.sentences(job.cell)
    absent = set(stored.missing(sentences))
    stored_as = as_texts(sentences) if provider.per_text else sentences
    pairs = zip(sentences, stored_as, strict=True)
    known = next((s for s, key in pairs if s and key not in absent), None)
    if known is None:
        return
    before, now = stored.gather([known])[0], provider.encode([known])[0]
    # The tolerance is far above the rounding of any precision, and far below another model's.
    if np.linalg.norm(before - now) > 0.02 * np.linalg.norm(before) + 1e-4:
        raise ModelError(
            f"its vectors of {quoted(' '.join(known))} are not those that are stored for this "
            "version",
            where=f"features {job.part.name!r}",
            fix="give the function another version; if it draws random numbers, fix their seed",
        )


class RunObserver:
    """Handles a run's events: shows them, counts them, and passes records to the tracker.

    Args:
        context: of the run.
        records: where the costs of encoding are kept, in ``features.json``.
        progress: the terminal display.
        summary: its counts are updated.
        tracker: logs the cells of this run; None for no tracking.
    """

    def __init__(
        self,
        context: RunContext,
        records: RecordStore,
        progress: RunProgress,
        summary: RunSummary,
        tracker: Tracker | None,
    ) -> None:
        self._threads = context.experiment.settings.threads
        self._records = records
        self._progress = progress
        self._summary = summary
        self._tracker = tracker

    def handle(self, event: RunEvent) -> None:
        """See :class:`~elmobench.bench.events.Observer`."""
        self._progress.handle(event)
        match event:
            case EncodingProgress(_, done, total) if done < total:
                self._open_tracker()
            case EpochDone():
                self._open_tracker()
            case Encoded(job, report):
                self._count_encoding(job, report)
            case CellFinished(_, record, by_this_run):
                self._open_tracker()
                self._count_cell(record, by_this_run)

    def _open_tracker(self) -> None:
        """Open a tracker that opens slowly, now that work has begun."""
        if self._tracker is not None and not self._tracker.is_opened:
            self._tracker.open()

    def _count_encoding(self, job: PendingVectors, report: BuildReport) -> None:
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
                    "threads": self._threads,
                }
            )

    def _count_cell(self, record: RunRecord, by_this_run: bool) -> None:
        if not by_this_run:
            self._summary.skipped += 1
            return
        if record.status == "ok":
            self._summary.trained += 1
        else:
            self._summary.failed += 1
        if self._tracker is not None:
            self._tracker.log(record)
