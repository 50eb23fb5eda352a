"""Render a board as one HTML page that contains its style and script, and fetches nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from elmobench.analysis.board.board import Board, BoardColumn
from elmobench.analysis.board.entries import Entry
from elmobench.analysis.board.names import Row
from elmobench.analysis.board.studies import Study
from elmobench.analysis.html.page import environment, script, script_source, style
from elmobench.analysis.tables.score_tables import FLAGS_EXPLAINED, mean_sd
from elmobench.core.counted import counted
from elmobench.core.digests import digest_of
from elmobench.tasks.registries import PIPELINES

_FOLDER = Path(__file__).parent
_LONGEST_VALUE = 80  # characters of an option in the list of differences


@dataclass(frozen=True)
class _Section:
    """A table: one kind of task, or the generated tasks; and how its columns differ."""

    id: str
    title: str
    explanation: str
    columns: list[BoardColumn]
    rows: list[Row]
    differences: list[_Differences]


@dataclass(frozen=True)
class _Differences:
    """The fields in which the columns of one task and head differ, as text, by letter."""

    title: str
    fields: list[str]
    columns: list[tuple[str, list[str]]]


def board_page(board: Board, base: Path, title: str = "Board") -> str:
    """The board as an HTML page.

    Args:
        board: the board.
        base: folder that the page will be in; links to reports are relative to it.
        title: heading of the page.
    """
    code = script(_FOLDER / "board.js")
    entries = [entry for column in board.columns for entry in column.entries.values()]
    sections = _sections(board.columns)
    return (
        environment(_FOLDER)
        .get_template("board.html")
        .render(
            title=title,
            facts=_facts(board, entries),
            sections=sections,
            groups=[(section.id, section.title) for section in sections],
            families=list(dict.fromkeys(row.family for row in board.rows)),
            studies=[_study(study, number, base) for number, study in enumerate(board.studies, 1)],
            left_out=_left_out(board.studies),
            notes=board.notes,
            any_marks=any(entry.marks for entry in entries),
            flags_explained=FLAGS_EXPLAINED,
            mean_sd=mean_sd,
            seeds_text=_seeds_text,
            cost_text=_cost_text,
            style=style(_FOLDER / "board.css"),
            script=code,
            script_source=script_source(code),
        )
    )


def _facts(board: Board, entries: Sequence[Entry]) -> str:
    runs = {run.cell for entry in entries for run in entry.runs}
    tasks = {column.task for column in board.columns}
    counts = {
        "run": len(runs),
        "study": len(board.studies),
        "task": len(tasks),
        "column": len(board.columns),
        "representation": len(board.rows),
    }
    return ", ".join(counted(number, name) for name, number in counts.items())


def _seeds_text(entry: Entry) -> str:
    """Format the number of seeds: ``5 seeds``, or ``3 of 5 seeds`` if some have no result."""
    count = len(entry.runs)
    return f"{count} of {entry.wanted} seeds" if count < entry.wanted else counted(count, "seed")


def _cost_text(entry: Entry) -> str:
    """Format the costs that are known: ``train 3.6 s, encode 41.0 s, 1,053 B/token``."""
    texts = []
    for name, seconds in (("train", entry.train_seconds), ("encode", entry.encode_seconds)):
        texts += [] if seconds is None else [f"{name} {seconds:,.1f} s"]
    if entry.bytes_per_token is not None:
        texts.append(f"{entry.bytes_per_token:,.0f} B/token")
    return ", ".join(text.replace(" ", "\N{NO-BREAK SPACE}") for text in texts)


def _sections(columns: Sequence[BoardColumn]) -> list[_Section]:
    """One section per kind of task; generated tasks have one section, the last."""
    names = list(dict.fromkeys((column.control, column.pipeline) for column in columns))
    groups = [name for control, name in names if not control]
    sections = [
        _section(f"group-{number}", [c for c in columns if not c.control and c.pipeline == name])
        for number, name in enumerate(groups, start=1)
    ]
    controls = [column for column in columns if column.control]
    return [*sections, *([_section("controls", controls)] if controls else [])]


def _section(id_: str, columns: list[BoardColumn]) -> _Section:
    title, explanation = columns[0].pipeline, ""
    if columns[0].control:
        title = "Controls: generated tasks"
        explanation = (
            "These texts are generated, to check the program: their scores are no findings about "
            "language, and no entry is marked as best. No context-free model can exceed the "
            "ceiling."
        )
    elif title in PIPELINES:
        summary = PIPELINES.summary(title)
        explanation = f"{summary[:1].upper()}{summary[1:]}."
    rows = sorted({r for c in columns for r in c.entries}, key=lambda row: row.sort_key)
    return _Section(id_, title, explanation, columns, rows, _differences(columns))


def _differences(columns: Sequence[BoardColumn]) -> list[_Differences]:
    groups: dict[tuple[str, str, str], list[BoardColumn]] = {}
    for column in columns:
        if column.letter:
            groups.setdefault((column.pipeline, column.task, column.head), []).append(column)
    return [
        _Differences(
            f"{task}, {head}",
            list(group[0].differs),
            [(c.letter, [value_text(value) for value in c.differs.values()]) for c in group],
        )
        for (_, task, head), group in groups.items()
    ]


def value_text(value: Any) -> str:
    """A field of a comparison key as text; long ones are shortened to their digest.

    >>> value_text(None), value_text(0.25), value_text("a" * 64)
    ('default', '0.25', 'aaaaaaaaaaaa…')
    """
    if value is None:
        return "default"
    if isinstance(value, str):
        return f"{value[:12]}…" if len(value) == 64 else value[:_LONGEST_VALUE]
    text = json.dumps(value, ensure_ascii=False)
    if len(text) <= _LONGEST_VALUE:
        return text
    size = f"{len(value)} values, " if isinstance(value, list | Mapping) else ""
    return f"{size}digest {digest_of(value)[:12]}…"


def _study(study: Study, number: int, base: Path) -> dict[str, Any]:
    """What the page shows of a study."""
    days = study.first if study.first == study.last else f"{study.first} to {study.last}"
    return {
        "number": number,
        "name": study.name,
        "folder": _relative(study.folder, base),
        "link": None if study.report is None else quote(_relative(study.report, base)),
        "facts": ", ".join(filter(None, [counted(len(study.records), "run"), days])),
        "description": study.description,
        "caveats": study.caveats,
        "damaged": study.damaged,
    }


def _relative(path: Path, base: Path) -> str:
    """``path`` as seen from ``base``, with slashes; an absolute path on another drive."""
    try:
        return Path(os.path.relpath(path.resolve(), base.resolve())).as_posix()
    except ValueError:
        return path.resolve().as_posix()


def _left_out(studies: Sequence[Study]) -> list[str]:
    """Sentences on cells that are in no table."""
    texts = []
    for study in studies:
        counts = {
            "of a quick try (`--limit`)": study.partial,
            "failed": study.failed,
        }
        found = [f"{number} {name}" for name, number in counts.items() if number]
        if found:
            texts.append(f"{study.name}: {', '.join(found)}")
    return texts
