"""``python -m tests.fuzz``: read mutated inputs of every kind, and list the faults.

A fault is an exception that is not the project's own, more than ten seconds, a signal, more than
two gigabytes of memory, or damage in a file that the project wrote and that went unnoticed. An
input is drawn from the seed, its kind and its number: ``--kind NAME --only NUMBER`` repeats one.

With ``--self-check``, the checks of the product are switched off one by one instead, and a fault is
a check whose absence no input shows.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import sys
import tempfile
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    track,
)
from rich.table import Table
from tests.fuzz.checks import CHECKS
from tests.fuzz.kind import Kind, all_kinds
from tests.fuzz.self_check import self_check
from tests.fuzz.worker import Outcome, run_kind

import elmobench


def main(arguments: list[str] | None = None) -> int:
    """Run the fuzzer; returns 1 if there are faults."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=2000, help="mutated inputs in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", action="append", help="only kinds whose name contains this")
    parser.add_argument("--only", type=int, help="only the input of this number")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument(
        "--keep", type=Path, default=Path("build/fuzz"), help="faulty inputs go here"
    )
    parser.add_argument(
        "--self-check", action="store_true", help="switch off each check of the product in turn"
    )
    parser.add_argument("--record", type=Path, help="write the summary as JSON lines")
    options = parser.parse_args(arguments)
    wanted = options.kind or [""]
    if options.self_check:
        return report_self_check(options.seed, wanted)
    kinds = [kind for kind in all_kinds() if any(part in kind.name for part in wanted)]
    if not kinds:
        parser.error(f"no kind's name contains {wanted}")
    numbers = {
        kind.name: count for kind, count in zip(kinds, shares(kinds, options.inputs), strict=True)
    }
    console = Console(stderr=True)
    outcomes: list[Outcome] = []
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with (
        tempfile.TemporaryDirectory() as scratch,
        Progress(*columns, console=console) as progress,
        ThreadPoolExecutor(options.jobs) as pool,
    ):
        bar = progress.add_task("inputs", total=sum(numbers.values()))

        def run(kind: Kind) -> None:
            one = options.only
            which = range(numbers[kind.name]) if one is None else range(one, one + 1)
            folder = Path(scratch) / kind.name.replace(" ", "-")
            for outcome in run_kind(kind, which, options.seed, folder, options.keep):
                outcomes.append(outcome)
                progress.advance(bar)
                if outcome.fault:
                    progress.console.print(
                        f"[red]{outcome.fault}[/] {outcome.kind} {outcome.number}, ", end=""
                    )
                    progress.console.print(outcome.mutation, markup=False)

        list(pool.map(run, kinds))
    report(outcomes, options.seed, options.record)
    return int(any(outcome.fault for outcome in outcomes))


def report_self_check(seed: int, wanted: list[str]) -> int:
    """Print which input shows each check's absence; returns 1 if none shows some of them."""
    checks = [check for check in CHECKS if any(part in check.kind for part in wanted)]
    table = Table("check", "kind", "input", "seconds", "mutation")
    unseen = 0
    with tempfile.TemporaryDirectory() as scratch:
        for seen in track(
            self_check(Path(scratch), seed=seed, checks=checks),
            total=len(checks),
            description="checks",
            console=Console(stderr=True),
        ):
            unseen += seen.number is None
            shown = "[red]unseen[/]" if seen.number is None else f"{seen.number}"
            mutation = seen.mutation.rpartition(": ")[2]
            row = (seen.check.what, seen.check.kind, shown, f"{seen.seconds:.1f}", mutation)
            table.add_row(*row)
    console = Console()
    console.print(table)
    console.print(f"the fuzzer saw the absence of {len(checks) - unseen} of {len(checks)} checks")
    return int(unseen > 0)


def shares(kinds: list[Kind], inputs: int) -> list[int]:
    """Split ``inputs`` over the kinds by their weights; at least one each."""
    total = sum(kind.weight for kind in kinds)
    ends = [0]
    for kind in kinds:
        ends.append(ends[-1] + kind.weight)
    return [
        max(1, inputs * end // total - inputs * start // total) for start, end in pairwise(ends)
    ]


def report(outcomes: list[Outcome], seed: int, record: Path | None) -> None:
    """Print how many inputs of each kind were faults; write it into the file that is committed."""
    table = Table("kind", "inputs", "faults", "which")
    by_kind: defaultdict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_kind[outcome.kind].append(outcome)
    rows: list[dict[str, Any]] = []
    for name, those in sorted(by_kind.items()):
        faults = Counter(outcome.fault for outcome in those if outcome.fault)
        which = ", ".join(f"{fault} {count}" for fault, count in sorted(faults.items()))
        table.add_row(name, f"{len(those):,}", str(faults.total()), which)
        rows.append({"kind": name, "inputs": len(those), "faults": faults.total()})
    faulty = sum(1 for outcome in outcomes if outcome.fault)
    table.add_section()
    table.add_row("all", f"{len(outcomes):,}", str(faulty), "")
    Console().print(table)
    if record is not None:
        head = {
            "date": datetime.date.today().isoformat(),
            "version": elmobench.__version__,
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
            "seed": seed,
        }
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text("".join(json.dumps(row) + "\n" for row in [head, *rows]), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
