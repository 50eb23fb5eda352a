"""Standalone SVG files that define their own colours, for light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from elmobench.analysis.html.page import PALETTE
from elmobench.analysis.report.page.figures import dots, shares
from elmobench.analysis.report.page.scores import grouped, mean_point
from elmobench.analysis.tables.layer_weights import LearnedMix
from elmobench.tracking.record import RunRecord


def score_drawing(records: Sequence[RunRecord], features: Sequence[str]) -> tuple[str, str]:
    """One row per task (and head), with a mark and Student's 95 % interval per representation.

    Returns:
        The SVG text, and a text alternative.
    """
    groups = [(title.split(" · ", 2), group) for title, group in grouped(records).items()]
    names = _titles([words for words, _ in groups])
    rows = {
        title: {
            name: mean_point(features.index(name), group[name])
            for name in features
            if name in group
        }
        for title, (_, group) in zip(names, groups, strict=True)
    }
    description = f"Test scores of {', '.join(features)} on {', '.join(rows)}"
    return _standalone(dots(rows, "test score, %")), description


def weight_drawing(mixes: Sequence[LearnedMix], part: str) -> tuple[str, str]:
    """One bar per task, divided by the mean softmax weights of the layers.

    Returns:
        The SVG text, and a text alternative.
    """
    names = _titles(
        [[m.task, m.head, f"in {m.features}", m.axes, f"at {m.placement}"] for m in mixes]
    )
    rows = {
        title: [float(x) for x in np.mean([learned["s"] for learned in mix.mixes], axis=0)]
        for title, mix in zip(names, mixes, strict=True)
    }
    description = f"Layer weights of {part} on {', '.join(rows)}"
    return _standalone(shares(rows, "softmax weight s of each layer")), description


def _titles(rows: Sequence[Sequence[str]]) -> list[str]:
    """The first word of each row, with as many further words as make the titles distinct."""
    kept = [0]
    for place in range(1, max(map(len, rows))):
        if len({_joined(row, kept) for row in rows}) == len(rows):
            break
        if len({_joined(row, [place]) for row in rows}) > 1:
            kept.append(place)
    return [_joined(row, kept) for row in rows]


def _joined(row: Sequence[str], places: Sequence[int]) -> str:
    return " · ".join(row[place] for place in places if place < len(row) and row[place])


def _standalone(svg: str) -> str:
    """Turn a figure of the report page into a standalone file."""
    end = svg.index(">") + 1
    style = f"svg {{ font-family: system-ui, sans-serif; }}\n{PALETTE.read_text('utf-8')}"
    return f"{svg[:end]}\n<style>\n{style}</style>{svg[end:]}\n"
