"""The pool of processes: the same results as one process, and what happens when a worker dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from elmobench.bench.context import RunContext
from elmobench.bench.experiment.cells import Cell
from elmobench.bench.experiment.schema import parse_experiment
from elmobench.bench.launchers.base import LaunchOptions, PendingCell, PendingVectors
from elmobench.bench.launchers.local import LocalLauncher
from elmobench.bench.launchers.processes import ProcessPoolLauncher, ProcessWorker
from elmobench.bench.plan import make_plan
from elmobench.bench.run import build_features, run_experiment
from elmobench.core.errors import ElmobenchError
from elmobench.features.store.feature_store import BuildReport
from elmobench.tracking.record import RecordStore, RunRecord
from elmobench.training.trainer import Epoch


def kill_children() -> None:
    for child in multiprocessing.active_children():
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)


class Notes:
    """An observer that keeps what it is told; ``victims`` workers are killed as cells begin."""

    def __init__(self, victims: int = 0) -> None:
        self.started_cells: list[str] = []
        self.epochs = 0
        self.records: list[tuple[RunRecord, bool]] = []
        self.warnings: list[str] = []
        self.done: dict[str, int] = {}
        self.reports: list[tuple[str, int, bool]] = []
        self._victims = victims

    def started(self, cell: Cell) -> None:
        self.started_cells.append(cell.label)
        if self._victims:
            self._victims -= 1
            kill_children()

    def epoch(self, cell: Cell, epoch: Epoch) -> None:
        self.epochs += 1

    def finished(self, cell: Cell, record: RunRecord, *, here: bool) -> None:
        self.records.append((record, here))

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def encoding(self, job: PendingVectors, done: int, total: int) -> None:
        self.done[job.label] = done
        if self._victims:
            self._victims -= 1
            kill_children()

    def encoded(self, job: PendingVectors, report: BuildReport, *, last: bool) -> None:
        self.reports.append((job.label, report.encoded_sentences, last))


def prepared(
    experiment: dict, cards: Path, folder: Path
) -> tuple[list[PendingCell], RunContext, RecordStore]:
    """What the runner hands to a launcher."""
    context = RunContext(parse_experiment(experiment), [cards], folder / "store")
    records = RecordStore(folder / "results")
    plan = make_plan(context)
    build_features(context, plan, records, Notes(), LocalLauncher(LaunchOptions()))
    return [PendingCell(planned, None) for planned in plan], context, records


def test_results_are_those_of_one_process_to_the_bit(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    tiny = {**tiny, "tasks": ["ner/tiny", "sentiment/tiny"], "heads": ["linear", "small"]}
    options = {"include": [cards], "tracking_uri": "none", "quiet": True}
    one = run_experiment(tiny, results=tmp_path / "one", **options)
    two = run_experiment(tiny, results=tmp_path / "two", workers=2, **options)
    assert (two.trained, two.failed) == (8, 0)
    assert [r.cell for r in two.records] == [r.cell for r in one.records]
    for a, b in zip(one.records, two.records, strict=True):
        assert a.result is not None
        assert a.result == b.result
    again = run_experiment(tiny, results=tmp_path / "two", workers=2, **options)
    assert (again.trained, again.skipped) == (0, 8)


def test_a_killed_worker_costs_its_cell_one_more_try(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    cells, context, records = prepared({**tiny, "features": ["random"]}, cards, tmp_path)
    notes = Notes(victims=1)
    ProcessPoolLauncher(LaunchOptions(1)).run_cells(cells, context, records, notes)
    assert len(notes.started_cells) == 2
    assert [record.status for record, _ in notes.records] == ["ok"]
    assert "status -9, killed: out of memory, perhaps; once more" in notes.warnings[0]


@pytest.mark.slow
def test_a_cell_that_takes_its_workers_with_it_fails_and_the_rest_goes_on(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    cells, context, records = prepared({**tiny, "seeds": [1, 2]}, cards, tmp_path)
    notes = Notes(victims=2)
    ProcessPoolLauncher(LaunchOptions(1)).run_cells(cells, context, records, notes)
    statuses = [record.status for record, _ in notes.records]
    assert statuses == ["failed", "ok", "ok", "ok"]
    first = records.read(cells[0].planned.digest)
    assert first is not None
    assert first.error is not None
    assert "2 times" in first.error


@pytest.mark.slow
def test_a_cell_that_another_run_holds_comes_last(cards: Path, tiny: dict, tmp_path: Path) -> None:
    cells, context, records = prepared(tiny, cards, tmp_path)
    lock = FileLock(records.lock_path(cells[0].planned.lock))
    lock.acquire()

    class Releasing(Notes):
        def finished(self, cell: Cell, record: RunRecord, *, here: bool) -> None:
            super().finished(cell, record, here=here)
            lock.release()

    notes = Releasing()
    ProcessPoolLauncher(LaunchOptions(1)).run_cells(cells, context, records, notes)
    assert [r.cell for r, _ in notes.records] == [c.planned.digest for c in reversed(cells)]


@pytest.mark.slow
def test_data_that_change_during_the_run_are_noticed_by_workers(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    cells, context, records = prepared({**tiny, "features": ["random"]}, cards, tmp_path)
    train = cards / "tiny.ner.train"
    train.write_text(train.read_text().replace("Ada", "Eve"))
    notes = Notes()
    ProcessPoolLauncher(LaunchOptions(1)).run_cells(cells, context, records, notes)
    ((record, _),) = notes.records
    assert record.error is not None
    assert "changed since the run began" in record.error


@pytest.mark.slow
def test_what_ends_a_run_in_one_process_ends_it_here(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    cells, context, records = prepared({**tiny, "features": ["random"]}, cards, tmp_path)
    (records.folder / "records").mkdir(parents=True)
    record = records.record_path(cells[0].planned.digest)
    record.mkdir()  # nothing can be read or written there
    with pytest.raises(OSError):
        ProcessPoolLauncher(LaunchOptions(1)).run_cells(cells, context, records, Notes())
    assert not multiprocessing.active_children()


def test_workers_that_cannot_start_are_told(
    cards: Path, tiny: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells, context, records = prepared({**tiny, "features": ["random"]}, cards, tmp_path)
    context.args = replace(context.args, experiment=None)  # type: ignore[arg-type]
    with pytest.raises(ElmobenchError, match="ended before it was ready"):
        ProcessPoolLauncher(LaunchOptions(1)).run_cells(cells, context, records, Notes())


@pytest.mark.slow
def test_an_interrupt_stops_the_workers_and_keeps_what_is_finished(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    class Interrupted(Notes):
        def finished(self, cell: Cell, record: RunRecord, *, here: bool) -> None:
            raise KeyboardInterrupt

    cells, context, records = prepared(tiny, cards, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        ProcessPoolLauncher(LaunchOptions(2)).run_cells(cells, context, records, Interrupted())
    assert not multiprocessing.active_children()
    assert len(list(records)) >= 1


@pytest.mark.slow
def test_workers_end_when_their_parent_is_gone(cards: Path, tiny: dict, tmp_path: Path) -> None:
    _, context, records = prepared({**tiny, "features": ["random"]}, cards, tmp_path)
    worker = ProcessWorker(context.args, records.folder)
    assert worker.receive() == ("ready",)
    worker.connection.close()
    deadline = time.monotonic() + 60
    while worker.process.is_alive() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert worker.process.exitcode == 0


def test_an_unknown_launcher_is_an_error_before_any_work(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    with pytest.raises(ElmobenchError, match="unknown launcher 'pol'"):
        run_experiment(tiny, include=[cards], results=tmp_path / "r", launcher="pol", quiet=True)
    assert not (tmp_path / "r").exists()


def files_of(store: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(store)): path.read_bytes() for path in store.rglob("*.safetensors")
    }


def test_workers_share_the_encoding(cards: Path, tiny: dict, tmp_path: Path) -> None:
    raw = {**tiny, "tasks": ["ner/tiny", "sentiment/tiny"]}
    one = tmp_path / "one"
    prepared(raw, cards, one)
    context = RunContext(parse_experiment(raw), [cards], tmp_path / "two" / "store")
    records = RecordStore(tmp_path / "two" / "results")
    notes, launcher = Notes(), ProcessPoolLauncher(LaunchOptions(2))
    try:
        build_features(context, make_plan(context), records, notes, launcher)
    finally:
        launcher.close()
    assert not multiprocessing.active_children()
    # The same files as one process writes, whoever came first to which.
    assert files_of(tmp_path / "two" / "store") == files_of(one / "store")
    labels = {label for label, _, _ in notes.reports}
    assert labels == {
        f"{part} on {t}/tiny" for part in ("random", "elmo-random") for t in ("ner", "sentiment")
    }
    # Of several workers at one set the last one says so.
    for label in labels:
        assert [last for name, _, last in notes.reports if name == label][-1]
    again, launcher = Notes(), ProcessPoolLauncher(LaunchOptions(2))
    try:
        build_features(context, make_plan(context), records, again, launcher)
    finally:
        launcher.close()
    assert {encoded for _, encoded, _ in again.reports} == {0}


@pytest.mark.slow
def test_a_worker_that_dies_while_encoding_is_replaced(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    context = RunContext(parse_experiment(tiny), [cards], tmp_path / "store")
    records = RecordStore(tmp_path / "results")
    for victims, message in ((1, None), (2, "2 times")):
        notes, launcher = Notes(victims), ProcessPoolLauncher(LaunchOptions(1))
        try:
            if message is None:
                build_features(context, make_plan(context), records, notes, launcher)
                assert "once more" in notes.warnings[0]
            else:
                context.store.prune(fingerprints=[""])
                with pytest.raises(ElmobenchError, match=message):
                    build_features(context, make_plan(context), records, notes, launcher)
        finally:
            launcher.close()
    assert not multiprocessing.active_children()
