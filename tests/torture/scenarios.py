"""The scenarios of ``python -m tests.torture``, and what they share."""

from __future__ import annotations

import argparse
import random
import shutil
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, Queue
from tempfile import mkdtemp

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from tests.torture import together
from tests.torture.damage import CASES, MODES, Damage
from tests.torture.fetch_job import FetchJob
from tests.torture.full_disk import WRITES, FullDisks, sample
from tests.torture.jobs import BertJob, BilmJob, GloveJob, GridJob, Job, PackJob, UnpackJob
from tests.torture.kills import (
    ATTEMPTS,
    LIMIT_SECONDS,
    Killer,
    Reference,
    Slot,
    chains,
    reference_run,
    slots,
)
from tests.torture.operations import Action, OperationTable
from tests.torture.outcomes import Outcome, OutcomeFile, shortened
from tests.torture.processes import Session
from tests.torture.warm import can_mount
from tests.torture.workspace import Inputs, Workspace

_ON_FULL_DISKS = (
    "small run",
    "pretrain-glove",
    "pretrain-bilm",
    "pretrain-bert",
    "pack",
    "unpack",
    "fetch",
)
_READ_ONLY = {
    "small run": ("results", "store", "home", "tmp"),
    "pretrain": ("model", "home"),
    "fetch": ("home",),
}
Trial = tuple[str, Callable[[], Outcome]]
"""A trial that is not a kill: its key, and what runs it."""


