"""The pool of processes: the same results as one process, and what happens when a worker dies."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from filelock import FileLock

from elmobench.bench.context import RunContext
from elmobench.bench.events import (
    CellFinished,
    CellStarted,
    Encoded,
    EncodingProgress,
    EpochDone,
    Observer,
    RunEvent,
    RunWarning,
)
from elmobench.bench.experiment.schema import parse_experiment
from elmobench.bench.jobs import Job, PendingCell
from elmobench.bench.launchers.base import LaunchOptions
from elmobench.bench.launchers.local import LocalLauncher
from elmobench.bench.launchers.processes import ProcessPoolLauncher, ProcessWorker
from elmobench.bench.launchers.worker import Message, WorkerError, WorkerReady
from elmobench.bench.launchers.worker_pool import Worker, WorkerPool
from elmobench.bench.plan import make_plan
from elmobench.bench.run import encode_features, run_experiment
from elmobench.bench.session import RunSession
from elmobench.core.errors import ConfigError, DataError, ElmobenchError
from elmobench.data.cards.catalog import CardCatalog
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore


def kill_children() -> None:
    for child in multiprocessing.active_children():
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)


class RecordingObserver:
    """An observer that keeps what happens; ``victims`` workers are killed as jobs begin."""

    def __init__(self, victims: int = 0) -> None:
        self.started: list[str] = []
        self.epochs = 0
        self.records: list[RunRecord] = []
        self.warnings: list[str] = []
        self.encoded: list[Encoded] = []
        self._victims = victims

    def handle(self, event: RunEvent) -> None:
        match event:
            case CellStarted(cell):
                self.started.append(cell.label)
                self._kill()
            case EncodingProgress():
                self._kill()
            case EpochDone():
                self.epochs += 1
            case CellFinished(_, record, _):
                self.records.append(record)
            case RunWarning(text):
                self.warnings.append(text)
            case Encoded():
                self.encoded.append(event)

    def _kill(self) -> None:
        if self._victims:
            self._victims -= 1
            kill_children()


class EventList:
    """An observer that keeps every event."""

    def __init__(self) -> None:
        self.events: list[RunEvent] = []

    def handle(self, event: RunEvent) -> None:
        self.events.append(event)


def new_session(experiment: dict, cards: Path, folder: Path, observer: Observer) -> RunSession:
    context = RunContext(parse_experiment(experiment), CardCatalog([cards]), folder / "store")
    return RunSession(context, RecordStore(folder / "results"), observer)


def prepared(
    experiment: dict, cards: Path, folder: Path, observer: Observer
) -> tuple[list[PendingCell], RunSession]:
    """The runner's arguments for a launcher, with all vectors encoded."""
    session = new_session(experiment, cards, folder, observer)
    plan = make_plan(session.context)
    encode_features(plan, replace(session, observer=RecordingObserver()), local_launcher())
    return [PendingCell(planned, None) for planned in plan], session


def local_launcher() -> LocalLauncher:
    return LocalLauncher(LaunchOptions())


