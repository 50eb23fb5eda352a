"""Page sections on learned layer weights: at the best epoch, and over the epochs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from elmobench.analysis.report.page.figures import Series, lines, swatch
from elmobench.analysis.report.page.parts import Column, Panel, Section, Table, TableCell
from elmobench.analysis.tables.layer_weights import LearnedMix, learned_mixes
from elmobench.analysis.tables.mix_table import MIXES, MIXES_EXPLAINED, mix_table, mixed_layers
from elmobench.analysis.tables.score_tables import mean_sd
from elmobench.tracking.record import RunRecord


def weights_section(records: Sequence[RunRecord]) -> Section:
    """The learned layer weights of the best epoch, shaded as in the paper's figure 2."""
    groups = learned_mixes(records)
    layers = max((len(group.mixes[0]["s"]) for group in groups), default=0)
    show_axes = any(group.axes for group in groups) and len({group.axes for group in groups}) > 1
    show_placement = {group.placement for group in groups} != {"input"}
    columns = [Column("task"), Column("head"), Column("features")]
    columns += [Column("placement")] * show_placement + [Column("axes")] * show_axes
    columns += [Column(f"s{j}", True) for j in range(layers)] + [Column("γ", True)]
    rows = []
    for group in groups:
        alone = group.part == group.features
        name = group.part if alone else f"{group.part} (in {group.features})"
        row = [TableCell(group.task), TableCell(group.head), TableCell(name)]
        row += [TableCell(group.placement)] * show_placement
        row += [TableCell(group.axes)] * show_axes
        shares = _shares(group)
        for j in range(layers):
            if j >= shares.shape[1]:
                row.append(TableCell("", "n"))
                continue
            mean = float(shares[:, j].mean())
            row.append(TableCell(mean_sd(list(shares[:, j])), "heat", round(mean, 3)))
        row.append(TableCell(mean_sd([mix["gamma"] for mix in group.mixes]), "n"))
        rows.append(row)
    return Section(
        "weights",
        "Layer weights",
        "The layer weights that each task learned: softmax weights s (they sum to 1; darker is "
        "larger) and the scale γ at the best dev epoch, mean ± sd over seeds. Layer 0 does not see "
        "the context. A layer whose vectors have a larger norm contributes more than its weight "
        "shows.",
        [Table(columns, rows)] if rows else [],
    )


def mix_section(records: Sequence[RunRecord]) -> Section:
    """Weights, weights times norms and the loss without each layer, in one table."""
    frame = mix_table(mixed_layers(records))
    texts = ("task", "head", "axes", "features", "placement", "part")
    numbers = [str(name) for name in frame.columns if name not in texts]
    tables = [] if frame.empty else [Table.of(frame, numbers)]
    return Section("mixes", MIXES, MIXES_EXPLAINED, tables)


def drift_section(records: Sequence[RunRecord]) -> Section:
    """The weights after every epoch, as the mean over the seeds that ran that long."""
    panels = []
    layers = 0
    for group in learned_mixes(records):
        longest = max(map(len, group.curves))
        if longest < 2:
            continue
        count = len(group.mixes[0]["s"])
        layers = max(layers, count)
        series = {}
        for j in range(count):
            means = [
                float(np.mean([c[epoch]["s"][j] for c in group.curves if len(c) > epoch]))
                for epoch in range(longest)
            ]
            series[f"layer {j}"] = Series(j, [e + 1.0 for e in range(longest)], means)
        words = [group.task, group.head, group.part, group.axes]
        words += [group.placement] if group.placement != "input" else []
        title = " · ".join(word for word in words if word)
        if group.features != group.part:
            title += f" (in {group.features})"
        figure = lines(series, title, "epoch", "weight s", limits=(0.0, 1.0))
        panels.append(Panel(f"{title}: {_last(group)}", Markup(figure)))
    return Section(
        "drift",
        "Layer weights over the epochs",
        "All mixes start with equal weights. The captions list the last epoch's weights by layer.",
        panels=panels,
        legend=[(Markup(swatch(j)), f"layer {j}") for j in range(layers)],
    )


def _shares(group: LearnedMix) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.array([mix["s"] for mix in group.mixes], dtype=np.float64)


def _last(group: LearnedMix) -> str:
    last = np.mean([curve[-1]["s"] for curve in group.curves if curve], axis=0)
    return ", ".join(f"{j}: {share:.2f}" for j, share in enumerate(last))