class Torture:
    """The scenarios and what they share.

    Args:
        scratch: for all workspaces.
        options: of the command line.
        out: receives outcomes.
        deadline: no new trial begins after it.
        console: for messages.
    """

    def __init__(
        self,
        scratch: Path,
        options: argparse.Namespace,
        out: OutcomeFile,
        deadline: float,
        console: Console,
    ) -> None:
        self._scratch, self._options, self._out = scratch, options, out
        self._deadline, self._console = deadline, console
        self._stopping = False
        self._inputs = Inputs(scratch / "inputs")
        self._inputs.write()
        self._references: dict[str, Reference] = {}
        finished = self._space("run")
        self._jobs: dict[str, Job] = {
            "run": GridJob(),
            "small run": GridJob(seeds=[1]),
            "pack": PackJob(finished),
            "unpack": UnpackJob(finished),
            "fetch": FetchJob(),
            "pretrain-glove": GloveJob(),
            "pretrain-bilm": BilmJob(),
            "pretrain-bert": BertJob(),
        }

    def stop(self) -> None:
        """Begin no further trial."""
        self._stopping = True

    @property
    def is_over(self) -> bool:
        """Whether no further trial begins."""
        return self._stopping or time.monotonic() > self._deadline

    def _space(self, name: str) -> Workspace:
        """The workspace of the undisturbed run of a job."""
        folder = self._scratch / "reference" / name.replace(" ", "-")
        return Workspace(folder, self._inputs)

    def _reference(self, names: Iterable[str]) -> None:
        """Run the jobs undisturbed that were not yet."""
        table = OperationTable(self._scratch / "table")
        needed = dict.fromkeys(names)
        if {"pack", "unpack"} & needed.keys():
            needed = {"run": None, **needed}
        with self._console.status("undisturbed runs") as status:
            for name in needed:
                if name in self._references:
                    continue
                status.update(f"undisturbed: {name}")
                self._references[name] = reference_run(self._jobs[name], self._space(name), table)
                if name == "pretrain-bert":
                    subwords = self._space(name).model / "checkpoints" / "wordpiece.json"
                    shutil.copyfile(subwords, self._inputs.folder / subwords.name)

    def _chosen(self, job: str, launcher: str, phase: str) -> bool:
        wanted = self._options
        return (
            job in (wanted.job or [job])
            and launcher in (wanted.launcher or [launcher])
            and phase in (wanted.phase or [phase])
        )

    def _bars(self) -> Progress:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        return Progress(*columns, TimeElapsedColumn(), console=self._console)

    def _add(self, outcome: Outcome) -> None:
        self._out.add(outcome)
        for fault in outcome.faults:
            self._console.print(f"{outcome.key}: {shortened(fault)}", markup=False)

    def kills(self) -> None:
        """Kill runs; see :mod:`tests.torture.kills`."""
        done = self._out.keys()
        todo = [
            slot
            for slot in slots(self._jobs, self._options.kills)
            if slot.key not in done and self._chosen(slot.job, slot.launcher, slot.phase)
        ]
        self._reference(slot.job for slot in todo)
        for attempt in range(ATTEMPTS):
            done = self._out.keys()
            left = [slot for slot in todo if slot.key not in done]
            rng = random.Random(f"{self._options.seed} {attempt}")
            self._run_chains(chains(left, self._jobs, rng), attempt)

    def _run_chains(self, todo: list[list[Slot]], attempt: int) -> None:
        queue: Queue[list[Slot]] = Queue()
        for chain in todo:
            queue.put(chain)
        with self._bars() as bars:
            bar = bars.add_task("kills", total=sum(map(len, todo)))

            def lane(number: int) -> None:
                folder = self._scratch / f"lane{number}"
                folder.mkdir(exist_ok=True)
                table = OperationTable(folder / "table")
                killer = Killer(
                    self._jobs,
                    self._references,
                    table,
                    folder,
                    self._options.kept,
                    self._options.seed,
                )
                while not self.is_over:
                    try:
                        chain = queue.get_nowait()
                    except Empty:
                        return
                    for outcome in killer.run(chain, self._space("run"), attempt):
                        self._add(outcome)
                    bars.advance(bar, len(chain))

            with ThreadPoolExecutor(self._options.lanes) as pool:
                for done in [pool.submit(lane, i) for i in range(self._options.lanes)]:
                    done.result()

    def full(self) -> None:
        """Fill the disk at every write; see :mod:`tests.torture.full_disk`."""
        jobs = [name for name in _ON_FULL_DISKS if self._chosen(name, "local", name)]
        if not jobs:
            return
        self._reference(jobs)
        folder = Path(mkdtemp(prefix="full-", dir=self._scratch))
        table = OperationTable(folder / "table")
        mounts = can_mount()
        if not mounts:
            self._console.print(
                "no tmpfs can be mounted here: small and read-only disks are left out"
            )
        disks = FullDisks(table, folder, self._space("run"), self._options.kept, namespace=mounts)
        try:
            for name in jobs:
                self._run_trials(f"full disk: {name}", self._full_trials(disks, name, mounts))
        finally:
            disks.close()

    def _full_trials(self, disks: FullDisks, name: str, mounts: bool) -> list[Trial]:
        job, reference, most = self._jobs[name], self._references[name], self._options.points
        trials: list[Trial] = []
        for kind in WRITES:
            if kind == "write" or name not in ("pack", "unpack", "fetch"):
                for number in sample(disks.points(job, kind), most):
                    trials.append(disks.at_write(name, job, reference, kind, number))
        if mounts:
            pages = disks.pages(job)
            for number in sample(pages, most // 3):
                trials.append(disks.on_small_disk(name, job, reference, number))
            kind = "pretrain" if name.startswith("pretrain") else name
            for folder in _READ_ONLY.get(kind, ()):
                trials.append(disks.read_only(name, job, reference, folder))
        return trials

    def together(self) -> None:
        """Start several runs at once; see :mod:`tests.torture.together`."""
        cases = [case for case in together.CASES if self._chosen(case[0], case[1][0], case[0])]
        self._reference(name for name, _ in cases)
        folder = Path(mkdtemp(prefix="together-", dir=self._scratch))

        def trial(name: str, launchers: tuple[str, ...], number: int) -> Callable[[], Outcome]:
            return lambda: together.run_together(
                self._jobs[name],
                launchers,
                number,
                self._references[name],
                self._space("run"),
                folder,
                self._options.kept,
            )

        self._run_trials(
            "runs at once",
            [
                (together.key(name, launchers, number), trial(name, launchers, number))
                for number in range(self._options.rounds)
                for name, launchers in cases
            ],
        )

    def damage(self) -> None:
        """Damage files between runs; see :mod:`tests.torture.damage`."""
        cases = [case for case in CASES if self._chosen(case.job, "local", case.name)]
        if not cases:
            return
        self._reference(case.job for case in cases)
        states = {(case.job, case.state): self._state(case.job, case.state) for case in cases}
        folder = Path(mkdtemp(prefix="damage-", dir=self._scratch))
        damage = Damage(
            self._jobs,
            self._references,
            states,
            folder,
            self._options.kept,
            self._options.seed,
        )
        trials: list[Trial] = [
            damage.trial(case, mode, number)
            for number in range(self._options.rounds)
            for case in cases
            for mode in MODES
        ]
        try:
            self._run_trials("damaged files", trials)
        finally:
            damage.close()

    def _state(self, name: str, state: str) -> Workspace:
        """A workspace to damage: finished, or in the middle of a run."""
        job = self._jobs[name]
        if state == "finished":
            return self._space(name)
        space = Workspace(
            self._scratch / "states" / f"{name}-{state}".replace(" ", "-"), self._inputs
        )
        if space.root.exists():
            return space
        if state == "packed":
            job.prepare(space)
        elif state == "without records":
            space.copy_of(self._space(name))
            shutil.rmtree(space.results)
        elif state == "encoded":
            space.copy_of(self._space(name))
            shutil.rmtree(space.model)
        else:
            self._stop_at_checkpoint(job, space)
        return space

    def _stop_at_checkpoint(self, job: Job, space: Workspace) -> None:
        """Leave a training that was killed in the middle, with two checkpoints."""
        job.prepare(space)
        table = OperationTable(self._scratch / "state-table")
        table.plan(space.root, [["/log.jsonl"]], at=7, action=Action.STOP_SELF)
        command = job.command(space, "local")
        log = self._scratch / "state.log"
        environment = {**space.environment(), **table.environment}
        Session(command, log, environment, self._inputs.folder).wait(LIMIT_SECONDS)

    def _run_trials(self, title: str, trials: Iterable[Trial]) -> None:
        """Run the trials that are not done yet, one after another."""
        done = self._out.keys()
        todo = [trial for trial in trials if trial[0] not in done]
        with self._bars() as bars:
            for _, run in bars.track(todo, description=title):
                if self.is_over:
                    return
                self._add(run())
