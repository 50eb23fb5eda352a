"""Page sections on scores: table and intervals, learning curves, data sizes, single layers."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from elmobench.analysis.report.page.figures import Series, intervals, lines, swatch
from elmobench.analysis.report.page.parts import Column, Panel, Section, Table, TableCell
from elmobench.analysis.stats.difference_row import Difference
from elmobench.analysis.stats.differences import compare
from elmobench.analysis.stats.estimate import mean_interval
from elmobench.analysis.stats.shown_best import shown_best
from elmobench.analysis.stats.tallies import TallyCache
from elmobench.analysis.tables.results_frame import flags_text
from elmobench.analysis.tables.score_tables import FLAGS_EXPLAINED, flag_marks, mean_sd
from elmobench.features.spec import parse_features
from elmobench.tracking.record import RunRecord

Group = dict[str, list[RunRecord]]
"""Records by representation."""


MAJORITY = "most frequent label"
_MAJORITY_EXPLAINED = (
    "Most frequent label: the accuracy of predicting it throughout, counted on the test set."
)
_ALWAYS_SHOWN = ("limit", "train_fraction", "labels")


def grouped(records: Iterable[RunRecord], without: Sequence[str] = ()) -> dict[str, Group]:
    """Group finished records by task, head and further axes, then by representation.

    Args:
        records: any records; those without a result are left out.
        without: axes to ignore, in addition to those with one value in all records. A limit and
            a share of the training set are always shown: they say what the scores are of.

    Returns:
        Groups by title: ``task · head · axis=value``.
    """
    done = [record for record in records if record.result is not None]
    varied = {
        name
        for name in {name for record in done for name in record.axes}
        if len({str(record.axes.get(name)) for record in done}) > 1 or name in _ALWAYS_SHOWN
    } - set(without)
    groups: dict[str, Group] = defaultdict(lambda: defaultdict(list))
    for record in done:
        axes = [f"{k}={v}" for k, v in record.axes.items() if k in varied]
        groups[" · ".join([record.task, record.head, *axes])][record.features].append(record)
    return groups


def primary(record: RunRecord) -> float:
    """The primary test score, in percent."""
    assert record.result is not None
    return record.result.test[record.result.primary]


def scores_section(
    tallies: TallyCache, features: Sequence[str], cards: Mapping[str, Any]
) -> Section:
    """Means ± sd over seeds, and figures with Student's 95 % intervals."""
    rows, panels = [], []
    groups = grouped(tallies.all_records)
    any_ceiling = any_flag = any_majority = False
    for title, group in groups.items():
        first = next(iter(group.values()))[0]
        ceiling = None if first.is_control else _ceiling(cards, first.task)
        any_ceiling |= ceiling is not None
        means = {name: float(np.mean([primary(r) for r in cells])) for name, cells in group.items()}
        best = best_of_group(tallies, group, means)
        majority = majority_score(first)
        any_majority |= majority is not None
        row = [TableCell(title), TableCell(metric_name(first)), TableCell(_seeds(group), "n")]
        for name in features:
            if name not in group:
                row.append(TableCell("–", "n"))
                continue
            values = [primary(record) for record in group[name]]
            bounds = mean_interval(values)
            tooltip = f"95 % interval {bounds[0]:.2f} … {bounds[1]:.2f}" if bounds else ""
            marks = flag_marks(flags_text(record) for record in group[name])
            any_flag |= bool(marks)
            kind = "best" if name == best else "n"
            row.append(TableCell(mean_sd(values) + marks, kind, title=tooltip))
        for bound in (ceiling, majority):
            row.append(TableCell("–" if bound is None else f"{bound:.2f}", "n"))
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
                        metric_name(first),
                        ceiling,
                    )
                ),
            )
        )
    columns = [Column("task"), Column("metric"), Column("seeds", True)]
    columns += [Column(name, True) for name in features]
    columns += [Column("context-free ceiling", True), Column(MAJORITY, True)]
    kept = [True] * (len(columns) - 2) + [any_ceiling, any_majority]
    columns = list(itertools.compress(columns, kept))
    rows = [list(itertools.compress(row, kept)) for row in rows]
    return Section(
        "scores",
        "Scores",
        "Test scores in percent: mean ± sample standard deviation over seeds; bold if shown to be "
        "better than every other one of its row (verdicts corrected by Holm over the row). The "
        "figures show means with Student's 95 % interval over seeds, from three seeds on; a dashed "
        "line is the ceiling of a context-free model."
        + (f" {_MAJORITY_EXPLAINED}" if any_majority else "")
        + (f" {FLAGS_EXPLAINED}" if any_flag else ""),
        [Table(columns, rows)] if rows else [],
        panels,
    )


