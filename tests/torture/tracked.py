"""What an MLflow database says about the cells of an experiment, read without MLflow."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

_CELL_TAG = "elmobench.cell"
_QUERY = """
    SELECT runs.status, tags.value FROM runs
    LEFT JOIN tags ON tags.run_uuid = runs.run_uuid AND tags.key = ?
    WHERE runs.lifecycle_stage = 'active'
"""


def tracking_problems(database: Path, cells: Collection[str]) -> list[str]:
    """Cells without exactly one run that has ended, and a database that is not whole.

    Args:
        database: SQLite file of MLflow.
        cells: that must be there.
    """
    if not database.exists():
        return ["MLflow: no database"]
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        try:
            check = connection.execute("PRAGMA integrity_check").fetchone()[0]
            rows = connection.execute(_QUERY, (_CELL_TAG,)).fetchall()
        except sqlite3.DatabaseError as error:
            return [f"MLflow: {error}"]
    problems = [] if check == "ok" else [f"MLflow: {check}"]
    problems += [
        f"MLflow: a run of {cell} is {status}"
        for status, cell in rows
        if status not in ("FINISHED", "FAILED")
    ]
    counts = Counter(cell for _, cell in rows if cell is not None)
    problems += [
        f"MLflow: {counts[cell]} runs of {cell[:16]}" for cell in cells if counts[cell] != 1
    ]
    return problems
