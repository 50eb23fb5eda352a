"""The text of the calibration: what was simulated, and the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from benchmarks.calibration.measure import EFFECT, MARGIN, RESAMPLES
from benchmarks.calibration.simulation import BASE, SHARES, SPANS, SPURIOUS

COVERAGE = (93.0, 98.0)
"""Wanted coverage of the 95 % interval, in percent."""

Row = Mapping[str, str]


def page(comparisons: Sequence[Row], earlier: Sequence[Row], weights: Sequence[Row]) -> str:
    """The page in Markdown, from the rows of the three tables; ``earlier`` may lack some."""
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, autoescape=False, keep_trailing_newline=True
    )
    template = Path(__file__).with_name("page.md.in").read_text("utf-8")
    decided = [row for row in comparisons if row["seeds"] != "1"]
    coverage = [float(row["coverage"]) for row in decided]
    experiments, before = int(comparisons[0]["experiments"]), int(earlier[0]["experiments"])
    return environment.from_string(template).render(
        experiments=f"{experiments:,}",
        earlier_experiments=f"{before:,}",
        error=f"{_error(experiments):.1f}",
        earlier_error=f"{_error(before):.1f}",
        base=f"{BASE:g}",
        shares=[f"{share:.0%}" for share in SHARES],
        spans=f"{SPANS:g}",
        spurious=f"{SPURIOUS:g}",
        effect=f"{EFFECT:g}",
        margin=f"{MARGIN:g}",
        resamples=RESAMPLES,
        largest_error=f"{max(float(row['type_one']) for row in decided):.2f}",
        largest_tie=f"{max(float(row['false_tie']) for row in decided):.1f}",
        largest_weight_error=f"{max(float(row['wrong']) for row in weights):.1f}",
        coverage=[f"{min(coverage):.1f}", f"{max(coverage):.1f}"],
        wanted=[f"{bound:g}" for bound in COVERAGE],
        wide=sum(value > COVERAGE[1] for value in coverage),
        narrow=sum(value < COVERAGE[0] for value in coverage),
        settings=len(decided),
        lines=_lines(comparisons, earlier),
        weights=[
            {**row, "wrong": f"{float(row['wrong']):.1f}"}
            | {"earlier_wrong": f"{float(row['earlier_wrong']):.1f}"}
            for row in weights
        ],
    )


def _lines(comparisons: Sequence[Row], earlier: Sequence[Row]) -> list[str]:
    """The rows of the first table."""
    lines = []
    known = {_setting(row): row for row in earlier}
    for row in comparisons:
        before = known.get(_setting(row))
        one_run = row["seeds"] == "1"
        numbers = [
            "undecided" if one_run and name != "coverage" else f"{float(row[name]):.1f}"
            for name in ("type_one", "coverage", "power", "false_tie")
        ]
        numbers += [
            "–" if before is None else f"{float(before[name]):.1f}"
            for name in ("small_p", "type_one", "coverage", "power", "false_tie")
        ]
        spread = " and ".join(dict.fromkeys(f"{float(row[name]):g}" for name in ("sd", "other_sd")))
        place = [row["metric"], row["seeds"], spread, row["units"]]
        lines.append("| " + " | ".join([*place, *numbers]) + " |")
    return lines


def _setting(row: Row) -> tuple[str, ...]:
    return tuple(row[name] for name in ("metric", "seeds", "sd", "other_sd", "units"))


def _error(experiments: int) -> float:
    """Standard error, in points, of a share of 5 %."""
    return 100 * float((0.05 * 0.95 / experiments) ** 0.5)
