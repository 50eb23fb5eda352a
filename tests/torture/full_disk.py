"""Disks that are full at every write, really full small disks, and read-only folders."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from tests.torture.checks import final_faults, output_faults
from tests.torture.jobs import Job
from tests.torture.kills import LIMIT_SECONDS, Reference
from tests.torture.operations import Action, OperationTable
from tests.torture.outcomes import Outcome
from tests.torture.processes import Ended
from tests.torture.warm import WarmProcess
from tests.torture.workspace import SOURCE, Workspace

_FULL_WORDS = ("no space", "disk is full", "disk full", "no room", "cannot be written")
_READ_ONLY_WORDS = ("read-only", "permission", "cannot be written", "cannot write", "may write")
_LINES = 4
"""An error has at most this many lines: message, file, advice."""
_PAGE = 4096
WRITES = {"write": "/", "tracked write": "/", "write of MLflow": "/mlflow/"}
"""Which writes fail: all from one on, without MLflow and with it; or only those of MLflow, whose
database may be on another disk."""


class FullDisks:
    """Runs of jobs on a disk that is full at a chosen moment.

    Args:
        table: of this scenario alone.
        folder: for the workspace.
        inputs: any workspace with the inputs of the runs.
        kept: receives workspaces of runs with faults.
        namespace: whether small disks can be mounted.
    """

    def __init__(
        self,
        table: OperationTable,
        folder: Path,
        inputs: Workspace,
        kept: Path,
        *,
        namespace: bool,
    ) -> None:
        self._table, self._folder, self._kept = table, folder, kept
        self._space = Workspace(folder / "work", inputs.inputs)
        self._disk = folder / "disk"
        environment = {
            **self._space.environment(),
            **table.environment,
            "PYTHONPATH": f"{SOURCE}:{SOURCE.parent}",
        }
        self._warm = WarmProcess(environment, folder, folder / "warm.log", namespace=namespace)

    def close(self) -> None:
        """End the warm process."""
        self._warm.close()

    def points(self, job: Job, kind: str) -> int:
        """The number of writes of an undisturbed run, of a kind of :data:`WRITES`."""
        self._fresh(job)
        self._table.plan(self._space.root, [[WRITES[kind]]], writes_only=True)
        ended = self._run(job, self._space, tracked=kind != "write")
        if ended.status != 0:
            raise RuntimeError(f"{job.name} does not run: {ended.output}")
        return self._table.counts[0]

    def pages(self, job: Job) -> int:
        """Pages of four kilobytes that an undisturbed run without MLflow needs."""
        self._fresh(job)
        self._table.plan(self._space.root, [])
        self._run(job, self._space, tracked=False)
        sizes = [path.stat().st_size for path in self._space.root.rglob("*") if path.is_file()]
        return sum(-(-size // _PAGE) for size in sizes)

    def at_write(
        self, name: str, job: Job, reference: Reference, kind: str, number: int
    ) -> tuple[str, Callable[[], Outcome]]:
        """The disk is full from the given write of a kind on."""
        key = f"full {name} {kind} {number}"
        return key, partial(self._at_write, key, name, job, reference, kind, number)

    def _at_write(
        self, key: str, name: str, job: Job, reference: Reference, kind: str, number: int
    ) -> Outcome:
        self._fresh(job)
        self._table.plan(
            self._space.root,
            [[WRITES[kind]]],
            at=number,
            action=Action.FULL,
            torn=number % 2 == 1,
            writes_only=True,
        )
        tracked = kind != "write"
        ended = self._run(job, self._space, tracked=tracked)
        where = self._table.where.replace(str(self._space.root), "")
        reached = self._table.fired
        faults = _faults(ended, _FULL_WORDS, str(self._space.root)) if reached else []
        if kind == "write of MLflow" and ended.status != 0:
            faults.append("a run ends because MLflow's disk is full")
        self._table.plan(self._space.root, [])
        faults += self._resume(job, reference, ended, tracked=tracked)
        return self._outcome(key, name, kind, reached, faults, where, ended)

    def on_small_disk(
        self, name: str, job: Job, reference: Reference, pages: int
    ) -> tuple[str, Callable[[], Outcome]]:
        """The disk has room for ``pages`` pages of four kilobytes."""
        key = f"full {name} small disk {pages}"
        return key, partial(self._on_small_disk, key, name, job, reference, pages)

    def _on_small_disk(
        self, key: str, name: str, job: Job, reference: Reference, pages: int
    ) -> Outcome:
        disk = Workspace(self._disk, self._space.inputs)
        self._table.plan(self._disk, [])
        self._disk.mkdir(exist_ok=True)
        self._fresh(job)
        before = sum(-(-p.stat().st_size // _PAGE) for p in self._space.root.rglob("*"))
        size = (before + pages) * _PAGE
        self._warm.shell(f"mount -t tmpfs -o size={size} torture {self._disk}")
        try:
            self._warm.shell(f"cp -a {self._space.root}/. {self._disk}/")
            ended = self._run(job, disk, tracked=False)
            reached = ended.status != 0 or _warns(ended.output)
            faults = _faults(ended, _FULL_WORDS, str(self._disk)) if reached else []
            self._copy_out()
            finished = job.finished_work(self._space)
            self._warm.shell(f"mount -o remount,size=400m {self._disk}")
            again = self._run(job, disk, tracked=False)
            self._copy_out()
        finally:
            self._warm.shell(f"umount {self._disk}")
        faults += self._after(job, reference, finished, ended, again, tracked=False)
        return self._outcome(key, name, "small disk", reached, faults, "", ended)

    def read_only(
        self, name: str, job: Job, reference: Reference, folder: str
    ) -> tuple[str, Callable[[], Outcome]]:
        """A folder of the workspace is read-only."""
        key = f"full {name} read-only {folder}"
        return key, partial(self._read_only, key, name, job, reference, folder)

    def _read_only(
        self, key: str, name: str, job: Job, reference: Reference, folder: str
    ) -> Outcome:
        self._fresh(job)
        self._table.plan(self._space.root, [])
        path = self._space.root / folder
        path.mkdir(parents=True, exist_ok=True)
        self._warm.shell(f"mount --bind {path} {path} && mount -o remount,bind,ro {path} {path}")
        try:
            ended = self._run(job, self._space, tracked=False)
        finally:
            self._warm.shell(f"umount {path}")
        reached = ended.status != 0 or _warns(ended.output)
        faults = _faults(ended, _READ_ONLY_WORDS, str(self._space.root)) if reached else []
        faults += self._resume(job, reference, ended, tracked=False)
        return self._outcome(key, name, "read-only", reached, faults, "", ended)

    def _fresh(self, job: Job) -> None:
        shutil.rmtree(self._space.root, ignore_errors=True)
        job.prepare(self._space)

    def _copy_out(self) -> None:
        """Copy the small disk to where this process sees it."""
        shutil.rmtree(self._space.root)
        self._warm.shell(f"cp -a {self._disk} {self._space.root}")

    def _run(self, job: Job, space: Workspace, *, tracked: bool) -> Ended:
        command = job.command(space, "local", tracked=tracked)
        arguments = command[command.index("elmobench") + 1 :]
        log = self._folder / "run.log"
        environment = {
            name: value
            for name, value in space.environment().items()
            if name in ("TMPDIR", "ELMOBENCH_HOME")
        }
        return self._warm.run(arguments, environment, log, LIMIT_SECONDS)

    def _resume(self, job: Job, reference: Reference, ended: Ended, *, tracked: bool) -> list[str]:
        """Run again with room; returns what is wrong."""
        finished = job.finished_work(self._space)
        again = self._run(job, self._space, tracked=tracked)
        return self._after(job, reference, finished, ended, again, tracked=tracked)

    def _after(
        self,
        job: Job,
        reference: Reference,
        finished: dict[str, bytes],
        ended: Ended,
        again: Ended,
        *,
        tracked: bool,
    ) -> list[str]:
        """What is wrong after the run with room, ``again``."""
        faults = output_faults(again.output)
        if again.status != 0:
            return [*faults, f"with room, the run ends with {again.status}: {again.output[-400:]}"]
        now = job.finished_work(self._space)
        faults += [
            f"done again or lost: {name}" for name in finished if finished[name] != now.get(name)
        ]
        return faults + final_faults(
            job,
            self._space,
            reference.snapshot,
            tracked=tracked,
            heads_given_up="the trained head was" in ended.output,
        )

    def _outcome(
        self,
        key: str,
        job: str,
        phase: str,
        reached: bool,
        faults: list[str],
        where: str,
        ended: Ended,
    ) -> Outcome:
        facts = {"status": ended.status, "end": ended.output[-300:]}
        if where.strip():
            facts["where"] = where
        if faults:
            target = self._kept / key.replace(" ", "-").replace("/", "-")
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(self._space.root, target, symlinks=True)
            facts["kept"] = str(target)
        return Outcome("full", key, job, "local", phase, reached, faults, facts)


def sample(count: int, most: int) -> Sequence[int]:
    """The numbers from 1 to ``count``, or ``most`` of them evenly spread."""
    if count <= most:
        return range(1, count + 1)
    return sorted({round(1 + i * (count - 1) / max(1, most - 1)) for i in range(most)})


def _warns(output: str) -> bool:
    """Whether a run that completes says that something went wrong: a warning, or a line with !."""
    return "warning" in output or re.search(r"^! ", output, re.MULTILINE) is not None


def _faults(ended: Ended, words: Sequence[str], root: str) -> list[str]:
    """What is wrong with how a run on a full or read-only disk ended."""
    faults = output_faults(ended.output)
    text = ended.output.lower()
    if ended.status < 0:
        return [*faults, f"ends by signal {-ended.status}"]
    if ended.status == 0:
        if not _warns(text):
            faults.append("completes without a warning")
        return faults
    start = max(
        (match.start() for match in re.finditer("^error: ", text, re.MULTILINE)), default=-1
    )
    if start < 0:
        return [*faults, f"no error message: {ended.output[-300:]}"]
    message = ended.output[start:].strip()
    if not any(word in text[start:] for word in words):
        faults.append(f"the error does not say that the disk is full or read-only: {message[:300]}")
    if root not in message:
        faults.append(f"the error names no file: {message[:300]}")
    if len(message.splitlines()) > _LINES:
        faults.append(f"the error has {len(message.splitlines())} lines: {message[:200]}")
    return faults
