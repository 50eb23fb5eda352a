"""Ray: the same results as one process, on two nodes of which one is killed."""

from __future__ import annotations

import re
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import elmobench
from elmobench.bench.context import RunContext
from elmobench.bench.events import (
    CellFinished,
    CellStarted,
    Encoded,
    EncodingProgress,
    RunEvent,
    RunWarning,
)
from elmobench.bench.experiment.schema import parse_experiment
from elmobench.bench.jobs import PendingCell
from elmobench.bench.launchers.base import LaunchOptions
from elmobench.bench.launchers.local import LocalLauncher
from elmobench.bench.launchers.ray_cluster import RayLauncher, RemoteWorker
from elmobench.bench.launchers.worker import WorkerError
from elmobench.bench.plan import make_plan
from elmobench.bench.run import encode_features, run_experiment
from elmobench.bench.session import RunSession
from elmobench.core.errors import ConfigError, ElmobenchError
from elmobench.data.cards.catalog import CardCatalog
from elmobench.features.store.feature_store import FeatureStore
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore

pytest.importorskip("ray")

OPTIONS: dict[str, Any] = {"tracking_uri": "none", "quiet": True}


class RecordingObserver:
    """An observer that counts, and calls ``on_first`` when the first cell starts."""

    def __init__(self, on_first: Any = None) -> None:
        self.started: Counter[str] = Counter()
        self.records: list[RunRecord] = []
        self.warnings: list[str] = []
        self.encoded_sentences = 0
        self._on_first = on_first

    def handle(self, event: RunEvent) -> None:
        match event:
            case EncodingProgress(_, done, total):
                assert done <= total
            case Encoded(_, report):
                self.encoded_sentences += report.encoded_sentences
            case CellStarted(cell):
                self.started[cell.label] += 1
                if self._on_first is not None:
                    act, self._on_first = self._on_first, None
                    act()
            case CellFinished(_, record, _):
                self.records.append(record)
            case RunWarning(text):
                self.warnings.append(text)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Three nodes of this machine: a head without cores for cells, and two with one core each."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster

    size = {"object_store_memory": 80 << 20, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **size})
    try:
        for _ in range(2):
            made.add_node(num_cpus=1, object_store_memory=80 << 20)
        yield made
    finally:
        made.shutdown()


@pytest.mark.nightly
@pytest.mark.timeout(300)
def test_two_nodes_give_the_results_of_one_process_though_one_is_killed(
    cluster: Any, cards: Path, tiny: dict, tmp_path: Path
) -> None:
    raw = {**tiny, "tasks": ["ner/tiny", "sentiment/tiny"], "seeds": [1, 2]}
    one = run_experiment(
        raw, results=tmp_path / "one", cards=CardCatalog([cards]), store=tmp_path / "s1", **OPTIONS
    )

    context = RunContext(parse_experiment(raw), CardCatalog([cards]), tmp_path / "s2")
    records = RecordStore(tmp_path / "two")
    plan = make_plan(context)
    victim = next(node for node in cluster.list_all_nodes() if not node.is_head())
    observer = RecordingObserver(lambda: cluster.remove_node(victim, allow_graceful=False))
    launcher = RayLauncher(LaunchOptions(address=cluster.address))
    session = RunSession(context, records, observer)
    encode_features(plan, session, launcher)
    assert observer.encoded_sentences == one.encoded_sentences
    launcher.run_cells([PendingCell(planned, None) for planned in plan], session)

    assert any("its worker ended" in text and "once more" in text for text in observer.warnings)
    by_cell = {record.cell: record for record in records}
    assert len(by_cell) == len(one.records) == 8
    for record in one.records:
        assert record.result == by_cell[record.cell].result
    # What was at work on the dead node began twice; nothing that was recorded ran again.
    again = [label for label, times in observer.started.items() if times > 1]
    assert len(again) <= 1
    assert Counter(record.cell for record in observer.records).most_common(1)[0][1] == 1
    assert FeatureStore(tmp_path / "s2").verify() == []
    assert not list((tmp_path / "two").glob(".*seen-by-all*"))


