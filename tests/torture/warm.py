"""A process that has loaded the program and forks for each run, to save the seconds of loading.

Full disks and damaged files need hundreds of runs, and loading takes most of the time of each. A
forked run does all of its own work, from the command line on; only the modules are loaded before.
Kills use fresh processes instead (:mod:`tests.torture.kills`).

The warm process may live in a mount namespace of its own, where it is root: then a small tmpfs can
be the disk of its runs, and folders can be read-only for it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.torture.processes import Ended

_MODULES = (
    "elmobench.cli.main",
    "elmobench.cli.pretrain.training",
    "elmobench.analysis.report.report",
    "elmobench.analysis.report.terminal",
    "elmobench.analysis.report.write",
    "elmobench.bench.launchers.local",
    "elmobench.bench.launchers.processes",
    "elmobench.bench.predict",
    "elmobench.bench.run",
    "elmobench.features.elmo.provider",
    "elmobench.features.static.provider",
    "elmobench.pretraining.bert.train",
    "elmobench.pretraining.bilm.train",
    "elmobench.pretraining.glove.train",
    "elmobench.pretraining.runs",
    "elmobench.tracking.mlflow_log",
    "elmobench.tracking.packing",
    "mlflow",
)
NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")
"""Starts a program that is root in namespaces of users and mounts of its own."""


def can_mount() -> bool:
    """Whether this machine lets a user mount a tmpfs in a namespace."""
    command = [*NAMESPACE, "mount", "-t", "tmpfs", "-o", "size=64k", "torture", "/mnt"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


class WarmProcess:
    """The warm process, as seen by the program that controls it.

    Args:
        environment: of the process; its runs may have further variables.
        folder: where it starts.
        log: receives what it prints itself.
        namespace: whether it has a mount namespace of its own.
    """

    def __init__(
        self, environment: Mapping[str, str], folder: Path, log: Path, *, namespace: bool = False
    ) -> None:
        with log.open("wb") as stream:
            self._process = subprocess.Popen(
                [*(NAMESPACE if namespace else ()), sys.executable, "-m", "tests.torture.warm"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
                env=dict(environment),
                cwd=folder,
                start_new_session=True,  # Ctrl-C ends the trial first
            )

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], log: Path, limit: float
    ) -> Ended:
        """Run ``elmobench`` with these arguments.

        Args:
            arguments: without the program.
            environment: variables to set.
            log: receives standard output and errors.
            limit: seconds after which the run is killed; its status is then that of SIGKILL.
        """
        start = time.monotonic()
        status = self._ask(
            {
                "arguments": list(arguments),
                "environment": dict(environment),
                "log": str(log),
                "limit": limit,
            }
        )
        output = log.read_text("utf-8", errors="replace")
        return Ended(status, output, time.monotonic() - start)

    def shell(self, command: str) -> None:
        """Run a shell command where the process is. Raises RuntimeError if it fails."""
        if status := self._ask({"shell": command}):
            raise RuntimeError(f"{command!r} ends with {status}")

    def _ask(self, request: Mapping[str, Any]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the warm process ended with {self._process.wait()}")
        return int(answer)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


def _serve() -> None:
    """Answer requests from standard input until it ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what modules print while they are loaded
    for name in _MODULES:
        import_module(name)
    for line in sys.stdin:
        request = json.loads(line)
        if "shell" in request:
            status = subprocess.run(request["shell"], shell=True, check=False).returncode
        else:
            status = _fork(request)
        answers.write(f"{status}\n")
        answers.flush()


def _fork(request: Mapping[str, Any]) -> int:
    """Run in a child; returns its exit status, negative for a signal."""
    child = os.fork()
    if child == 0:
        _run(request)
    deadline = time.monotonic() + request["limit"]
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.killpg(child, signal.SIGKILL)
            deadline += 60
        time.sleep(0.005)


def _run(request: Mapping[str, Any]) -> None:
    """Be a run of the program; does not return."""
    os.setsid()
    os.environ.update(request["environment"])
    tempfile.tempdir = None  # it depends on the environment
    log = os.open(request["log"], os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o666)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    sys.argv = ["elmobench", *request["arguments"]]
    status = 1
    try:
        from elmobench.cli.main import run

        run()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        if sys.exc_info()[0] is not None:
            traceback.print_exc()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)


if __name__ == "__main__":
    _serve()
