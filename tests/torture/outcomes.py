"""What trials found: kept as JSON lines while they run, and summed up as a table."""

from __future__ import annotations

import datetime
import json
import os
import platform
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table

import elmobench


@dataclass(frozen=True)
class Outcome:
    """What one trial found.

    Attributes:
        scenario: ``kills``, ``full``, ``together`` or ``damage``.
        key: names the trial; with the seed it determines all of it except times.
        job, launcher, phase: what was disturbed, where and when.
        reached: whether the disturbance happened.
        faults: what is not as it should be; empty if all is well.
        facts: other things worth knowing, for instance the signal.
    """

    scenario: str
    key: str
    job: str
    launcher: str
    phase: str
    reached: bool
    faults: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


class OutcomeFile:
    """The outcomes of a run of this program, which a later run continues.

    Args:
        path: of JSON lines; created if missing.
        seed: outcomes of another seed are not continued.
    """

    def __init__(self, path: Path, seed: int) -> None:
        self._path, self._seed = path, seed
        self._lock = threading.Lock()
        self.outcomes: list[Outcome] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        for line in lines:
            row = json.loads(line)
            if row.get("seed") == seed and "scenario" in row:
                row.pop("seed")
                self.outcomes.append(Outcome(**row))

    def keys(self) -> set[str]:
        """The trials that are done."""
        return {outcome.key for outcome in self.outcomes}

    def add(self, outcome: Outcome) -> None:
        """Keep an outcome, on disk as well."""
        with self._lock:
            self.outcomes.append(outcome)
            row = {"seed": self._seed, **asdict(outcome)}
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(row, ensure_ascii=False) + "\n")


def shortened(text: str, most: int = 240) -> str:
    """One line with at most ``most`` characters of a text."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most // 2]} … {line[-most // 2 :]}"


def summary_rows(outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    """One row for each scenario, job, launcher and phase: trials that were reached, and faults."""
    rows: dict[tuple[str, str, str, str], dict[str, Any]] = {}
    for one in sorted(outcomes, key=lambda o: (o.scenario, o.job, o.launcher, o.phase)):
        key = (one.scenario, one.job, one.launcher, one.phase)
        names = dict(zip(("scenario", "job", "launcher", "phase"), key, strict=True))
        row = rows.setdefault(key, {**names, "trials": 0, "faults": 0})
        row["trials"] += one.reached
        row["faults"] += bool(one.faults)
    return list(rows.values())


def summary_table(outcomes: Iterable[Outcome]) -> Table:
    """The rows of :func:`summary_rows` for the terminal."""
    table = Table(box=None, pad_edge=False)
    for name in ("scenario", "job", "launcher", "phase"):
        table.add_column(name)
    for name in ("trials", "faults"):
        table.add_column(name, justify="right")
    for row in summary_rows(outcomes):
        table.add_row(*(str(value) for value in row.values()))
    return table


def write_record(path: Path, outcomes: Iterable[Outcome], seed: int) -> None:
    """Write the small file that is committed: where and when, then :func:`summary_rows`."""
    head = {
        "date": datetime.date.today().isoformat(),
        "version": elmobench.__version__,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "seed": seed,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [head, *summary_rows(outcomes)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
