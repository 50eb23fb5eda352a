"""The report in a terminal: one block per task and head, readable at 80 columns."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table

from elmobench.analysis.report.report import Report

_SHORT = {
    "context-free ceiling": "ceiling",
    "provider parameters": "frozen",
    "head parameters": "trained",
    "bytes per token": "B/token",
    "train s per cell": "train s",
    "µs per token": "µs/token",
}
_ONLY_IN_FILES = ("s per epoch", "peak MB", "cpu s per cell", "encode s", "encode cpu s")
_PROSE = ("source", "reference", "comparison")
_GROUPING = ("task", "head", "metric", "seeds", "axes")
_NARROWEST_FEATURES = 16  # characters; names of folders and files are folded down to this


def print_report(report: Report, console: Console | None = None) -> None:
    """Print every table of ``report``, after the caveats."""
    console = console or Console()
    console.print(f"\n[bold]{escape(report.name)}[/]")
    for caveat in report.caveats:
        console.print(f"[yellow]{escape(caveat)}[/]", highlight=False)
    for title, explanation, frame in report.sections:
        console.print(
            f"\n[bold underline]{escape(title)}[/] [dim]{escape(explanation)}[/]", highlight=False
        )
        narrow = _one_row_per_features(frame, list(report.features))
        width = max((len(str(v)) for v in narrow.get("features", [])), default=0)
        if "reference" in narrow:
            narrow = _folded_references(narrow)
        for heading, block in _blocks(narrow):
            tables = [_table(block, width)]
            available = console.width - 2
            if not set(_PROSE) & set(block) and (needed := _width(tables[0], console)) > available:
                spread = block.map(lambda value: " ± " in str(value)).to_numpy().any()
                if spread:
                    heading += " (means; the report has standard deviations)"
                    block = block.map(lambda value: str(value).split(" ± ")[0])
                    needed = _width(_table(block, width), console)
                folded = min(width, max(_NARROWEST_FEATURES, width - max(0, needed - available)))
                tables = _fitting(block, folded, console)
            console.print(f"[cyan]{escape(heading)}[/]", highlight=False)
            for table in tables:
                console.print(Padding(table, (0, 0, 1, 2)))
    for label, note in report.notes:
        console.print(f"[yellow]note[/] {escape(label)}: {escape(note)}", highlight=False)
    for label, error in report.failed:
        console.print(f"[red]failed[/] {escape(label)}: {escape(error)}", highlight=False)
    for error in report.damaged:
        console.print(f"[red]damaged[/] {escape(error)}", highlight=False)


def _folded_references(frame: pd.DataFrame) -> pd.DataFrame:
    """The table of published scores in fewer columns, since all of its own do not fit."""
    rows = []
    for row in frame.to_dict("records"):
        lines = [row.get("verdict", "–")]
        if row.get("difference", "–") != "–":
            lines += [f"ours {row['ours']}", f"{row['difference']}, margin {row['margin']}"]
        reference = f"{row['reference']} – {row['source']}"
        cells = {"task": row["task"], "score": row["score"], "reference": reference}
        rows.append({**cells, "comparison": "; ".join(lines)})
    table = pd.DataFrame(rows)
    return table if (table["comparison"] != "–").any() else table.drop(columns="comparison")


def _blocks(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the rows that share task, head and further axes, with a heading."""
    numbers = [name for name in frame.columns if name not in _GROUPING]
    grouping = [name for name in _GROUPING if name in frame.columns]
    for key, block in frame.groupby(grouping, sort=False, dropna=False):
        named = dict(zip(grouping, key, strict=True))
        heading = " · ".join(str(named[n]) for n in ("task", "head", "axes") if named.get(n))
        extra = [str(named["metric"])] if "metric" in named else []
        extra += [f"seeds {named['seeds']}"] if "seeds" in named else []
        yield heading + (f" ({', '.join(extra)})" if extra else ""), block[numbers]


def _fitting(block: pd.DataFrame, width: int, console: Console) -> list[Table]:
    """The rows as one table, or as several with some of the columns each: no number is cut off."""
    table = _table(block, width)
    first, *others = block.columns
    if len(others) < 2 or _width(table, console) <= console.width - 2:
        return [table]
    half = (len(others) + 1) // 2
    parts = (others[:half], others[half:])
    return [table for part in parts for table in _fitting(block[[first, *part]], width, console)]


def _width(table: Table, console: Console) -> int:
    """Terminal columns that the table needs so that nothing is cut off."""
    return Measurement.get(console, console.options.update(max_width=10_000), table).maximum


def _table(frame: pd.DataFrame, width: int) -> Table:
    """The table; names of features are folded to ``width`` characters."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in map(str, frame.columns):
        prose = name in _PROSE
        table.add_column(
            escape(_SHORT.get(name, name)),
            no_wrap=not prose and name != "features",
            overflow="fold",
            min_width=width if name == "features" else None,
            max_width=width if name == "features" else None,
            justify="left" if prose or name == "features" else "right",
        )
    for row in frame.itertuples(index=False):
        table.add_row(*(escape(str(value)) for value in row))
    return table


def _one_row_per_features(frame: pd.DataFrame, features: list[str]) -> pd.DataFrame:
    """Reshape a table for narrow output.

    Each row has one representation, further axes share one column, and columns that are the same
    everywhere are left out.
    """
    frame = frame.copy()
    present = [name for name in features if name in frame.columns]
    if present:
        keep = [name for name in frame.columns if name not in present]
        frame["_row"] = range(len(frame))
        frame = frame.melt(["_row", *keep], present, "features", "score")
        frame["_column"] = frame["features"].map(present.index)
        frame = frame.sort_values(["_row", "_column"]).drop(columns=["_row", "_column"])
        known = [*_GROUPING, *_SHORT, *_PROSE, "features", "score"]
        axes = [name for name in keep if name not in known]
        if axes:
            frame["axes"] = [
                " ".join(f"{name}={row[name]}" for name in axes) for _, row in frame.iterrows()
            ]
            frame = frame.drop(columns=axes)
        rest = [name for name in frame.columns if name not in ("features", "score")]
        frame = frame[["features", "score", *rest]]
    if "part" in frame.columns:
        # The part is named only for specs with several parts that have layers to mix.
        group = [name for name in ("task", "head", "axes", "features") if name in frame.columns]
        alone = frame.groupby(group, sort=False)["part"].transform("nunique") == 1
        parts = frame["features"].where(alone, frame["features"] + " [" + frame["part"] + "]")
        frame = frame.assign(features=parts).drop(columns="part")
    frame = frame.drop(columns=[name for name in _ONLY_IN_FILES if name in frame.columns])
    if "placement" in frame.columns and set(frame["placement"]) == {"input"}:
        frame = frame.drop(columns="placement")
    return frame