@pytest.mark.nightly
@pytest.mark.timeout(300)
def test_a_cell_that_crashes_two_workers_on_a_local_cluster(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    import ray

    context = RunContext(
        parse_experiment({**tiny, "seeds": [1, 2]}), CardCatalog([cards]), tmp_path / "s"
    )
    records = RecordStore(tmp_path / "r")
    plan = make_plan(context)
    session = RunSession(context, records, RecordingObserver())
    encode_features(plan, session, LocalLauncher(LaunchOptions()))
    first = plan[0].cell.label

    class StoppingWorkers(RecordingObserver):
        def handle(self, event: RunEvent) -> None:
            super().handle(event)
            if isinstance(event, CellStarted) and event.cell.label == first:
                pool = launcher._pool
                assert pool is not None
                for worker in pool._workers:
                    worker.stop()

    launcher = RayLauncher(LaunchOptions(workers=1))
    observer = StoppingWorkers()
    launcher.run_cells(
        [PendingCell(planned, None) for planned in plan], replace(session, observer=observer)
    )
    statuses = {record.cell: record.status for record in observer.records}
    assert statuses.pop(plan[0].digest) == "failed"
    assert set(statuses.values()) == {"ok"}
    assert len(statuses) == 3
    failed = records.read(plan[0].digest)
    assert failed is not None
    assert "2 times" in (failed.error or "")
    assert not ray.is_initialized()


def test_a_node_that_shares_no_folder_or_has_another_version_says_so(tmp_path: Path) -> None:
    args: Any = ("never", "looked", "at", False)
    worker = RemoteWorker("w", None)
    message = worker.start("0.0.0", args, tmp_path, [])
    assert isinstance(message, WorkerError)
    assert "the run 0.0.0" in str(message.error)
    message = worker.start(elmobench.__version__, args, tmp_path, [tmp_path / "elsewhere" / "mark"])
    assert isinstance(message, WorkerError)
    assert isinstance(message.error, ConfigError)
    assert str(tmp_path / "elsewhere") in str(message.error)
    assert "all nodes share" in str(message.error)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.0.0.1:1", "no Ray cluster answers"),
        ("ray://127.0.0.1:10001", "HOST:PORT"),
        ("somewhere", "HOST:PORT"),
    ],
)
def test_no_cluster_is_an_error_before_any_work(
    address: str, message: str, cards: Path, tiny: dict, tmp_path: Path
) -> None:
    with pytest.raises(ElmobenchError, match=message):
        run_experiment(
            tiny, cards=CardCatalog([cards]), results=tmp_path / "r", address=address, **OPTIONS
        )
    assert not (tmp_path / "r").exists()


def caught() -> set[int]:
    """The signals that this process handles, of which Python itself does not know."""
    (line,) = re.findall(r"^SigCgt:\s*(\w+)$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return {number for number in range(1, 65) if int(line, 16) >> (number - 1) & 1}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_lost_cluster_is_one_error_and_the_next_run_goes_on(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    import ray

    context = RunContext(
        parse_experiment({**tiny, "seeds": [1, 2]}), CardCatalog([cards]), tmp_path / "s"
    )
    records = RecordStore(tmp_path / "r")
    cells = [PendingCell(planned, None) for planned in make_plan(context)]
    launcher = RayLauncher(LaunchOptions(workers=1))
    previous = signal.signal(signal.SIGTERM, lambda number, frame: None)
    # Ends every actor whose owner was on the driver's node, as Ray does when that node is lost.
    # A shell makes what it puts into the background ignore SIGINT.
    handled = {signal.SIGINT, signal.SIGTERM} & caught()
    handlers = [signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)]
    during: list[Any] = []

    def lose_cluster() -> None:
        during.extend([signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)])
        ray.kill(launcher._factory._mailbox)

    observer = RecordingObserver(lose_cluster)
    session = RunSession(context, records, observer)
    encode_features([cell.planned for cell in cells], session, LocalLauncher(LaunchOptions()))
    with pytest.raises(ElmobenchError, match="cluster of this run was lost"):
        launcher.run_cells(cells, session)
    assert during == handlers  # Ray would replace them
    launcher.close()
    try:
        # Ray gives SIGTERM back to the system, which Python does not notice.
        assert signal.SIGTERM in handled <= caught()
    finally:
        signal.signal(signal.SIGTERM, previous)
    kept = {record.cell for record in records}
    again = RunSession(context, records, RecordingObserver())
    LocalLauncher(LaunchOptions()).run_cells(
        [cell for cell in cells if cell.planned.digest not in kept], again
    )
    assert len(list(records)) == len(cells)


def test_a_node_that_does_not_start_in_time_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    def late(**settings: Any) -> None:
        raise Exception("The current node timed out during startup.")

    monkeypatch.setattr(ray, "init", late)
    launcher = RayLauncher(LaunchOptions(workers=1))
    with pytest.raises(ElmobenchError, match=r"did not start: .*timed out(.|\n)*--launcher pool"):
        launcher._connect()
    launcher.close()
