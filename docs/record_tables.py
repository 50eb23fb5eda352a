"""Tables of the pages that show committed records: ``reliability.md``, ``what-to-expect.md`` and
``guides/memory.md``.

``python docs/record_tables.py`` writes them into the pages; a test compares.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]
RESULTS = _ROOT / "results"
_BYTES_PER_TOKEN = 3 * 1_024 * 2
"""Of stored vectors of ELMo's original size: three layers, 16 bits a value."""

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


def costs_table(head: dict[str, Any], rows: Rows) -> str:
    """Hours and memory of each row of the paper's table 1, by the ``paper`` presets."""
    speed = next(row["tokens per second"] for row in rows if "encoding" in row)
    cells = [
        [
            f"`{row['head']}`",
            row["published"],
            f"{row['examples']:,}",
            f"{row['examples per second']:,.1f}",
            f"{row['hours per epoch']:.2g}"
            if row["hours per epoch"] < 10
            else f"{row['hours per epoch']:,.0f}",
            f"{row['epochs']}",
            f"{row['hours per epoch'] * row['epochs']:,.0f}",
            f"{row['peak memory'] / 1e9:.1f}",
            f"{row['tokens'] / 1e6:.1f} M",
            f"{row['tokens'] / speed / 3600:,.1f}",
            f"{row['tokens'] * _BYTES_PER_TOKEN / 1e9:,.1f}",
        ]
        for row in rows
        if "head" in row
    ]
    names = ["preset", "training set", "examples", "examples per second", "hours per epoch"]
    names += ["epochs at most", "hours at most", "memory, GB"]
    names += ["tokens", "hours to encode", "GB of vectors"]
    return _table(names, cells, 2, head)


def memory_table(head: dict[str, Any], rows: Rows) -> str:
    """Own memory of a process that trained a head on one task, then on twelve tasks."""

    def megabytes(*sizes: int) -> list[str]:
        return [f"{size / 1e6:,.0f}" for size in sizes]

    cells = []
    for row in rows:
        if "head" in row:
            one, twelve = row["1"], row["12"]
            sizes = megabytes(one["own"], twelve["own"], twelve["mapped"], twelve["estimate"])
            cells.append([f"`{row['pipeline']}`", f"`{row['head']}`", *sizes])
        elif "pipeline" in row:
            encode = row["encode"]
            sizes = megabytes(encode["own"], encode["mapped"], encode["estimate"])
            cells.append([f"`{row['pipeline']}`", "none: the vectors are encoded", "", *sizes])
    names = ["pipeline", "head", "own, 1 task", "own, 12 tasks", "mapped, 12 tasks", "estimate"]
    table = _table(names, cells, 2, head)
    of_encode = [
        f"{row['sentences']:,} sentences: {', '.join(megabytes(row['encode']['own']))} MB"
        for row in rows
        if "sentences" in row
    ]
    if not of_encode:
        return table
    return f"{table}\n\nOwn memory of `elmobench encode` with `elmo-mini`: {'; '.join(of_encode)}."


def _with_quartiles(ratios: list[float]) -> str:
    """A median, and the quartiles in brackets."""
    low, middle, high = ratios
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def _table(names: list[str], rows: list[list[str]], texts: int, head: dict[str, Any]) -> str:
    """A table whose first ``texts`` columns are text, and where its numbers come from."""
    lines = [names, ["---"] * texts + ["--:"] * (len(names) - texts), *rows]
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    seed = f", seed {head['seed']}" if "seed" in head else ""
    return f"{text}\n\nelmobench {head['version']}, {head['date']}, {head['machine']}{seed}."


Table = Callable[[dict[str, Any], Rows], str]
PAGES: dict[str, dict[str, tuple[str, Table]]] = {
    "guides/memory.md": {"memory": ("costs/memory.jsonl", memory_table)},
    "reliability.md": {
        "fuzz": ("reliability/fuzz.jsonl", fuzz_table),
        "torture": ("reliability/torture.jsonl", torture_table),
        "store_checks": ("reliability/store_checks.jsonl", store_checks_table),
    },
    "what-to-expect.md": {"costs": ("costs/paper_presets.jsonl", costs_table)},
}
"""For each page its tables by name: the record below ``results``, and how it is shown."""


def page_path(name: str) -> Path:
    """Where the page is."""
    return _ROOT / "docs" / name


def rendered(name: str, page: str, results: Path = RESULTS) -> str:
    """``page``, the text of page ``name``, with each table between its marks written again."""
    for table_name, (record, table) in PAGES[name].items():
        head, *rows = map(json.loads, (results / record).read_text("utf-8").splitlines())
        mark = f"<!-- {table_name}: python docs/record_tables.py -->"
        block = f"{mark}\n\n{table(head, rows)}\n\n<!-- end -->"
        pattern = rf"<!-- {table_name}: .*?<!-- end -->"
        page, found = re.subn(pattern, lambda _, block=block: block, page, flags=re.DOTALL)
        if found != 1:
            raise ValueError(
                f"{name} has {found} places for the table {table_name!r}, expected one"
            )
    return page


if __name__ == "__main__":
    for _name in PAGES:
        _path = page_path(_name)
        _path.write_text(rendered(_name, _path.read_text("utf-8")), "utf-8")
