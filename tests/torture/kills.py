"""Kill runs at random moments of every phase, and start them again until they are done."""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.torture.checks import final_faults, output_faults
from tests.torture.jobs import Job
from tests.torture.operations import Action, OperationTable
from tests.torture.outcomes import Outcome
from tests.torture.processes import Ended, Session
from tests.torture.workspace import Workspace

LIMIT_SECONDS = 300.0
"""A run that takes longer hangs."""
_GONE_SECONDS = 30.0
_CHAIN = 3
_CELLS = 12
ATTEMPTS = 3
"""Moments that are tried for a kill before it counts as not reached."""
SHARES = {
    ("run", "local"): 40,
    ("run", "pool"): 56,
    ("run", "ray"): 28,
    ("pack", "local"): 6,
    ("unpack", "local"): 6,
    ("fetch", "local"): 4,
    ("pretrain-glove", "local"): 18,
    ("pretrain-bilm", "local"): 21,
    ("pretrain-bert", "local"): 21,
}
"""How kills are divided among jobs and launchers."""


@dataclass(frozen=True)
class Slot:
    """One kill to be done."""

    job: str
    launcher: str
    phase: str
    index: int

    @property
    def key(self) -> str:
        """Its name in the outcomes."""
        return f"kills {self.job} {self.launcher} {self.phase} {self.index}"


@dataclass(frozen=True)
class Reference:
    """An undisturbed run.

    Attributes:
        snapshot: what must be equal.
        counts: operations on the disk by phase.
        silent_seconds: time from the start to the first operation.
    """

    snapshot: dict[str, Any]
    counts: Mapping[str, int]
    silent_seconds: float


def slots(jobs: Mapping[str, Job], kills: int) -> list[Slot]:
    """Divide ``kills`` among jobs, launchers and phases, as :data:`SHARES` says."""
    weights = {
        (name, launcher, phase): SHARES[name, launcher] / len(job.phases)
        for name, job in jobs.items()
        for launcher in job.launchers
        if (name, launcher) in SHARES
        for phase in job.phases
    }
    total = sum(weights.values())
    exact = {key: kills * weight / total for key, weight in weights.items()}
    counts = {key: int(value) for key, value in exact.items()}
    for key in sorted(exact, key=lambda key: counts[key] - exact[key]):
        if sum(counts.values()) < kills:
            counts[key] += 1
    return [Slot(*key, i) for key, count in counts.items() for i in range(count)]


def chains(todo: Sequence[Slot], jobs: Mapping[str, Job], rng: random.Random) -> list[list[Slot]]:
    """Group slots of one job and launcher by threes, in the order of their phases, shuffled."""
    groups: dict[tuple[str, str], list[Slot]] = {}
    for slot in todo:
        groups.setdefault((slot.job, slot.launcher), []).append(slot)
    found = []
    for (name, _), group in groups.items():
        rng.shuffle(group)
        order = list(jobs[name].phases)
        for start in range(0, len(group), _CHAIN):
            chain = group[start : start + _CHAIN]
            found.append(sorted(chain, key=lambda slot: order.index(slot.phase)))
    rng.shuffle(found)
    return found


def reference_run(
    job: Job, space: Workspace, table: OperationTable, *, tracked: bool = True
) -> Reference:
    """Run ``job`` undisturbed.

    Raises:
        RuntimeError: if it fails, or something is wrong afterwards.
    """
    job.prepare(space)
    table.plan(space.root, [phase.patterns for phase in job.phases.values()])
    start = time.monotonic()
    run = Session(
        job.command(space, "local", tracked=tracked),
        space.root.with_suffix(".log"),
        {**space.environment(), **table.environment},
        space.inputs.folder,
    )
    while run.is_running and not any(table.counts):
        time.sleep(0.02)
    silent = time.monotonic() - start
    ended = run.wait(LIMIT_SECONDS)
    if ended is None or ended.status != 0:
        run.end()
        raise RuntimeError(f"{job.name} does not run: {ended.output if ended else 'it hangs'}")
    snapshot = job.snapshot(space)
    if faults := final_faults(job, space, snapshot, tracked=tracked):
        raise RuntimeError(f"{job.name}, undisturbed: {'; '.join(faults)}")
    counts = dict(zip(job.phases, table.counts, strict=False))
    return Reference(snapshot, counts, silent)


@dataclass
class _State:
    """A chain's workspace while runs are killed in it."""

    space: Workspace
    tracked: bool
    sessions: list[Session] = field(default_factory=list)
    finished: dict[str, bytes] = field(default_factory=dict)


