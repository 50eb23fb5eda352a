"""The page section on what hyper-parameter searches chose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from elmobench.analysis.report.page.parts import Column, Section, Table, TableCell
from elmobench.analysis.report.page.scores import grouped
from elmobench.tracking.record import RunRecord


def choices_section(records: Sequence[RunRecord], features: Sequence[str]) -> Section:
    """The values that each seed chose on dev, with the number of seeds that chose them."""
    rows = []
    for title, group in grouped(records).items():
        cells = [choice_text(group.get(name, ())) for name in features]
        if any(cells):
            rows.append([TableCell(title), *(TableCell(text or "–") for text in cells)])
    columns = [Column("task"), *(Column(name) for name in features)]
    return Section(
        "choices",
        "Chosen hyper-parameters",
        "What each seed chose on dev from the same candidates; × and a number: by so many seeds. "
        "Among candidates within one standard error of the best, the defaults win.",
        [Table(columns, rows)] if rows else [],
    )


def choice_text(records: Sequence[RunRecord]) -> str:
    """The chosen values of some runs: ``rate 0.01 ×2, rate 0.1; dropout 0.3 ×3``."""
    chosen: dict[str, Counter[float]] = {}
    for record in records:
        selection = record.result.selection if record.result else None
        for option, value in (selection or {}).get("chosen", {}).items():
            chosen.setdefault(option.rsplit(".", 1)[-1], Counter())[value] += 1
    texts = []
    for option, values in chosen.items():
        counted = [
            f"{option} {value:g}" + (f" ×{number}" if number > 1 else "")
            for value, number in sorted(values.items())
        ]
        texts.append(", ".join(counted))
    return "; ".join(texts)
