"""The tables of ``reliability.md``, rendered from the committed records in ``results/reliability``.

``python docs/reliability_tables.py`` writes them into the page; a test compares.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]
PAGE = _ROOT / "docs" / "reliability.md"
RECORDS = _ROOT / "results" / "reliability"


Rows = list[dict[str, Any]]


def fuzz_table(head: dict[str, Any], rows: Rows) -> str:
    """Mutated inputs and faults, one row per kind of input."""
    cells = [[row["kind"], f"{row['inputs']:,}", f"{row['faults']:,}"] for row in rows]
    total = [
        "**all**",
        *(f"**{sum(row[name] for row in rows):,}**" for name in ("inputs", "faults")),
    ]
    return _table(["input", "mutated inputs", "faults"], [*cells, total], 1, head)


def torture_table(head: dict[str, Any], rows: Rows) -> str:
    """Disturbed runs and faults, one row per kind of disturbance, launcher and phase."""
    names = ["scenario", "job", "launcher", "phase"]
    sums: dict[tuple[str, ...], list[int]] = {}
    for row in rows:
        # Full disks and damage have a phase per file or write point; here they are one row.
        detailed = row["scenario"] == "kills"
        key = (row["scenario"], row["job"], row["launcher"], row["phase"] if detailed else "")
        entry = sums.setdefault(key, [0, 0])
        entry[0] += row["trials"]
        entry[1] += row["faults"]
    cells = [[*key, f"{trials:,}", f"{faults:,}"] for key, (trials, faults) in sums.items()]
    totals = [f"**{sum(entry[n] for entry in sums.values()):,}**" for n in (0, 1)]
    return _table([*names, "trials", "faults"], [*cells, ["**all**", "", "", "", *totals]], 4, head)


def store_checks_table(head: dict[str, Any], rows: Rows) -> str:
    """Processor time of reading with checks, relative to reading without, and of whole runs."""
    passes = ["first, cold", "first, warm", "later, warm"]
    limits = ["checksums alone", "maximum alone"]
    cells = [
        [
            f"{row['dim']:,}",
            row["precision"],
            *(_with_quartiles(row[name]) for name in passes),
            *(f"{row[name]:.2f}" for name in limits),
        ]
        for row in rows
        if "dim" in row
    ]
    names = ["size of a layer", "precision", "first pass, from disk", "first pass, from memory"]
    names += ["later passes", "XXH3 alone", "maximum alone"]
    table = _table(names, cells, 2, head)
    (run,) = (row for row in rows if "dim" not in row)
    return (
        f"{table}\n\nA run of {run['cells']} linear probes of `demo` whose features are stored "
        f"took {run['seconds']:.1f} s of processor time without\nchecks, and "
        f"{_with_quartiles(run['whole run'])} times as much with them; "
        f"{100 * run['share of checks']:.2f} % of its processor time was spent in checks."
    )


def _with_quartiles(ratios: list[float]) -> str:
    """A median, and the quartiles in brackets."""
    low, middle, high = ratios
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def _table(names: list[str], rows: list[list[str]], texts: int, head: dict[str, Any]) -> str:
    """A table whose first ``texts`` columns are text, and where its numbers come from."""
    lines = [names, ["---"] * texts + ["--:"] * (len(names) - texts), *rows]
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    origin = f"elmobench {head['version']}, {head['date']}, {head['machine']}, seed {head['seed']}."
    return f"{text}\n\n{origin}"


TABLES: dict[str, Callable[[dict[str, Any], Rows], str]] = {
    "fuzz": fuzz_table,
    "torture": torture_table,
    "store_checks": store_checks_table,
}


def rendered(page: str, records: Path = RECORDS) -> str:
    """``page`` with each table between its marks written again from ``records``."""
    for name, table in TABLES.items():
        text = (records / f"{name}.jsonl").read_text("utf-8")
        head, *rows = [json.loads(line) for line in text.splitlines()]
        mark = f"<!-- {name}: python docs/reliability_tables.py -->"
        block = f"{mark}\n\n{table(head, rows)}\n\n<!-- end -->"
        pattern = rf"<!-- {name}: .*?<!-- end -->"
        page, found = re.subn(pattern, lambda _, block=block: block, page, flags=re.DOTALL)
        if found != 1:
            raise ValueError(f"{PAGE} has {found} places for the table {name!r}, expected one")
    return page


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text("utf-8")), "utf-8")
