"""``kill -9`` at random moments of a grid, at the run itself or one of its workers.

Afterwards records, predictions and store are those of an undisturbed run. The variable
``ELMOBENCH_KILLS`` sets the number of kills (1 by default; `make torture` makes many).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from elmobench.bench.run import run_experiment
from elmobench.data.cards.catalog import CardCatalog
from elmobench.features.store.feature_store import FeatureStore
from elmobench.tracking.record_store import RecordStore

KILLS = int(os.environ.get("ELMOBENCH_KILLS", "1"))


def session_processes(group: int) -> dict[int, str]:
    """The processes of a session, by id, with their command lines."""
    processes = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_text().replace("\0", " ")
            # A process that has ended and not been waited for has no command line.
            if words and os.getsid(int(folder.name)) == group:
                processes[int(folder.name)] = words
        except (OSError, ValueError):
            continue  # gone meanwhile
    return processes


def end(group: int) -> None:
    """Kill every process of the session."""
    while left := session_processes(group):
        for process in left:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)


def recorded(folder: Path) -> dict[str, bytes]:
    """Records of finished cells by file name."""
    files = {path.name: path.read_bytes() for path in (folder / "records").glob("*.json")}
    return {name: content for name, content in files.items() if b'"status": "ok"' in content}


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="finds processes in /proc")
@pytest.mark.parametrize("launcher", ["pool", "ray"])
def test_random_kills_change_no_result(
    launcher: str, cards: Path, tiny: dict, tmp_path: Path
) -> None:
    if launcher == "ray":
        pytest.importorskip("ray")
    raw = {**tiny, "seeds": [*range(1, 4 + KILLS)]}
    one = run_experiment(
        raw,
        results=tmp_path / "one",
        cards=CardCatalog([cards]),
        store=tmp_path / "s1",
        tracking_uri="none",
        quiet=True,
    )
    file = tmp_path / "tiny.yaml"
    file.write_text(yaml.safe_dump(raw))
    command = [
        *(sys.executable, "-m", "elmobench", "run", str(file), "--include", str(cards)),
        *("--results", str(tmp_path / "two"), "--store", str(tmp_path / "s2")),
        *("--tracking-uri", "none", "--launcher", launcher, "--workers", "2", "--quiet"),
    ]
    records = RecordStore(tmp_path / "two")
    rng = random.Random(7)
    kept: dict[str, bytes] = {}
    kills = 0
    while kills < KILLS and len(kept) < len(one.records):
        with (tmp_path / "log").open("a") as log:
            run = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            # Some runs are killed early, while they load or encode, most after some more cells.
            wanted = 0 if rng.random() < 0.2 else rng.randint(1, 6)
            while run.poll() is None and kills < KILLS:
                if len(recorded(records.folder)) < len(kept) + wanted:
                    time.sleep(0.02)
                    continue
                time.sleep(rng.uniform(0, 1) if wanted else rng.uniform(0.5, 6))
                workers = [
                    process
                    for process, words in session_processes(run.pid).items()
                    if "spawn_main" in words or "RemoteWorker" in words
                ]
                try:
                    os.kill(rng.choice([run.pid, *workers]), signal.SIGKILL)
                except ProcessLookupError:
                    continue
                kills += 1
                wanted += rng.randint(1, 6)
        finally:
            end(run.pid)
            run.wait()
        now = recorded(records.folder)
        # A recorded cell never runs again.
        assert {name: now.get(name) for name in kept} == kept
        kept = now
    assert kills >= min(KILLS, 3), (tmp_path / "log").read_text()
    last = subprocess.run(command, capture_output=True, text=True)
    assert last.returncode == 0, last.stderr
    by_cell = {record.cell: record for record in records.planned()}
    assert len(by_cell) == len(one.records)
    for record in one.records:
        assert record.result == by_cell[record.cell].result
    for name, content in kept.items():
        assert (tmp_path / "two" / "records" / name).read_bytes() == content
    assert FeatureStore(tmp_path / "s2").verify() == []
    print(f"{launcher}: {kills} kills, {len(kept)} of {len(one.records)} cells before the last run")
