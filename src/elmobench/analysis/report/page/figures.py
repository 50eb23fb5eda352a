"""Small drawings as SVG that takes its colours from the page, light or dark."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# matplotlib writes colours as numbers; each of these stands for a variable of the page's style.
_INK, _LINE, _PAPER = "#010203", "#040506", "#070809"
_SERIES = tuple(f"#0a0b{i:02x}" for i in range(1, 9))
_VARIABLES = {
    _INK: "var(--ink)",
    _LINE: "var(--line)",
    _PAPER: "var(--paper)",
    **{colour: f"var(--series-{i})" for i, colour in enumerate(_SERIES, start=1)},
}
_MARKERS = "osD^vPX*"
_DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1)), "-")

N_SERIES = len(_SERIES)
"""How many series have a colour, marker and dash of their own; further ones take turns."""


@dataclass(frozen=True)
class Series:
    """One line or group of points.

    Attributes:
        index: of its colour, marker and dash: the same for one name on the whole page.
        x, y: points.
        low, high: of an interval around each ``y``, if there is one.
    """

    index: int
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None


def lines(
    series: Mapping[str, Series],
    title: str,
    x_label: str,
    y_label: str,
    *,
    log_x: bool = False,
    log_y: bool = False,
    points: bool = False,
    limits: tuple[float, float] | None = None,
) -> str:
    """A panel of lines, with bands where series have intervals.

    Args:
        series: by name; the names are for readers who cannot see it.
        title, x_label, y_label: of the panel.
        log_x: a logarithmic horizontal axis, marked at the points.
        log_y: a logarithmic vertical axis.
        points: mark every point.
        limits: of the vertical axis.
    """
    figure, axes = _panel(3.3, 2.3)
    for one in series.values():
        look = one.index % N_SERIES
        if one.low is not None and one.high is not None and len(one.x) > 1:
            axes.fill_between(one.x, one.low, one.high, color=_SERIES[look], alpha=0.15, lw=0)
        axes.plot(
            one.x,
            one.y,
            color=_SERIES[look],
            linestyle=_DASHES[look],
            marker=_MARKERS[look] if points or len(one.x) == 1 else None,
            markersize=4,
            linewidth=1.5,
        )
    if log_x:
        axes.set_xscale("log")
        ticks = sorted({x for one in series.values() for x in one.x})
        axes.set_xticks(ticks, [f"{x:g}" for x in ticks])
        axes.minorticks_off()
    if log_y:
        axes.set_yscale("log")
    if limits is not None:
        axes.set_ylim(*limits)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    return _svg(figure, f"{title}: {y_label} by {x_label} of {', '.join(series)}")


def intervals(
    rows: Mapping[str, Series], title: str, x_label: str, ceiling: float | None = None
) -> str:
    """A row a system: a point for its mean, a line for its interval, a dashed ceiling."""
    figure, axes = _panel(3.3, 0.62 + 0.24 * len(rows))
    names = list(rows)
    for place, name in enumerate(names):
        one = rows[name]
        look = one.index % N_SERIES
        if one.low is not None and one.high is not None:
            axes.plot([one.low[0], one.high[0]], [place, place], color=_SERIES[look], lw=1.5)
        axes.plot(one.x, [place], color=_SERIES[look], marker=_MARKERS[look], markersize=5)
    if ceiling is not None:
        axes.axvline(ceiling, color=_INK, linestyle=(0, (4, 3)), linewidth=1)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel(x_label)
    bound = "" if ceiling is None else f"; context-free ceiling {ceiling:g}"
    values = ", ".join(f"{name} {rows[name].x[0]:.2f}" for name in names)
    return _svg(figure, f"{title}: {values}{bound}")


def scatter(
    points: Mapping[str, Series],
    frontier: Sequence[tuple[float, float]],
    title: str,
    x_label: str,
    y_label: str,
) -> str:
    """Cost against quality, logarithmic in cost, with a staircase through the frontier."""
    figure, axes = _panel(3.3, 2.5)
    if len(frontier) > 1:
        x, y = zip(*frontier, strict=True)
        axes.step(x, y, where="post", color=_LINE, linewidth=1.2, zorder=0)
    for one in points.values():
        look = one.index % N_SERIES
        axes.plot(
            one.x, one.y, color=_SERIES[look], marker=_MARKERS[look], linestyle="", markersize=6
        )
        if one.low is not None and one.high is not None:
            axes.vlines(one.x, one.low, one.high, color=_SERIES[look], linewidth=1.2)
    axes.set_xscale("log")
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    values = ", ".join(f"{name} {one.y[0]:.2f} at {one.x[0]:.4g}" for name, one in points.items())
    return _svg(figure, f"{title}: {y_label} by {x_label}: {values}")


def dots(rows: Mapping[str, Mapping[str, Series]], x_label: str) -> str:
    """A row a task, in it a mark a system with its interval; a legend of the systems above.

    Args:
        rows: by task, systems by name; ``x`` of each has its mean.
        x_label: what is measured.
    """
    names: dict[str, int] = {name: one.index for row in rows.values() for name, one in row.items()}
    figure, axes = _panel(6.8, 1.0 + 0.3 * len(rows))
    for place, row in enumerate(rows.values()):
        for name, one in row.items():
            look = one.index % N_SERIES
            # Those of one row are spread a little, so that none hides another.
            y = place + 0.55 * ((list(names).index(name) + 0.5) / len(names) - 0.5)
            if one.low is not None and one.high is not None:
                axes.plot([one.low[0], one.high[0]], [y, y], color=_SERIES[look], lw=1.2)
            axes.plot(one.x, [y], color=_SERIES[look], marker=_MARKERS[look], markersize=4.5)
    for name, index in names.items():
        look = index % N_SERIES
        axes.plot([], [], color=_SERIES[look], marker=_MARKERS[look], linestyle="", label=name)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(x_label)
    _legend(figure)
    values = "; ".join(
        f"{task}: " + ", ".join(f"{name} {one.x[0]:.2f}" for name, one in row.items())
        for task, row in rows.items()
    )
    return _svg(figure, values)


def shares(rows: Mapping[str, Sequence[float]], x_label: str) -> str:
    """A bar a row, divided into parts that sum to 1; the parts are layers, from 0."""
    figure, axes = _panel(6.8, 1.0 + 0.3 * len(rows))
    for place, parts in enumerate(rows.values()):
        left = 0.0
        for layer, part in enumerate(parts):
            look = layer % N_SERIES
            axes.barh(place, part, left=left, color=_SERIES[look], height=0.62)
            axes.text(
                left + part / 2,
                place,
                f"{part:.2f}",
                color=_PAPER,
                size=7,
                ha="center",
                va="center",
            )
            left += part
    for layer in range(max(map(len, rows.values()))):
        axes.barh([0], [0], color=_SERIES[layer % N_SERIES], label=f"layer {layer}")
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_xlabel(x_label)
    _legend(figure)
    values = "; ".join(
        f"{name}: " + ", ".join(f"{part:.2f}" for part in parts) for name, parts in rows.items()
    )
    return _svg(figure, values)


def _legend(figure: Figure) -> None:
    legend = figure.legend(loc="outside upper left", ncols=4, fontsize=8, frameon=False)
    for text in legend.get_texts():
        text.set_color(_INK)


def swatch(index: int) -> str:
    """The look of series ``index`` for a legend."""
    figure, axes = _panel(0.45, 0.16)
    look = index % N_SERIES
    axes.plot([0, 1, 2], [0, 0, 0], color=_SERIES[look], linestyle=_DASHES[look], lw=1.5)
    axes.plot([1], [0], color=_SERIES[look], marker=_MARKERS[look], markersize=5)
    axes.set_axis_off()
    return _svg(figure, "")


def _panel(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty panel of so many inches. No pyplot: nothing global is touched."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes: Axes = figure.add_subplot()
    figure.patch.set_alpha(0)
    axes.patch.set_alpha(0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(_LINE)
    axes.tick_params(colors=_LINE, labelcolor=_INK, labelsize=8, length=3)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(_INK)
        label.set_fontsize(8)
    axes.grid(visible=True, color=_LINE, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def _svg(figure: Figure, description: str) -> str:
    """The figure as an ``svg`` element with the page's colours and font.

    Its ids are digests of what they name, so that figures may share one page.
    """
    import matplotlib as mpl

    stream = io.StringIO()
    # Text stays text: it can be searched, and takes the page's font.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "elmobench"}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.S)
    # Names that are no digests would be the same in every figure.
    text = re.sub(r' id="(?![mpch][0-9a-f]{10}")[^"]*"', "", text)
    text = re.sub(r'font: ([\d.]+px)[^;"]*', r"font-size: \1", text)
    text = re.sub(r'font-family: [^;"]*;?', "", text)
    text = re.sub(r"\n\s*", "\n", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    label = (
        f'role="img" aria-label="{escape(description)}"' if description else 'aria-hidden="true"'
    )
    return text.replace("<svg ", f"<svg {label} ", 1).strip()
