"""The runner: experiment → grid → features → cells → records."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from elmobench.bench.cells import Cell, PartSettings, cell_digest, grid
from elmobench.bench.experiment import Experiment, load_experiment, parse_experiment
from elmobench.bench.launchers import LAUNCHERS, PendingCell
from elmobench.bench.progress import Advance, Progress
from elmobench.bench.workbench import Workbench
from elmobench.files import write_text
from elmobench.tracking.mlflow_log import Tracker, open_tracker
from elmobench.tracking.record import RecordStore, RunRecord
from elmobench.training.threads import torch_threads
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
    """

    experiment: Experiment
    folder: Path
    records: list[RunRecord] = field(default_factory=list)
    trained: int = 0
    skipped: int = 0
    failed: int = 0
    encoded_sentences: int = 0
    seconds: float = 0.0


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
    launcher: str = "local",
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
        launcher: where cells run.

    Raises:
        ElmobenchError: for anything wrong with the experiment, before any work.
    """
    if isinstance(experiment, str | Path):
        experiment = load_experiment(experiment)
    elif not isinstance(experiment, Experiment):
        experiment = parse_experiment(dict(experiment))
    folder = results or Path("results") / experiment.name
    start = time.perf_counter()
    bench = Workbench(experiment, include, store, trust_first)
    summary = RunSummary(experiment, folder)
    records = RecordStore(folder)
    with Progress(quiet) as progress:
        cells = resolve(bench, progress)
        records.write_plan(experiment.model_dump(mode="json"), [digest for _, digest in cells])
        pending = _pending(cells, records, overwrite)
        summary.skipped = len(cells) - len(pending)
        build_features(bench, [todo.cell for todo in pending], folder, summary, progress)
        tracker = open_tracker(tracking_uri, records, experiment.name)
        _run_cells(bench, pending, records, summary, progress, tracker, launcher)
        found = [records.read(digest) for _, digest in cells]
        summary.records = [record for record in found if record is not None]
        if tracker is not None:
            # What another process trained, or ran while the store was away.
            tracker.sync(summary.records)
    summary.seconds = time.perf_counter() - start
    return summary


def resolve(bench: Workbench, progress: Progress | None = None) -> list[tuple[Cell, str]]:
    """Every cell of the grid with its digest, after checking all that can be checked."""
    from elmobench.data.cards import get_card

    experiment = bench.experiment
    cards = {name: get_card(name, bench.include) for name in experiment.tasks}
    cells = list(grid(experiment, {card.id: card.pipeline for card in cards.values()}))
    checked: set[str] = set()
    resolved = []
    for cell in cells:
        if progress is not None and cell.task not in checked:
            progress.note(f"loading {cell.task}")
            checked.add(cell.task)
        bench.check(cell)
        resolved.append((cell, cell_digest(bench.identity(cell))))
    return resolved


def _pending(
    cells: Sequence[tuple[Cell, str]], records: RecordStore, overwrite: Overwrite
) -> list[PendingCell]:
    pending = []
    for cell, digest in cells:
        record = records.read(digest)
        if (
            record is None
            or overwrite == "always"
            or (overwrite == "failed" and record.status == "failed")
        ):
            pending.append(PendingCell(cell, digest, record))
    return pending


def build_features(
    bench: Workbench,
    cells: Sequence[Cell],
    folder: Path,
    summary: RunSummary,
    progress: Progress,
) -> None:
    """Encode what the cells need and the store lacks; note the costs in ``features.json``."""
    seen: set[tuple[Any, ...]] = set()
    for cell in cells:
        for part in cell.parts:
            key = (cell.task, cell.head, cell.options.model_dump_json(), *part.key)
            if key in seen:
                continue
            seen.add(key)
            sentences = bench.sentences(cell)
            label = f"{part.name} on {cell.task}"
            with (
                progress.task(f"encoding {label}", len(sentences)) as advance,
                torch_threads(bench.experiment.settings.threads),
            ):
                report = bench.store.build(bench.provider(part), sentences, advance)
            summary.encoded_sentences += report.encoded_sentences
            if report.encoded_sentences or report.encoded_types:
                bench.forget_stored(part)
                _note_cost(folder, cell.task, part, bench, report)


def _note_cost(folder: Path, task: str, part: PartSettings, bench: Workbench, report: Any) -> None:
    path = folder / "features.json"
    costs = json.loads(path.read_text("utf-8")) if path.exists() else []
    costs.append(
        {
            "task": task,
            "features": part.name,
            "fingerprint": bench.provider(part).fingerprint,
            "encoded_sentences": report.encoded_sentences,
            "encoded_tokens": report.encoded_tokens,
            "encoded_types": report.encoded_types,
            "seconds": round(report.seconds, 3),
            "bytes": report.bytes,
        }
    )
    write_text(path, json.dumps(costs, indent=1) + "\n")


class _Watch:
    """Passes on what the launcher tells: to the terminal, the summary and the tracker."""

    def __init__(
        self, progress: Progress, advance: Advance, summary: RunSummary, tracker: Tracker | None
    ) -> None:
        self._progress = progress
        self._advance = advance
        self._summary = summary
        self._tracker = tracker

    def started(self, cell: Cell) -> None:
        self._progress.note(cell.label)

    def epoch(self, epoch: Epoch) -> None:
        self._progress.epoch(epoch)

    def finished(self, cell: Cell, record: RunRecord, *, here: bool) -> None:
        if not here:
            self._summary.skipped += 1
            self._advance(1)
            return
        if record.status == "ok":
            self._summary.trained += 1
        else:
            self._summary.failed += 1
        self._progress.finished(cell.label, record)
        if self._tracker is not None:
            self._tracker.log(record)
        self._advance(1)


def _run_cells(
    bench: Workbench,
    pending: Sequence[PendingCell],
    records: RecordStore,
    summary: RunSummary,
    progress: Progress,
    tracker: Tracker | None,
    launcher: str,
) -> None:
    if not pending:
        return
    with progress.task("cells", len(pending)) as advance:
        watch = _Watch(progress, advance, summary, tracker)
        LAUNCHERS.get(launcher)().launch(pending, bench, records, watch)
