"""Do verdicts of ``results/study/linear`` depend on close calls of its searches?

A search chose one candidate per task and representation by its dev score. This trains every other
candidate whose dev score is within one standard error of the best (about 1.5 processor hours, in
``build/search-stability``, resumable), and repeats every comparison with it in place of the chosen
one. ``python -m benchmarks search_stability`` writes ``results/calibration/search_stability.csv``.
"""

from __future__ import annotations

import csv
import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

import elmobench
from elmobench.analysis.stats.differences import corrected, difference
from elmobench.analysis.stats.tallies import TallyCache
from elmobench.data.cards.catalog import CardCatalog
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore

ROOT = Path(__file__).parents[1]
STUDY = ROOT / "results" / "study" / "linear"
RUNS = ROOT / "build" / "search-stability"
TABLE = ROOT / "results" / "calibration" / "search_stability.csv"

Group = tuple[str, str]
"""Task and features."""


@dataclass(frozen=True)
class Alternative:
    """A candidate that the search nearly chose.

    Attributes:
        task, features: where.
        candidate: its option values.
        dev: its dev score.
        best: the best dev score.
        error: standard error of the best dev score, taken as a proportion of dev's examples, or
            of its scored spans if those are more (senses).
    """

    task: str
    features: str
    candidate: dict[str, float]
    dev: float
    best: float
    error: float

    @property
    def name(self) -> str:
        """Name of its experiment and folder."""
        values = "-".join(f"{value:g}" for value in self.candidate.values())
        place = f"{self.task}-{self.features}".replace("/", "-").replace("+", "_")
        return f"alt-{place}-{values}"


def alternatives(groups: Mapping[Group, Sequence[RunRecord]]) -> Iterator[Alternative]:
    """The near-tied candidates of all searches, in the study's order."""
    cards = CardCatalog()
    for (task, features), records in groups.items():
        result = records[0].result
        if result is None or result.selection is None:
            continue
        scores = [row for row in result.selection["dev"] if row["score"] is not None]
        best = max(row["score"] for row in scores)
        examples, spans = result.counts["dev"], cards.get(task).stated("dev").spans or 0
        error = math.sqrt(best * (100 - best) / max(examples, spans))
        for row in scores:
            if row["score"] >= best - error and row["candidate"] != result.selection["chosen"]:
                yield Alternative(task, features, row["candidate"], row["score"], best, error)


def train(alternative: Alternative, record: RunRecord, seeds: Sequence[int]) -> TallyCache:
    """Train an alternative as ``record`` was trained, but for the searched options."""
    training = {
        f"training.{name}": value
        for name, value in record.identity["training"].items()
        if name != "grid"
    }
    fraction = {"train_fraction": record.identity["train_fraction"]}
    folder = RUNS / alternative.name
    elmobench.run(
        {
            "name": alternative.name,
            "tasks": [alternative.task],
            "features": [alternative.features],
            "heads": [record.head],
            "seeds": list(seeds),
            "overrides": [
                {"set": {**training, **fraction, **alternative.candidate, "training.grid": {}}}
            ],
        },
        results=folder,
        tracking_uri="none",
        quiet=True,
    )
    return TallyCache(RecordStore(folder))


def verdicts(
    tallies: TallyCache,
    groups: Mapping[Group, Sequence[RunRecord]],
    left: str,
    right: str,
) -> dict[str, str]:
    """Task -> verdict of one comparison, corrected over the tasks as ``compare`` does."""
    tasks = [task for task, features in groups if features == left and (task, right) in groups]
    rows = [
        difference(tallies, [(groups[task, left], groups[task, right])], left, right, 1.0)
        for task in tasks
    ]
    return {row.task: row.verdict for row in corrected(rows)}


def main() -> None:
    console = Console()
    study = TallyCache(RecordStore(STUDY))
    groups: dict[Group, list[RunRecord]] = defaultdict(list)
    for record in study.records:
        groups[record.task, record.features].append(record)
    features = list(dict.fromkeys(record.features for record in study.records))
    pairs = [(left, right) for right, left in itertools.combinations(features, 2)]
    before = {pair: verdicts(study, groups, *pair) for pair in pairs}
    rows: list[dict[str, Any]] = []
    for alternative in track(list(alternatives(groups)), "alternatives", console=console):
        group = (alternative.task, alternative.features)
        own = groups[group]
        trained = train(alternative, own[0], [record.seed for record in own])
        for record in trained.records:
            study.add(record, trained.tally(record))
        changed = {**groups, group: sorted(trained.records, key=lambda record: record.seed)}
        for left, right in pairs:
            if alternative.features in (left, right):
                after = verdicts(study, changed, left, right)
                rows += [
                    _row(alternative, left, right, task, before[left, right][task], verdict)
                    for task, verdict in after.items()
                    # Others can change by the correction alone.
                    if task == alternative.task or verdict != before[left, right][task]
                ]
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    with TABLE.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    changes = [row for row in rows if row["before"] != row["after"]]
    reversed_rows = [
        row
        for row in changes
        if {row["before"].split()[0], row["after"].split()[0]} == {"better", "worse"}
    ]
    console.print(
        f"{len(rows)} repeated comparisons: {len(changes)} have another verdict, "
        f"{len(reversed_rows)} of them the opposite one; written to {TABLE}"
    )


def _row(
    alternative: Alternative, left: str, right: str, task: str, before: str, after: str
) -> dict[str, Any]:
    return {
        "searched_task": alternative.task,
        "searched_features": alternative.features,
        "candidate": " ".join(f"{k}={v:g}" for k, v in alternative.candidate.items()),
        "dev": f"{alternative.dev:.2f}",
        "best_dev": f"{alternative.best:.2f}",
        "error": f"{alternative.error:.2f}",
        "left": left,
        "right": right,
        "task": task,
        "before": before,
        "after": after,
    }


if __name__ == "__main__":
    main()
