"""``python -m tests.torture``: disturb runs in every way, and check that nothing is lost.

See ``docs/reliability.md``. The outcomes are kept as JSON lines, and the same command resumes where
it was interrupted.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, Queue
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.progress import Progress
from tests.torture.jobs import BertJob, BilmJob, GloveJob, GridJob, Job, PackJob, UnpackJob
from tests.torture.kills import Killer, Reference, Slot, chains, reference_run, slots
from tests.torture.operations import OperationTable
from tests.torture.outcomes import Outcome, OutcomeFile, summary_table, write_record
from tests.torture.workspace import Inputs, Workspace

SCENARIOS = ("kills",)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scenarios; the exit status is 1 if there were faults."""
    options = _options(arguments)
    console = Console()
    out = OutcomeFile(options.out, options.seed)
    deadline = time.monotonic() + 60 * options.minutes
    with TemporaryDirectory(prefix="torture-", dir=options.scratch) as scratch:
        torture = _Torture(Path(scratch), options, out, deadline, console)
        for scenario in options.scenario or SCENARIOS:
            getattr(torture, scenario)()
    console.print(summary_table(out.outcomes))
    faulty = [outcome for outcome in out.outcomes if outcome.faults]
    for outcome in faulty:
        console.print(f"{outcome.key}: {outcome.facts}", markup=False)
        for fault in outcome.faults:
            console.print(f"  {fault}", markup=False)
    reached = sum(outcome.reached for outcome in out.outcomes)
    console.print(f"{reached} trials, {len(faulty)} with faults; outcomes in {options.out}")
    if options.record is not None:
        write_record(options.record, out.outcomes, options.seed)
    return 1 if faulty else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("scenario", nargs="*", choices=[[], *SCENARIOS], help="default: all")
    parser.add_argument("--kills", type=int, default=200, help="number of kills")
    parser.add_argument("--seed", type=int, default=1, help="of all random choices")
    parser.add_argument("--launcher", action="append", help="only this one; repeatable")
    parser.add_argument("--job", action="append", help="only this one; repeatable")
    parser.add_argument("--phase", action="append", help="only this one; repeatable")
    parser.add_argument("--minutes", type=float, default=600, help="stop after this time")
    parser.add_argument("--lanes", type=int, default=2, help="how many runs at a time")
    parser.add_argument("--out", type=Path, default=Path("build/torture.jsonl"), help="outcomes")
    parser.add_argument("--kept", type=Path, default=Path("build/torture"), help="of failures")
    parser.add_argument("--scratch", type=Path, default=None, help="folder for workspaces")
    parser.add_argument("--record", type=Path, default=None, help="write a summary to commit")
    return parser.parse_args(arguments)


class _Torture:
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
        self._inputs = Inputs(scratch / "inputs")
        self._inputs.write()
        self._references: dict[str, Reference] = {}
        finished = self._space("run")
        self._jobs: dict[str, Job] = {
            job.name: job
            for job in (
                GridJob(),
                PackJob(finished),
                UnpackJob(finished),
                GloveJob(),
                BilmJob(),
                BertJob(),
            )
        }

    def _space(self, name: str) -> Workspace:
        return Workspace(self._scratch / "reference" / name, self._inputs)

    def _reference(self, names: Iterable[str]) -> None:
        """Run the jobs undisturbed that were not yet."""
        table = OperationTable(self._scratch / "table")
        needed = dict.fromkeys(names)
        if {"pack", "unpack"} & needed.keys():
            needed = {"run": None, **needed}
        with self._console.status("undisturbed runs"):
            for name in needed:
                if name not in self._references:
                    job = self._jobs[name]
                    self._references[name] = reference_run(job, self._space(name), table)
                    subwords = self._space(name).model / "checkpoints" / "wordpiece.json"
                    if name == "pretrain-bert":
                        (self._inputs.folder / subwords.name).write_bytes(subwords.read_bytes())

    def kills(self) -> None:
        """Kill runs; see :mod:`tests.torture.kills`."""
        done = self._out.keys()
        todo = [
            slot
            for slot in slots(self._jobs, self._options.kills)
            if slot.key not in done and self._chosen(slot.job, slot.launcher, slot.phase)
        ]
        if not todo:
            return
        self._reference(slot.job for slot in todo)
        for attempt in range(3):
            done = self._out.keys()
            left = [slot for slot in todo if slot.key not in done]
            rng = random.Random(f"{self._options.seed} {attempt}")
            self._run_chains(chains(left, self._jobs, rng), attempt)

    def _chosen(self, job: str, launcher: str, phase: str) -> bool:
        wanted = self._options
        return (
            job in (wanted.job or [job])
            and launcher in (wanted.launcher or [launcher])
            and phase in (wanted.phase or [phase])
        )

    def _run_chains(self, todo: list[list[Slot]], attempt: int) -> None:
        queue: Queue[list[Slot]] = Queue()
        for chain in todo:
            queue.put(chain)
        with Progress(console=self._console) as bars:
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
                while time.monotonic() < self._deadline:
                    try:
                        chain = queue.get_nowait()
                    except Empty:
                        return
                    for outcome in killer.run(chain, self._space("run"), attempt):
                        self._out.add(outcome)
                        self._show(outcome, bars)
                    bars.advance(bar, len(chain))

            with ThreadPoolExecutor(self._options.lanes) as pool:
                for done in [pool.submit(lane, i) for i in range(self._options.lanes)]:
                    done.result()

    def _show(self, outcome: Outcome, bars: Progress) -> None:
        for fault in outcome.faults:
            bars.console.print(f"{outcome.key}: {fault}", markup=False)


if __name__ == "__main__":
    sys.exit(main())