def best_of_group(tallies: TallyCache, group: Group, means: Mapping[str, float]) -> str | None:
    """The representation of a group that is shown to be better than each other one."""
    first = next(iter(group.values()))[0]
    axes = {name: value for name, value in first.axes.items() if name != "fold"}
    where = {"task": first.task, "head": first.head, **{k: str(v) for k, v in axes.items()}}
    names = list(group)

    def differences(best: str, other: str) -> list[Difference]:
        # The later minus the earlier one, as the section on differences has it: computed once.
        left, right = sorted((best, other), key=names.index, reverse=True)
        return compare(tallies, left, right, where=where)

    return shown_best(means, differences)


def majority_score(record: RunRecord) -> float | None:
    """The accuracy of always predicting the most frequent label of the test set, in percent.

    None for other scores than accuracy.
    """
    assert record.result is not None
    support = [scores.get("support", 0.0) for scores in record.result.per_class.values()]
    if record.result.primary != "accuracy" or sum(support) == 0:
        return None
    return 100 * max(support) / sum(support)


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
            label = f"dev {metric_name(next(iter(group.values()))[0])}"
            panels.append(Panel(title, Markup(lines(series, title, "epoch", label))))
    return Section(
        "curves",
        "Learning curves",
        "Dev score after each epoch, mean over the seeds that ran that long; the band spans the "
        "lowest to the highest of them. Test scores are from the best dev epoch.",
        panels=panels,
    )


def samples_section(records: Sequence[RunRecord], features: Sequence[str]) -> Section:
    """Score by share of the training set, if an experiment has several."""
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
            label = metric_name(next(iter(group.values()))[0])
            figure = lines(series, title, "% of the training set", label, log_x=True, points=True)
            panels.append(Panel(title, Markup(figure)))
    return Section(
        "samples",
        "Smaller training sets",
        "Test score by share of the training set (subsets are nested), as in the paper's figure 1; "
        "the band is Student's 95 % interval over seeds.",
        panels=panels,
    )


def layers_section(records: Sequence[RunRecord]) -> Section:
    """Score by single layer, if an experiment reads layers one by one."""
    groups: dict[str, dict[str, dict[float, list[float]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    metrics: dict[str, str] = {}
    for record in records:
        single = _single_layer(record)
        if record.result is None or single is None:
            continue
        model, layer = single
        title = f"{record.task} · {record.head}"
        metrics[title] = metric_name(record)
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
        "Single layers",
        "Test score with one layer alone, as in the paper's tables 5 and 6. Layer 0 does not see "
        "the context; the others are the biLSTM's (or a transformer's), from the lowest up.",
        panels=panels,
        legend=[(Markup(swatch(i)), name) for i, name in enumerate(models)] if panels else [],
    )


def mean_point(index: int, cells: Sequence[RunRecord]) -> Series:
    """The mean over seeds as ``x``, with Student's 95 % interval if there are several."""
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
    """Means over seeds by ``x``; with intervals if every point has several seeds."""
    x = sorted(groups)
    bounds = [mean_interval(list(groups[value])) for value in x]
    known = [b for b in bounds if b is not None]
    complete = len(known) == len(x)
    return Series(
        index,
        [scale * value for value in x],
        [float(np.mean(groups[value])) for value in x],
        [low for low, _ in known] if complete else None,
        [high for _, high in known] if complete else None,
    )


def _over_epochs(
    curves: Sequence[Sequence[float]],
) -> tuple[list[float], list[float], list[float] | None, list[float] | None]:
    """Epochs, and mean, lowest and highest score over the curves that reach each epoch."""
    longest = max(map(len, curves))
    columns = [[curve[i] for curve in curves if len(curve) > i] for i in range(longest)]
    x = [float(i + 1) for i in range(longest)]
    y = [math.fsum(column) / len(column) for column in columns]
    if len(curves) == 1:
        return x, y, None, None
    return x, y, [min(column) for column in columns], [max(column) for column in columns]


def _single_layer(record: RunRecord) -> tuple[str, int] | None:
    """The features without their layer setting, and the one layer that the cell reads."""
    mix = str(record.axes.get("mix", ""))
    if mix.startswith("layer="):
        return record.features, int(mix.removeprefix("layer="))
    spec = parse_features(record.features)
    chosen = spec.single_layer()
    if chosen is None:
        return None
    index, layer = chosen
    return str(spec.with_part(index, spec.parts[index].without_setting("layer"))), layer


def metric_name(record: RunRecord) -> str:
    """The primary score in words: ``accuracy``, ``exact match``, ``conll``."""
    assert record.result is not None
    return record.result.primary.replace("_", " ")


def _seeds(group: Group) -> str:
    counts = {len(cells) for cells in group.values()}
    return "–".join(map(str, sorted({min(counts), max(counts)})))


def _ceiling(cards: Mapping[str, Any], task: str) -> float | None:
    card = cards.get(task)
    return card.ceiling.context_free if card is not None and card.ceiling else None
