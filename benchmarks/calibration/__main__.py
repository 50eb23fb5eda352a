"""``python -m benchmarks.calibration``: measure how often verdicts are wrong, and write the table.

The rows are kept in ``results/calibration/*.csv`` as they are measured, so that an interrupted run
resumes where it stopped; ``results/calibration/CALIBRATION.md`` is written from them at the end.
Delete a CSV file to measure it anew: about an hour on one core.
"""

from __future__ import annotations

import argparse
import csv
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from benchmarks.calibration.measure import measure
from benchmarks.calibration.page import page
from benchmarks.calibration.simulation import Setting
from benchmarks.calibration.weights import CASES, measure_weights

FOLDER = Path(__file__).parents[2] / "results" / "calibration"
SETTINGS = [
    Setting(metric, seeds, sd, sd, units)
    for metric, seeds, sd, units in itertools.product(
        ("accuracy", "f1"), (1, 3, 5, 10), (0.0, 1.5, 3.0), (100, 1000, 2000)
    )
]
SETTINGS += [
    Setting("accuracy", seeds, 3.0, other, 2000)
    for seeds, other in itertools.product((3, 5), (0.5, 1.5))
]
SETTINGS += [
    Setting("f1", seeds, sd, sd, 10) for seeds, sd in itertools.product((3, 5), (1.5, 6.0))
]
"""Then two systems with unequal spread, and ten documents, as LitBank's coreference has."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=4000)
    parser.add_argument(
        "--earlier", type=int, default=1000, help="experiments for the earlier procedure"
    )
    chosen = parser.parse_args()
    console = Console()

    def rates(setting: Setting, experiments: int, *, earlier: bool) -> dict[str, Any]:
        measured = measure(setting, experiments, earlier=earlier)
        return {**asdict(measured), "experiments": experiments}

    comparisons = _measured(
        "comparisons",
        SETTINGS,
        asdict,
        lambda setting: rates(setting, chosen.experiments, earlier=False),
        console,
    )
    mixes = [{"case": case, "seeds": seeds} for case in CASES for seeds in (3, 5, 10)]
    weights = _measured(
        "layer_weights",
        mixes,
        dict,
        lambda mix: {
            **asdict(measure_weights(**mix, experiments=chosen.experiments)),
            "experiments": chosen.experiments,
        },
        console,
    )
    earlier = _measured(
        "earlier_procedure",
        SETTINGS,
        asdict,
        lambda setting: rates(setting, chosen.earlier, earlier=True),
        console,
    )
    text = page(comparisons, earlier, weights)
    (FOLDER / "CALIBRATION.md").write_text(text, "utf-8")
    console.print(text, markup=False, highlight=False, soft_wrap=True)
    console.print(f"written to {FOLDER / 'CALIBRATION.md'}")


def _measured(
    name: str,
    settings: Sequence[Any],
    key: Callable[[Any], dict[str, Any]],
    measure_one: Callable[[Any], dict[str, Any]],
    console: Console,
) -> list[dict[str, str]]:
    """The rows of ``FOLDER/name.csv``; those that are missing are measured and added."""
    file = FOLDER / f"{name}.csv"
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows = _read(file)
    known = {_name(row, key(settings[0])) for row in rows}
    missing = [s for s in settings if _name(key(s), key(s)) not in known]
    for setting in track(missing, f"measuring {name}", console=console):
        row = {**key(setting), **measure_one(setting)}
        is_new = not file.exists()
        with file.open("a", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, list(row), lineterminator="\n")
            if is_new:
                writer.writeheader()
            writer.writerow(row)
    return _read(file)


def _name(row: dict[str, Any], keys: Iterable[str]) -> tuple[str, ...]:
    return tuple(str(row[key]) for key in keys)


def _read(file: Path) -> list[dict[str, str]]:
    if not file.exists():
        return []
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


if __name__ == "__main__":
    main()
