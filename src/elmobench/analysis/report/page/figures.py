"""Small figures as SVG whose colours are CSS variables of the page, light or dark."""

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

# matplotlib writes colours as numbers; each of these is replaced by a CSS variable of the page.
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
"""Number of distinct colours, markers and dashes; further series repeat them."""


@dataclass(frozen=True)
class Series:
    """One line or group of points.

    Attributes:
        index: selects colour, marker and dash; a name has one index on the whole page.
        x, y: the points.
        low, high: bounds of an interval around each ``y``, if there is line.
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
        series: by name; names appear in the text alternative only.
        title, x_label, y_label: labels of the panel.
        log_x: use a logarithmic horizontal axis with ticks at the points.
        log_y: use a logarithmic vertical axis.
        points: mark every point.
        limits: limits of the vertical axis.
    """
    figure, axes = _panel(3.3, 2.3)
    for line in series.values():
        style = line.index % N_SERIES
        if line.low is not None and line.high is not None and len(line.x) > 1:
            axes.fill_between(line.x, line.low, line.high, color=_SERIES[style], alpha=0.15, lw=0)
        axes.plot(
            line.x,
            line.y,
            color=_SERIES[style],
            linestyle=_DASHES[style],
            marker=_MARKERS[style] if points or len(line.x) == 1 else None,
            markersize=4,
            linewidth=1.5,
        )
    if log_x:
        axes.set_xscale("log")
        ticks = sorted({x for line in series.values() for x in line.x})
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
    """Return a figure with one row per system: a point at the mean, a line for the 95 % interval.

    ``ceiling``, if there is one, is a dashed vertical line.
    """
    figure, axes = _panel(3.3, 0.62 + 0.24 * len(rows))
    names = list(rows)
    for place, name in enumerate(names):
        line = rows[name]
        style = line.index % N_SERIES
        if line.low is not None and line.high is not None:
            axes.plot([line.low[0], line.high[0]], [place, place], color=_SERIES[style], lw=1.5)
        axes.plot(line.x, [place], color=_SERIES[style], marker=_MARKERS[style], markersize=5)
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
    """Cost against score, on a logarithmic cost axis, with a step line through the frontier."""
    figure, axes = _panel(3.3, 2.5)
    if len(frontier) > 1:
        x, y = zip(*frontier, strict=True)
        axes.step(x, y, where="post", color=_LINE, linewidth=1.2, zorder=0)
    for line in points.values():
        style = line.index % N_SERIES
        axes.plot(
            line.x, line.y, color=_SERIES[style], marker=_MARKERS[style], linestyle="", markersize=6
        )
        if line.low is not None and line.high is not None:
            axes.vlines(line.x, line.low, line.high, color=_SERIES[style], linewidth=1.2)
    axes.set_xscale("log")
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    values = ", ".join(
        f"{name} {line.y[0]:.2f} at {line.x[0]:.4g}" for name, line in points.items()
    )
    return _svg(figure, f"{title}: {y_label} by {x_label}: {values}")


def dots(rows: Mapping[str, Mapping[str, Series]], x_label: str) -> str:
    """One row per task, with a mark and an interval per system; the legend is above.

    Args:
        rows: for each task the systems by name; ``x`` of each has its mean.
        x_label: the measured quantity.
    """
    names: dict[str, int] = {
        name: line.index for row in rows.values() for name, line in row.items()
    }
    figure, axes = _panel(6.8, 1.0 + 0.3 * len(rows))
    for place, row in enumerate(rows.values()):
        for name, line in row.items():
            style = line.index % N_SERIES
            # Systems of one row are offset vertically, so that none hides another.
            y = place + 0.55 * ((list(names).index(name) + 0.5) / len(names) - 0.5)
            if line.low is not None and line.high is not None:
                axes.plot([line.low[0], line.high[0]], [y, y], color=_SERIES[style], lw=1.2)
            axes.plot(line.x, [y], color=_SERIES[style], marker=_MARKERS[style], markersize=4.5)
    for name, index in names.items():
        style = index % N_SERIES
        axes.plot([], [], color=_SERIES[style], marker=_MARKERS[style], linestyle="", label=name)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(x_label)
    _legend(figure)
    values = "; ".join(
        f"{task}: " + ", ".join(f"{name} {line.x[0]:.2f}" for name, line in row.items())
        for task, row in rows.items()
    )
    return _svg(figure, values)


def shares(rows: Mapping[str, Sequence[float]], x_label: str) -> str:
    """One bar per row, divided into the shares of the layers from 0 up; shares sum to 1."""
    figure, axes = _panel(6.8, 1.0 + 0.3 * len(rows))
    for place, parts in enumerate(rows.values()):
        left = 0.0
        for layer, part in enumerate(parts):
            style = layer % N_SERIES
            axes.barh(place, part, left=left, color=_SERIES[style], height=0.62)
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
    """Line and marker of series ``index``, for a legend."""
    figure, axes = _panel(0.45, 0.16)
    style = index % N_SERIES
    axes.plot([0, 1, 2], [0, 0, 0], color=_SERIES[style], linestyle=_DASHES[style], lw=1.5)
    axes.plot([1], [0], color=_SERIES[style], marker=_MARKERS[style], markersize=5)
    axes.set_axis_off()
    return _svg(figure, "")


def _panel(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty figure of this size in inches. It avoids pyplot, which has global state."""
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
    """Return the Matplotlib figure as an ``svg`` element with the colours and font of the page.

    ``description`` is its text for screen readers.

    Element ids are digests of the content, so that several figures can share a page.
    """
    import matplotlib as mpl

    stream = io.StringIO()
    # Text is kept as text, so that it can be searched and uses the page's font.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "elmobench"}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.S)
    # Other ids would be the same in every figure.
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
