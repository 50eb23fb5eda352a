"""Sections on scores: matrix and intervals, learning curves, less data, single layers, costs."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from elmobench.analysis.report.page.figures import Series, intervals, lines, scatter, swatch
from elmobench.analysis.report.page.parts import Cell, Column, Panel, Section, Table
from elmobench.analysis.stats.pareto_frontier import pareto_frontier
from elmobench.analysis.stats.resampling import mean_interval
from elmobench.analysis.tables.cost_table import cost_table
from elmobench.analysis.tables.score_tables import mean_sd
from elmobench.features.spec import parse_features
from elmobench.tracking.record import RecordStore, RunRecord

Group = dict[str, list[RunRecord]]
"""Records by features."""


def grouped(records: Iterable[RunRecord], without: Sequence[str] = ()) -> dict[str, Group]:
    """Finished records by task, head and further axes, in a title; then by features.

    Axes in ``without`` are left out, as are those that have one value in all records.
    """
    done = [record for record in records if record.result is not None]
    varied = {
        name
        for name in {name for record in done for name in record.axes}
        if len({str(record.axes.get(name)) for record in done}) > 1
    } - set(without)
    groups: dict[str, Group] = defaultdict(lambda: defaultdict(list))
    for record in done:
        axes = [f"{k}={v}" for k, v in record.axes.items() if k in varied]
        groups[" · ".join([record.task, record.head, *axes])][record.features].append(record)
    return groups


def primary(record: RunRecord) -> float:
    """The test score that tables show, in percent."""
    assert record.result is not None
    return record.result.test[record.result.primary]


def scores_section(
    records: Sequence[RunRecord], features: Sequence[str], cards: Mapping[str, Any]
) -> Section:
    """Means over seeds with their spread; drawn with Student's 95 % intervals."""
    rows, panels = [], []
    groups = grouped(records)
    some_ceiling = False
    for title, group in groups.items():
        first = next(iter(group.values()))[0]
        ceiling = _ceiling(cards, first.task)
        some_ceiling |= ceiling is not None
        means = {name: np.mean([primary(r) for r in cells]) for name, cells in group.items()}
        best = max(means.values())
        row = [Cell(title), Cell(_metric(first)), Cell(_seeds(group), "n")]
        for name in features:
            if name not in group:
                row.append(Cell("–", "n"))
                continue
            values = [primary(record) for record in group[name]]
            bounds = mean_interval(values)
            hint = f"95 % interval {bounds[0]:.2f} … {bounds[1]:.2f}" if bounds else ""
            row.append(Cell(mean_sd(values), "best" if means[name] == best else "n", title=hint))
        row.append(Cell("–" if ceiling is None else f"{ceiling:.2f}", "n"))
        rows.append(row)
        panels.append(
            Panel(
                title,
                Markup(
                    intervals(
                        {
                            name: mean_point(features.index(name), cells)
                            for name, cells in group.items()
                        },
                        title,
                        _metric(first),
                        ceiling,
                    )
                ),
            )
        )
    columns = [Column("task"), Column("metric"), Column("seeds", True)]
    columns += [Column(name, True) for name in features] + [Column("context-free ceiling", True)]
    if not some_ceiling:
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    return Section(
        "scores",
        "Scores",
        "Test scores in percent: mean ± sample standard deviation over seeds, the best in bold. "
        "Below, means with Student's 95 % interval over seeds where there are several; a dashed "
        "line is what a reader without context can reach at best.",
        [Table(columns, rows)] if rows else [],
        panels,
    )


def curves_section(records: Sequence[RunRecord], features: Sequence[str]) -> Section:
    """Dev score after each epoch, mean over seeds."""
    panels = []
    for title, group in grouped(records).items():
        series = {}
        for name, cells in group.items():
            curves = [[row.dev for row in r.result.curve] for r in cells if r.result]
            if max(len(curve) for curve in curves) < 2:
                continue
            x, y, low, high = _over_epochs(curves)
            series[name] = Series(features.index(name), x, y, low, high)
        if series:
            label = f"dev {_metric(next(iter(group.values()))[0])}"
            panels.append(Panel(title, Markup(lines(series, title, "epoch", label))))
    return Section(
        "curves",
        "Learning curves",
        "Score on dev after each epoch, mean over the seeds that came so far; the band is from "
        "the lowest to the highest of them. The best epoch is the one that test scores are of.",
        panels=panels,
    )


def samples_section(records: Sequence[RunRecord], features: Sequence[str]) -> Section:
    """Score by share of the training set, where an experiment has several."""
    panels = []
    for title, group in grouped(records, without=("train_fraction",)).items():
        series = {}
        for name, cells in group.items():
            by_share: dict[float, list[float]] = defaultdict(list)
            for record in cells:
                by_share[float(record.axes.get("train_fraction", 1.0))].append(primary(record))
            if len(by_share) > 1:
                series[name] = _with_intervals(features.index(name), by_share, 100)
        if series:
            label = _metric(next(iter(group.values()))[0])
            figure = lines(series, title, "% of train", label, log_x=True, points=True)
            panels.append(Panel(title, Markup(figure)))
    return Section(
        "samples",
        "With less training data",
        "Test score by share of the training set (subsets are nested), as in the paper's figure 1; "
        "the band is Student's 95 % interval over seeds.",
        panels=panels,
    )


