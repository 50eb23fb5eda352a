"""``python -m tests.torture``: disturb runs in every way, and check that nothing is lost.

See ``docs/reliability.md``. The outcomes are kept as JSON lines, and the same command resumes where
it was interrupted.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from tests.torture.outcomes import OutcomeFile, shortened, summary_table, write_record
from tests.torture.scenarios import Torture

SCENARIOS = ("kills", "full", "together", "damage")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scenarios; the exit status is 1 if there were faults."""
    options = _options(arguments)
    console = Console()
    out = OutcomeFile(options.out, options.seed)
    deadline = time.monotonic() + 60 * options.minutes
    with TemporaryDirectory(prefix="torture-", dir=options.scratch) as scratch:
        torture = Torture(Path(scratch), options, out, deadline, console)

        def stop(number: int, frame: object) -> None:
            console.print("stopping after the present trials; the same command resumes")
            torture.stop()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        for scenario in options.scenario or SCENARIOS:
            if not torture.is_over:
                getattr(torture, scenario)()
    console.print(summary_table(out.outcomes))
    faulty = [outcome for outcome in out.outcomes if outcome.faults]
    for outcome in faulty:
        console.print(f"{outcome.key}: {outcome.facts}", markup=False)
        for fault in outcome.faults:
            console.print(f"  {shortened(fault)}", markup=False)
    reached = sum(outcome.reached for outcome in out.outcomes)
    console.print(f"{reached} trials, {len(faulty)} with faults; outcomes in {options.out}")
    if options.record is not None:
        write_record(options.record, out.outcomes, options.seed)
    return 1 if faulty else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("scenario", nargs="*", help=f"of {', '.join(SCENARIOS)}; default: all")
    parser.add_argument("--kills", type=int, default=200, help="number of kills")
    parser.add_argument("--points", type=int, default=60, help="full disks per job and kind")
    parser.add_argument("--rounds", type=int, default=2, help="repetitions of damage, runs at once")
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
    options = parser.parse_args(arguments)
    if unknown := set(options.scenario) - set(SCENARIOS):
        parser.error(f"no scenario {', '.join(unknown)}: there are {', '.join(SCENARIOS)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
