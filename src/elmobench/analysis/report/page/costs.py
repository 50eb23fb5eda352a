"""The page section on costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from elmobench.analysis.report.page.figures import Series, lines, scatter
from elmobench.analysis.report.page.parts import Panel, Section, Table
from elmobench.analysis.report.page.scores import grouped, mean_point, metric_name
from elmobench.analysis.stats.pareto_frontier import pareto_frontier
from elmobench.analysis.tables.cost_table import cost_table
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore


def costs_section(
    records: Sequence[RunRecord], features: Sequence[str], folder: Path | None
) -> Section:
    """Score against stored bytes for every task, and the table of measured costs."""
    panels = []
    for title, group in grouped(records).items():
        points, pairs = {}, []
        for name, cells in group.items():
            runs = [r.run for r in cells if r.run is not None]
            if not runs:
                continue
            cost = sum(runs[0].bytes_per_token.values())
            point = mean_point(features.index(name), cells)
            points[name] = Series(
                point.index, [max(cost, 1.0)], list(point.x), point.low, point.high
            )
            pairs.append((max(cost, 1.0), point.x[0]))
        if len(points) > 1:
            label = metric_name(next(iter(group.values()))[0])
            figure = scatter(points, pareto_frontier(pairs), title, "stored bytes per token", label)
            panels.append(Panel(title, Markup(figure)))
    lengths = _length_panel(features, {} if folder is None else RecordStore(folder).length_costs())
    table = cost_table(records, folder)
    numbers = [name for name in table.columns if name not in ("task", "head", "features")]
    return Section(
        "costs",
        "Costs",
        "Parameters, stored bytes per token (per word type, for vectors without context), wall "
        "time on the machine of each record, processor time of a whole cell with its search, "
        "largest resident memory. The step line is the Pareto frontier.",
        [Table.of(table, numbers)] if len(table) else [],
        [*panels, *lengths],
        notes=[_LENGTH_NOTE] if lengths else [],
    )


_LENGTH_NOTE = (
    "Seconds by length were measured by `elmobench features time` on the machine named in the "
    "panel, on sentences cut from running text, encoded in batches of equal length."
)


def _length_panel(features: Sequence[str], costs: Mapping[str, Any]) -> list[Panel]:
    """Seconds per sentence by its length, if they were measured."""
    series: dict[str, Series] = {}
    for name, seconds in costs.get("seconds", {}).items():
        index = features.index(name) if name in features else len(features) + len(series)
        x = sorted(map(int, seconds))
        series[name] = Series(index, [float(n) for n in x], [seconds[str(n)] for n in x])
    if not series:
        return []
    title = f"seconds per sentence · {costs.get('processor')}, {costs.get('threads')} threads"
    figure = lines(
        series, title, "tokens of the sentence", "seconds", log_x=True, log_y=True, points=True
    )
    return [Panel(title, Markup(figure))]