def layers_section(records: Sequence[RunRecord]) -> Section:
    """Score by single layer, where an experiment reads layers one by one."""
    groups: dict[str, dict[str, dict[float, list[float]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    metrics: dict[str, str] = {}
    for record in records:
        found = _layer(record)
        if record.result is None or found is None:
            continue
        model, layer = found
        title = f"{record.task} · {record.head}"
        metrics[title] = _metric(record)
        groups[title][model][layer].append(primary(record))
    models = list(dict.fromkeys(name for group in groups.values() for name in group))
    panels = []
    for title, group in groups.items():
        series = {
            name: _with_intervals(models.index(name), layers)
            for name, layers in group.items()
            if len(layers) > 1
        }
        if series:
            figure = lines(series, title, "layer", metrics[title], points=True)
            panels.append(Panel(title, Markup(figure)))
    return Section(
        "layers",
        "Layer by layer",
        "What a single layer knows: layer 0 does not see the context, the others are the biLSTM's "
        "(or a transformer's) from below. As in the paper's tables 5 and 6.",
        panels=panels,
        legend=[(Markup(swatch(i)), name) for i, name in enumerate(models)] if panels else [],
    )


def costs_section(
    records: Sequence[RunRecord], features: Sequence[str], folder: Path | None
) -> Section:
    """Quality against stored bytes, and the table of what was measured."""
    panels = []
    for title, group in grouped(records).items():
        points, pairs = {}, []
        for name, cells in group.items():
            runs = [r.run for r in cells if r.run is not None]
            if not runs:
                continue
            cost = sum(runs[0].bytes_per_token.values())
            one = mean_point(features.index(name), cells)
            points[name] = Series(one.index, [max(cost, 1.0)], list(one.x), one.low, one.high)
            pairs.append((max(cost, 1.0), one.x[0]))
        if len(points) > 1:
            label = _metric(next(iter(group.values()))[0])
            figure = scatter(points, pareto_frontier(pairs), title, "stored bytes a token", label)
            panels.append(Panel(title, Markup(figure)))
    lengths = _length_panel(features, {} if folder is None else RecordStore(folder).length_costs())
    table = cost_table(records, folder)
    numbers = [name for name in table.columns if name not in ("task", "head", "features")]
    return Section(
        "costs",
        "Cost beside quality",
        "Parameters, stored bytes a token (a word type, for vectors without context), wall time on "
        "the machine of each record, processor time of a whole cell with its search, largest "
        "resident memory. The stairs join what nothing else beats at the same cost or less.",
        [Table.of(table, numbers)] if len(table) else [],
        [*panels, *lengths],
        notes=[_LENGTH_NOTE] if lengths else [],
    )


_LENGTH_NOTE = (
    "Seconds by length are of sentences cut from running text, some of equal length at a time; "
    "measured once by `elmobench features time`, on the machine named in the panel."
)


def _length_panel(features: Sequence[str], costs: Mapping[str, Any]) -> list[Panel]:
    """Seconds a sentence by its length, where they were measured."""
    series: dict[str, Series] = {}
    for name, seconds in costs.get("seconds", {}).items():
        index = features.index(name) if name in features else len(features) + len(series)
        x = sorted(map(int, seconds))
        series[name] = Series(index, [float(n) for n in x], [seconds[str(n)] for n in x])
    if not series:
        return []
    title = f"seconds a sentence · {costs.get('processor')}, {costs.get('threads')} threads"
    figure = lines(
        series, title, "tokens of the sentence", "seconds", log_x=True, log_y=True, points=True
    )
    return [Panel(title, Markup(figure))]


def mean_point(index: int, cells: Sequence[RunRecord]) -> Series:
    """The mean over seeds as ``x``, with Student's 95 % interval where there are several."""
    values = [primary(record) for record in cells]
    bounds = mean_interval(values)
    return Series(
        index,
        [float(np.mean(values))],
        [0.0],
        [bounds[0]] if bounds else None,
        [bounds[1]] if bounds else None,
    )


def _with_intervals(
    index: int, groups: Mapping[float, Sequence[float]], scale: float = 1.0
) -> Series:
    """Means over seeds by ``x``, with intervals if every point has one."""
    x = sorted(groups)
    bounds = [mean_interval(list(groups[value])) for value in x]
    known = [b for b in bounds if b is not None]
    whole = len(known) == len(x)
    return Series(
        index,
        [scale * value for value in x],
        [float(np.mean(groups[value])) for value in x],
        [low for low, _ in known] if whole else None,
        [high for _, high in known] if whole else None,
    )


def _over_epochs(
    curves: Sequence[Sequence[float]],
) -> tuple[list[float], list[float], list[float] | None, list[float] | None]:
    """Epochs, and mean, lowest and highest over the curves that came so far."""
    longest = max(map(len, curves))
    columns = [[curve[i] for curve in curves if len(curve) > i] for i in range(longest)]
    x = [float(i + 1) for i in range(longest)]
    y = [math.fsum(column) / len(column) for column in columns]
    if len(curves) == 1:
        return x, y, None, None
    return x, y, [min(column) for column in columns], [max(column) for column in columns]


def _layer(record: RunRecord) -> tuple[str, int] | None:
    """The model, and the one layer that a cell reads of it."""
    mix = str(record.axes.get("mix", ""))
    if mix.startswith("layer="):
        return record.features, int(mix.removeprefix("layer="))
    spec = parse_features(record.features)
    chosen = spec.single_layer()
    if chosen is None:
        return None
    index, layer = chosen
    return str(spec.with_part(index, spec.parts[index].without_setting("layer"))), layer


def _metric(record: RunRecord) -> str:
    """The score as people call it: ``accuracy``, ``exact match``, ``conll``."""
    assert record.result is not None
    return record.result.primary.replace("_", " ")


def _seeds(group: Group) -> str:
    counts = {len(cells) for cells in group.values()}
    return "–".join(map(str, sorted({min(counts), max(counts)})))


def _ceiling(cards: Mapping[str, Any], task: str) -> float | None:
    card = cards.get(task)
    return card.ceiling.context_free if card is not None and card.ceiling else None
