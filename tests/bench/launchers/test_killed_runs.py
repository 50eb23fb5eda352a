"""What is left when a run is killed: no process, no lock, no temporary folder."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from filelock import FileLock, Timeout
from test_kills import end, session_processes

from elmobench.bench.launchers import ray_folder, ray_guard
from elmobench.bench.launchers.ray_folder import RayFolder

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

PATIENCE = 60.0
"""Seconds after which something that should happen at once is taken not to happen."""


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def is_running(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2][:3]
    except OSError:
        return False


PARENT = """
import multiprocessing, time
from elmobench.bench.launchers.parent_watch import EndWithParent, call_after

class Slow:  # takes long to read, as an experiment with its torch does
    def __reduce__(self):
        return time.sleep, (1000,)

if __name__ == "__main__":
    spawn = multiprocessing.get_context("spawn")
    computing = spawn.Process(target=call_after, args=(EndWithParent(), sum, range(10**12)))
    reading = spawn.Process(target=call_after, args=(EndWithParent(), Slow()))
    computing.start()
    reading.start()
    time.sleep(1)
    print(computing.pid, reading.pid, flush=True)
    time.sleep(1000)
"""


def test_a_worker_ends_with_its_parent_in_the_middle_of_anything(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    workers = [int(word) for word in parent.stdout.readline().split()]
    try:
        assert [is_running(worker) for worker in workers] == [True, True]
        parent.kill()
        assert eventually(lambda: not any(is_running(worker) for worker in workers))
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()
        for worker in workers:
            if is_running(worker):
                os.kill(worker, signal.SIGKILL)


def holding(path: Path, mode: str) -> subprocess.Popen[bytes]:
    """A process that has a file open, and has said so."""
    code = f"import sys, time; f = open(sys.argv[1], {mode!r}); print(flush=True); time.sleep(1000)"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def ignores_interrupts(process: int) -> bool:
    """Whether a process ignores SIGINT by now."""
    status = Path(f"/proc/{process}/status").read_text()
    (line,) = re.findall(r"^SigIgn:\s*(\w+)$", status, re.MULTILINE)
    return bool(int(line, 16) >> (signal.SIGINT - 1) & 1)


def test_the_guard_ends_what_writes_into_the_folder_and_nothing_else(tmp_path: Path) -> None:
    folder, other = tmp_path / "ray", tmp_path / "ray2"
    for path in (folder, other):
        path.mkdir()
        (path / "log").write_text("")
        (tmp_path / f"{path.name}{ray_guard.OWNER}").write_text("")
    guard = subprocess.Popen(
        [sys.executable, "-I", "-S", ray_guard.__file__, str(folder)], stdin=subprocess.PIPE
    )
    processes = [
        holding(folder / "log", "a"),
        holding(folder / "log", "r"),
        holding(other / "log", "a"),
    ]
    own = (folder / "log").open("a")  # as the run itself has, while it still runs
    try:
        assert set(ray_guard.writers(folder)) == {processes[0].pid}
        # On a busy machine it is still starting.
        assert eventually(lambda: ignores_interrupts(guard.pid))
        guard.send_signal(signal.SIGINT)  # Ctrl-C is for the run, which then closes the pipe
        assert guard.stdin is not None
        guard.stdin.close()
        assert guard.wait(PATIENCE) == 0
        assert processes[0].wait(PATIENCE) == -signal.SIGKILL
        assert [process.poll() for process in processes[1:]] == [None, None]
        assert not folder.exists()
        assert other.exists()
        assert [path.name for path in tmp_path.glob("*.lock")] == [f"ray2{ray_guard.OWNER}"]
    finally:
        own.close()
        for process in processes:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def test_folders_of_runs_that_have_ended_are_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    first = RayFolder()
    root = first.path.parent
    (first.path / "log").write_text("")
    second = RayFolder()
    assert first.path.exists()  # its owner lives
    second.close()
    assert not second.path.exists()
    first._guard.kill()  # as if the whole machine had been reset
    first._owner.release()
    RayFolder().close()
    assert [path.name for path in root.iterdir()] == [".lock"]
    assert ray_folder._root() == root


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("launcher", ["pool", "ray"])
def test_nothing_of_a_killed_run_is_left(
    launcher: str, cards: Path, tiny: dict, tmp_path: Path
) -> None:
    if launcher == "ray":
        pytest.importorskip("ray")
    file = tmp_path / "tiny.yaml"
    endless = {"set": {"training.epochs": 100_000, "training.patience": 100_000}}
    raw = {**tiny, "features": ["random"], "overrides": [endless]}
    file.write_text(yaml.safe_dump(raw))
    results = tmp_path / "results"
    command = [
        *(sys.executable, "-m", "elmobench", "run", str(file), "--include", str(cards)),
        *("--results", str(results), "--store", str(tmp_path / "store")),
        *("--tracking-uri", "none", "--launcher", launcher, "--workers", "1", "--quiet"),
    ]
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp") as short:
        run = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "RAY_TMPDIR": short},
        )
        try:
            eventually(lambda: bool(held(results)) or run.poll() is not None)
            assert held(results), run.communicate()[0].decode()
            os.kill(run.pid, signal.SIGKILL)
            run.wait()
            assert eventually(lambda: not session_processes(run.pid))
            # A process has no command line before its files are closed.
            assert eventually(lambda: not held(results))
            if launcher == "ray":
                root = Path(short) / f"elmobench-ray-{os.getuid()}"
                assert eventually(lambda: not [p for p in root.iterdir() if p.is_dir()])
        finally:
            end(run.pid)
            run.wait()
            assert run.stdout is not None
            run.stdout.close()


def held(results: Path) -> list[Path]:
    """The locks of cells that some process holds."""
    locks = []
    for path in (results / "locks").glob(f"{'[0-9a-f]' * 16}.lock"):
        try:
            with FileLock(path, timeout=0):
                pass
        except Timeout:
            locks.append(path)
    return locks