@pytest.mark.slow
def test_results_are_those_of_one_process_to_the_bit(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    tiny = {**tiny, "tasks": ["ner/tiny", "sentiment/tiny"], "heads": ["small"]}
    options = {"cards": CardCatalog([cards]), "tracking_uri": "none", "quiet": True}
    one = run_experiment(tiny, results=tmp_path / "one", **options)
    two = run_experiment(tiny, results=tmp_path / "two", workers=2, **options)
    assert (two.trained, two.failed) == (4, 0)
    assert [r.cell for r in two.records] == [r.cell for r in one.records]
    for a, b in zip(one.records, two.records, strict=True):
        assert a.result is not None
        assert a.result == b.result
    again = run_experiment(tiny, results=tmp_path / "two", workers=2, **options)
    assert (again.trained, again.skipped) == (0, 4)


def process_pool(workers: int) -> ProcessPoolLauncher:
    return ProcessPoolLauncher(LaunchOptions(workers))


@pytest.mark.slow
def test_a_killed_worker_costs_its_cell_one_more_try(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    observer = RecordingObserver(victims=1)
    cells, session = prepared({**tiny, "features": ["random"]}, cards, tmp_path, observer)
    process_pool(1).run_cells(cells, session)
    assert len(observer.started) == 2
    assert [record.status for record in observer.records] == ["ok"]
    expected = "status -9 (killed, possibly out of memory); trying once more"
    assert expected in observer.warnings[0]


@pytest.mark.slow
def test_a_cell_that_crashes_two_workers_fails_and_the_others_run(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    observer = RecordingObserver(victims=2)
    cells, session = prepared({**tiny, "seeds": [1, 2]}, cards, tmp_path, observer)
    process_pool(1).run_cells(cells, session)
    assert [record.status for record in observer.records] == ["failed", "ok", "ok", "ok"]
    first = session.records.read(cells[0].planned.digest)
    assert first is not None
    assert first.error is not None
    assert "2 times" in first.error


@pytest.mark.slow
def test_a_cell_that_another_run_holds_comes_last(cards: Path, tiny: dict, tmp_path: Path) -> None:
    class Releasing(RecordingObserver):
        def handle(self, event: RunEvent) -> None:
            super().handle(event)
            if isinstance(event, CellFinished):
                lock.release()

    observer = Releasing()
    cells, session = prepared(tiny, cards, tmp_path, observer)
    lock = FileLock(session.records.lock_path(cells[0].planned.lock))
    lock.acquire()
    process_pool(1).run_cells(cells, session)
    recorded = [record.cell for record in observer.records]
    assert recorded == [cell.planned.digest for cell in reversed(cells)]


@pytest.mark.slow
def test_workers_notice_data_that_change_during_the_run(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    observer = RecordingObserver()
    cells, session = prepared({**tiny, "features": ["random"]}, cards, tmp_path, observer)
    train = cards / "tiny.ner.train"
    train.write_text(train.read_text().replace("Ada", "Eve"))
    process_pool(1).run_cells(cells, session)
    (record,) = observer.records
    assert record.error is not None
    assert "changed since the run began" in record.error


@pytest.mark.slow
def test_what_ends_a_run_in_one_process_ends_it_in_a_pool(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    raw = {**tiny, "features": ["random"]}
    cells, session = prepared(raw, cards, tmp_path, RecordingObserver())
    (session.records.folder / "records").mkdir(parents=True)
    record = session.records.record_path(cells[0].planned.digest)
    record.mkdir()  # nothing can be read or written there
    with pytest.raises(DataError, match="Is a directory"):
        process_pool(1).run_cells(cells, session)
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_workers_that_cannot_start_are_an_error(cards: Path, tiny: dict, tmp_path: Path) -> None:
    raw = {**tiny, "features": ["random"]}
    cells, session = prepared(raw, cards, tmp_path, RecordingObserver())
    broken: Any = None
    session.context.args = replace(session.context.args, experiment=broken)
    with pytest.raises(ElmobenchError, match="ended before it was ready"):
        process_pool(1).run_cells(cells, session)


@pytest.mark.slow
@pytest.mark.parametrize("kills", [1, 5])
def test_a_worker_that_is_killed_while_it_starts_is_replaced(
    kills: int, cards: Path, tiny: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells, session = prepared(
        {**tiny, "features": ["random"]}, cards, tmp_path, RecordingObserver()
    )
    started: list[ProcessWorker] = []

    def start(self: ProcessWorker, *given: Any) -> None:
        initialise(self, *given)
        started.append(self)
        if len(started) <= kills:
            self.process.kill()

    initialise = ProcessWorker.__init__
    monkeypatch.setattr(ProcessWorker, "__init__", start)
    if kills < 5:
        process_pool(1).run_cells(cells, session)
        assert len(started) == kills + 1
        assert len(list(session.records)) == len(cells)
    else:
        with pytest.raises(ElmobenchError, match=r"before it was ready.*killed"):
            process_pool(1).run_cells(cells, session)


class FailingWorker:
    """Reports an error before it is ready, as a node with another version does."""

    def __init__(self) -> None:
        self.ready = False
        self.job: Job | None = None
        self.exit_reason = "stopped"
        self.may_start_again = True

    def submit(self, job: Job, *, wait: bool) -> None:
        raise AssertionError("it is not ready")

    def receive(self) -> Message | None:
        return WorkerError(ConfigError("another version"))

    def shutdown(self) -> None:
        pass

    def stop(self) -> None:
        pass


class FailingFactory:
    fix = ""

    def start_worker(self) -> Worker:
        return FailingWorker()

    def wait_any(self, workers: Sequence[Worker]) -> Sequence[Worker]:
        return workers


def test_an_error_of_a_worker_that_has_no_job_yet_ends_the_run(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    raw = {**tiny, "features": ["random"]}
    cells, session = prepared(raw, cards, tmp_path, RecordingObserver())
    with pytest.raises(ConfigError, match="another version"):
        WorkerPool(FailingFactory(), 1, session).run_cells(cells)


@pytest.mark.slow
def test_an_interrupt_stops_the_workers_and_keeps_what_is_finished(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    class Interrupted(RecordingObserver):
        def handle(self, event: RunEvent) -> None:
            if isinstance(event, CellFinished):
                raise KeyboardInterrupt

    cells, session = prepared(tiny, cards, tmp_path, Interrupted())
    with pytest.raises(KeyboardInterrupt):
        process_pool(2).run_cells(cells, session)
    assert not multiprocessing.active_children()
    assert len(list(session.records)) >= 1


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the worker's variables from /proc")
def test_waiting_threads_of_a_worker_sleep(
    cards: Path, tiny: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    raw = {**tiny, "features": ["random"]}
    _, session = prepared(raw, cards, tmp_path, RecordingObserver())
    worker = ProcessWorker(session.context.args, session.records.folder)
    try:
        assert worker.receive() == WorkerReady()
        variables = Path(f"/proc/{worker.process.pid}/environ").read_bytes().split(b"\0")
    finally:
        worker.process.kill()
        worker.process.join()
    assert b"GOMP_SPINCOUNT=1000" in variables


@pytest.mark.slow
def test_workers_end_when_their_parent_is_gone(cards: Path, tiny: dict, tmp_path: Path) -> None:
    raw = {**tiny, "features": ["random"]}
    _, session = prepared(raw, cards, tmp_path, RecordingObserver())
    worker = ProcessWorker(session.context.args, session.records.folder)
    assert worker.receive() == WorkerReady()
    worker.connection.close()
    deadline = time.monotonic() + 60
    while worker.process.is_alive() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert worker.process.exitcode == 0


def test_an_unknown_launcher_is_an_error_before_any_work(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    with pytest.raises(ElmobenchError, match="unknown launcher 'pol'"):
        run_experiment(
            tiny, cards=CardCatalog([cards]), results=tmp_path / "r", launcher="pol", quiet=True
        )
    assert not (tmp_path / "r").exists()


def files_of(store: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(store)): path.read_bytes() for path in store.rglob("*.safetensors")
    }


def encode_all(session: RunSession, workers: int) -> None:
    launcher = process_pool(workers)
    try:
        encode_features(make_plan(session.context), session, launcher)
    finally:
        launcher.close()


@pytest.mark.slow
def test_workers_share_the_encoding(cards: Path, tiny: dict, tmp_path: Path) -> None:
    raw = {**tiny, "tasks": ["ner/tiny", "sentiment/tiny"]}
    prepared(raw, cards, tmp_path / "one", RecordingObserver())
    observer = RecordingObserver()
    session = new_session(raw, cards, tmp_path / "two", observer)
    encode_all(session, workers=2)
    assert not multiprocessing.active_children()
    # The same files as one process writes, whichever worker wrote which.
    assert files_of(tmp_path / "two" / "store") == files_of(tmp_path / "one" / "store")
    labels = {event.job.label for event in observer.encoded}
    assert labels == {
        f"{part} on {t}/tiny" for part in ("random", "elmo-random") for t in ("ner", "sentiment")
    }
    # Of several workers on one job the last one reports that it is the last.
    for label in labels:
        assert [event.last for event in observer.encoded if event.job.label == label][-1]
    again = RecordingObserver()
    encode_all(replace(session, observer=again), workers=2)
    assert {event.report.encoded_sentences for event in again.encoded} == {0}


@pytest.mark.slow
def test_a_worker_that_dies_while_encoding_is_replaced(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    observer = RecordingObserver(victims=1)
    session = new_session(tiny, cards, tmp_path, observer)
    encode_all(session, workers=1)
    assert "once more" in observer.warnings[0]
    session.context.store.prune(fingerprints=[""])
    with pytest.raises(ElmobenchError, match="2 times"):
        encode_all(replace(session, observer=RecordingObserver(victims=2)), workers=1)
    assert not multiprocessing.active_children()


def test_events_can_be_pickled(cards: Path, tiny: dict, tmp_path: Path) -> None:
    observer = EventList()
    session = new_session({**tiny, "features": ["random"]}, cards, tmp_path, observer)
    plan = make_plan(session.context)
    encode_features(plan, session, local_launcher())
    local_launcher().run_cells([PendingCell(planned, None) for planned in plan], session)
    observer.handle(RunWarning("w"))
    kinds = {type(event) for event in observer.events}
    assert kinds == set(get_args(RunEvent))
    for event in observer.events:
        assert pickle.loads(pickle.dumps(event)) == event  # noqa: S301
