"""A tracker that opens slowly is opened when work has begun, and before anything is logged."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from elmobench.bench.events import CellFinished, CellStarted, EncodingProgress, EpochDone
from elmobench.bench.run import RunObserver
from elmobench.bench.run_cell import _Stopwatch
from elmobench.tracking import tracker as trackers
from elmobench.tracking.record_store import RecordStore
from elmobench.tracking.tracker import Tracker, TrackingError, open_tracker

THING: Any = SimpleNamespace(status="ok", cell="a" * 64)


class Recorder(Tracker):
    """Notes what it is asked to do; opening fails on request."""

    title, name, uri = "a recorder", "recorder", "memory"
    opens_slowly = True
    fails = False

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.calls: list[str] = []

    def prepare(self) -> None:
        self.calls.append("open")
        if self.fails:
            raise TrackingError("is away", where="memory")

    def known(self) -> set[tuple[str, str]]:
        return set()

    def write(self, record: Any) -> None:
        self.calls.append("write")

    def write_report(self, paths: Any) -> None:
        pass


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> type[Recorder]:
    class Own(Recorder):
        pass

    monkeypatch.setattr(trackers.TRACKERS, "get", lambda name: Own)
    return Own


def observer(tracker: Tracker | None) -> RunObserver:
    context: Any = SimpleNamespace(experiment=SimpleNamespace(settings=SimpleNamespace(threads=1)))
    silent: Any = SimpleNamespace(handle=lambda event: None)
    summary: Any = SimpleNamespace(trained=0, failed=0, skipped=0)
    return RunObserver(context, THING, silent, summary, tracker)


@pytest.mark.parametrize(
    ("events", "calls"),
    [
        ([EncodingProgress(THING, 9, 9), CellStarted(THING)], []),
        ([EncodingProgress(THING, 3, 9), EncodingProgress(THING, 6, 9)], ["open"]),
        ([CellStarted(THING), EpochDone(THING, THING), EpochDone(THING, THING)], ["open"]),
        # A head that is fitted in one pass, in a worker, has no epochs to report.
        ([CellStarted(THING), CellFinished(THING, THING, True)], ["open", "write"]),
        ([EpochDone(THING, THING), CellFinished(THING, THING, True)], ["open", "write"]),
    ],
    ids=["stored", "encoding", "epochs", "one pass", "cell"],
)
def test_opened_once_when_work_has_begun(
    registered: type[Recorder], events: list[Any], calls: list[str]
) -> None:
    tracker = open_tracker(None, RecordStore(Path()), "study", may_wait=True)
    assert isinstance(tracker, registered)
    handler = observer(tracker)
    for event in events:
        handler.handle(event)
    assert tracker.calls == calls


def test_a_store_that_is_away_is_a_warning_after_the_first_epoch(
    registered: type[Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    registered.fails = True
    handler = observer(open_tracker(None, RecordStore(Path()), "study", may_wait=True))
    handler.handle(CellStarted(THING))
    with pytest.warns(match="a recorder does not log this run at present: memory: is away"):
        handler.handle(EpochDone(THING, THING))


def test_others_are_opened_at_once(registered: type[Recorder]) -> None:
    eager = open_tracker(None, RecordStore(Path()), "study")
    assert isinstance(eager, Recorder)
    assert eager.calls == ["open"]
    registered.opens_slowly = False
    quick = open_tracker(None, RecordStore(Path()), "study", may_wait=True)
    assert isinstance(quick, Recorder)
    assert quick.calls == ["open"]
    handler = observer(quick)
    handler.handle(EpochDone(THING, THING))
    assert quick.calls == ["open"]


def test_without_a_tracker_nothing_is_opened() -> None:
    observer(None).handle(EpochDone(THING, THING))


def test_what_handles_an_epoch_is_not_the_time_of_the_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(wall=0.0, cpu=0.0)
    times = SimpleNamespace(perf_counter=lambda: clock.wall, process_time=lambda: clock.cpu)
    monkeypatch.setattr("elmobench.bench.run_cell.time", times)
    stopwatch = _Stopwatch()
    clock.wall, clock.cpu = 2.0, 1.5
    with stopwatch.paused():
        clock.wall, clock.cpu = 12.0, 9.5
    clock.wall, clock.cpu = 15.0, 10.0
    stopwatch.lap("train")
    assert (stopwatch.laps["train"], stopwatch.cpu()) == (5.0, 2.0)