class Killer:
    """Run chains of kills, one after another.

    Args:
        jobs: by name.
        references: by name of the job.
        table: of this killer alone.
        folder: for workspaces.
        kept: receives the workspaces of chains with faults.
        seed: of all random choices.
    """

    def __init__(
        self,
        jobs: Mapping[str, Job],
        references: Mapping[str, Reference],
        table: OperationTable,
        folder: Path,
        kept: Path,
        seed: int,
    ) -> None:
        self._jobs, self._references, self._table = jobs, references, table
        self._folder, self._kept, self._seed = folder, kept, seed

    def run(self, chain: Sequence[Slot], inputs: Workspace, attempt: int) -> Iterator[Outcome]:
        """Kill and restart one job; yield one outcome per slot.

        Slots that were not reached, because the run was done before, are yielded as such after
        the last attempt and left out before.

        Args:
            chain: of one job and launcher.
            inputs: any workspace with the inputs of the runs.
            attempt: from 0; another attempt chooses other moments.
        """
        job, launcher = self._jobs[chain[0].job], chain[0].launcher
        tracked = any(slot.phase == "tracking" for slot in chain)
        space = Workspace(self._folder / "work", inputs.inputs)
        shutil.rmtree(space.root, ignore_errors=True)
        job.prepare(space)
        state = _State(space, tracked)
        outcomes: list[Outcome] = []
        completed = False
        for slot in chain:
            if completed:
                outcomes.append(self._outcome(slot, reached=False, facts={}))
                continue
            rng = random.Random(f"{self._seed} {slot.key} {attempt}")
            outcome, completed = self._kill(job, slot, state, rng)
            outcomes.append(outcome)
        last = outcomes[0]
        for outcome in outcomes:
            last = outcome if outcome.reached else last
        if not completed:
            completed, faults = self._finish(job, launcher, state)
            last.faults.extend(faults)
        last.faults.extend(self._check(job, state, completed=completed))
        if any(outcome.faults for outcome in outcomes):
            target = self._kept / f"{chain[0].key} {self._folder.name}".replace(" ", "-")
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(self._folder, target, symlinks=True)
            last.facts["kept"] = str(target)
        shutil.rmtree(space.ray, ignore_errors=True)
        for outcome in outcomes:
            if outcome.reached or outcome.faults or attempt == ATTEMPTS - 1:
                yield outcome

    def _outcome(self, slot: Slot, *, reached: bool, facts: dict[str, Any]) -> Outcome:
        return Outcome("kills", slot.key, slot.job, slot.launcher, slot.phase, reached, [], facts)

    def _start(self, job: Job, launcher: str, state: _State) -> Session:
        space = state.space
        if launcher == "ray":
            space.ray.mkdir(exist_ok=True)
        session = Session(
            job.command(space, launcher, tracked=state.tracked),
            self._folder / f"{len(state.sessions)}.log",
            {**space.environment(), **self._table.environment},
            space.inputs.folder,
        )
        state.sessions.append(session)
        return session

    def _kill(
        self, job: Job, slot: Slot, state: _State, rng: random.Random
    ) -> tuple[Outcome, bool]:
        """Start the job and kill it; returns the outcome and whether the run completed."""
        how = self._plan(job, slot, state, rng)
        session = self._start(job, slot.launcher, state)
        self._table.lead(-session.id if how["victim"] == "all" else session.id)
        self._disturb(job, slot, session, rng, how)
        ended = session.wait(LIMIT_SECONDS)
        outcome = self._outcome(slot, reached=bool(how.get("reached")), facts=how)
        outcome.facts["where"] = self._table.where.replace(str(state.space.root), "")
        if ended is None:
            outcome.faults.append(f"hangs for {LIMIT_SECONDS:.0f} s")
            session.end()
            return outcome, False
        outcome.faults.extend(_ending_faults(ended, how))
        if ended.status != 0 and rng.random() < 0.5:
            gone = session.seconds_until_gone(_GONE_SECONDS)
            outcome.facts["processes gone after"] = None if gone is None else round(gone, 2)
        outcome.faults.extend(self._done_again(job, state))
        return outcome, ended.status == 0

    def _plan(self, job: Job, slot: Slot, state: _State, rng: random.Random) -> dict[str, Any]:
        """Choose moment, victim and signal, and prepare the table."""
        phase, reference = job.phases[slot.phase], self._references[job.name]
        (victim,) = rng.choices(
            ("main", "worker", "all"), (5, 0 if slot.launcher == "local" else 4, 1)
        )
        number = signal.SIGKILL
        if victim != "worker":  # which the main process stops in its own way
            (number,) = rng.choices((signal.SIGKILL, signal.SIGINT, signal.SIGTERM), (8, 1, 1))
        how: dict[str, Any] = {"victim": victim, "signal": number.name}
        tracks = [one.patterns for one in job.phases.values()]
        track = list(job.phases).index(slot.phase)
        if not phase.patterns:
            how["after"] = round(rng.uniform(0, reference.silent_seconds), 2)
            self._table.plan(state.space.root, tracks)
            return how
        count = max(1, reference.counts[slot.phase])
        if slot.phase in ("training", "heads", "predictions", "records") and state.finished:
            count = max(1, round(count * (1 - len(state.finished) / _CELLS)))
        how["at"] = rng.randint(1, count)
        action = Action.COUNT
        if not phase.after and rng.random() < 0.6:
            action = Action.STOP_SELF if victim == "worker" else Action.STOP_LEADER
            how["torn"] = rng.random() < 0.5
        else:
            how["after"] = round(rng.uniform(0, 0.3), 3)
        how["action"] = action.name
        self._table.plan(
            state.space.root,
            tracks,
            track=track,
            at=how["at"],
            action=action,
            number=number,
            torn=bool(how.get("torn")),
        )
        return how

    def _disturb(
        self, job: Job, slot: Slot, session: Session, rng: random.Random, how: dict[str, Any]
    ) -> None:
        """Wait for the moment, and send the signal unless the table has done it."""
        if job.phases[slot.phase].patterns:
            deadline = time.monotonic() + LIMIT_SECONDS
            while session.is_running and not self._table.fired and time.monotonic() < deadline:
                time.sleep(0.002)
            if not self._table.fired:
                return
            if how["action"] != Action.COUNT.name:
                how["reached"] = True
                if self._table.stopped == session.id:
                    how["victim"] = "main"  # which does this operation itself
                return
        time.sleep(how["after"])
        victim = session.id
        if how["victim"] == "worker":
            if workers := session.workers():
                victim = rng.choice(workers)
            else:
                how["victim"] = "main"
        if session.is_running:
            number = signal.Signals[how["signal"]]
            if how["victim"] == "all":
                how["reached"] = session.send_all(number)
            else:
                how["reached"] = session.send(victim, number)

    def _done_again(self, job: Job, state: _State) -> list[str]:
        """Finished work that is gone or was done again; then remember what is finished now."""
        now = job.finished_work(state.space)
        faults = [
            f"{'done again' if name in now else 'lost'}: {name}"
            for name, content in state.finished.items()
            if now.get(name) != content
        ]
        state.finished = now
        return faults

    def _finish(self, job: Job, launcher: str, state: _State) -> tuple[bool, list[str]]:
        """Run the job to its end; returns whether it completed, and what went wrong."""
        self._table.plan(state.space.root, [])
        session = self._start(job, launcher, state)
        ended = session.wait(LIMIT_SECONDS)
        if ended is None:
            session.end()
            return False, [f"the last run hangs for {LIMIT_SECONDS:.0f} s"]
        faults = output_faults(ended.output)
        if ended.status != 0:
            faults.append(f"the last run ends with {ended.status}: {ended.output[-500:]}")
        return ended.status == 0, faults + self._done_again(job, state)

    def _check(self, job: Job, state: _State, *, completed: bool) -> list[str]:
        """What is wrong after the last run."""
        faults = []
        for session in state.sessions:
            if session.seconds_until_gone(_GONE_SECONDS) is None:
                words = "; ".join(session.processes().values())
                faults.append(f"processes alive after {_GONE_SECONDS:.0f} s: {words[:300]}")
                session.end()
        if not completed:
            return faults
        expected = self._references[job.name].snapshot
        return faults + final_faults(job, state.space, expected, tracked=state.tracked)


_LAST_WORDS = ("model and card in", "next: elmobench", "report: /")


def _ending_faults(ended: Ended, how: Mapping[str, Any]) -> list[str]:
    """What is wrong with how a killed run ended."""
    early = "at" not in how  # perhaps before the program handles signals
    number = signal.Signals[how["signal"]]
    if not how.get("reached") or how["victim"] == "worker":
        allowed = {0}  # a worker's job is done by another one
    elif number == signal.SIGKILL or early:
        allowed = {0, 130, -number}
    elif any(words in ended.output for words in _LAST_WORDS):
        allowed = {0, 130, -number}  # Python takes handlers away while it ends
    else:
        allowed = {0, 130}
    if ended.status not in allowed:
        return [f"ends with {ended.status}: {ended.output[-300:]}", *output_faults(ended.output)]
    return [] if ended.status == -number else output_faults(ended.output)
