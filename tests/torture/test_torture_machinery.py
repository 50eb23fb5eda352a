"""The machinery itself: the chosen operation fails, or a process is killed at it."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.torture.jobs import GridJob
from tests.torture.kills import SHARES, slots
from tests.torture.operations import Action, OperationTable, compiler
from tests.torture.outcomes import Outcome, OutcomeFile, summary_rows
from tests.torture.processes import Session

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux" or compiler() is None, reason="Linux and cc"),
]

WRITES = """\
import os, sys
file = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)
for _ in range(4):
    try:
        written = os.write(file, b"12345678")
        if written < 8:
            os.write(file, b"12345678"[written:])
    except OSError as error:
        print("errno", error.errno)
"""


def run(table: OperationTable, folder: Path, **plan: Any) -> tuple[int, str, int]:
    """Run four writes of eight bytes; returns status, output and bytes written."""
    file = folder / "data" / "file"
    file.unlink(missing_ok=True)
    file.parent.mkdir(exist_ok=True)
    table.plan(folder, [["/data/"], ["/none/"]], **plan)
    session = Session(
        [sys.executable, "-c", WRITES, str(file)],
        folder / "log",
        {**os.environ, **table.environment},
        folder,
    )
    table.lead(session.id)
    ended = session.wait(60)
    assert ended is not None
    return ended.status, ended.output, file.stat().st_size if file.exists() else 0


def test_the_chosen_operation_fails_or_is_the_last(tmp_path: Path) -> None:
    table = OperationTable(tmp_path / "table")
    assert run(table, tmp_path) == (0, "", 32)
    assert table.counts[:2] == [5, 0]  # one is the creation of the file
    assert run(table, tmp_path, at=3, action=Action.STOP_SELF) == (-signal.SIGKILL, "", 8)
    assert table.where == f"write {tmp_path}/data/file"
    torn = run(table, tmp_path, at=3, action=Action.STOP_LEADER, torn=True)
    assert torn == (-signal.SIGKILL, "", 12)
    full = "errno 28\n"
    assert run(table, tmp_path, at=4, action=Action.FULL) == (0, 2 * full, 16)
    assert run(table, tmp_path, at=4, action=Action.FULL, torn=True) == (0, 2 * full, 20)
    assert run(table, tmp_path, at=4, action=Action.FULL_ONCE) == (0, full, 24)
    status, _, size = run(table, tmp_path, at=1, action=Action.FULL)
    assert (status, size) == (1, 0)
    assert run(table, tmp_path, track=1, at=1, action=Action.FULL) == (0, "", 32)
    assert not table.fired


def test_processes_are_found_by_their_session(tmp_path: Path) -> None:
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}]).wait()"
    session = Session([sys.executable, "-c", code], tmp_path / "log", os.environ, tmp_path)
    while session.is_running and len(session.processes()) < 2:
        time.sleep(0.01)
    assert not session.send(os.getpid(), 0)  # a process of another session
    session.end()
    assert session.seconds_until_gone(0) is not None
    assert session.process.returncode is not None


def test_kills_are_divided_and_outcomes_continued(tmp_path: Path) -> None:
    job = GridJob()
    divided = slots({"run": job}, 100)
    assert len(divided) == 100 == len({slot.key for slot in divided})
    assert {(slot.launcher, slot.phase) for slot in divided} == {
        (launcher, phase) for launcher in job.launchers for phase in job.phases
    }
    pool = sum(slot.launcher == "pool" for slot in divided)
    share = SHARES["run", "pool"] / sum(SHARES["run", one] for one in job.launchers)
    assert abs(pool - 100 * share) <= len(job.phases)

    path = tmp_path / "out.jsonl"
    outcomes = OutcomeFile(path, seed=1)
    outcomes.add(Outcome("kills", "a", "run", "pool", "records", reached=True))
    outcomes.add(Outcome("kills", "b", "run", "pool", "records", reached=True, faults=["lost"]))
    outcomes.add(Outcome("kills", "c", "run", "pool", "records", reached=False))
    again = OutcomeFile(path, seed=1)
    assert again.outcomes == outcomes.outcomes
    assert again.keys() == {"a", "b", "c"}
    assert OutcomeFile(path, seed=2).keys() == set()
    (row,) = summary_rows(again.outcomes)
    assert (row["trials"], row["faults"]) == (2, 1)
