"""The SQLite file of an MLflow store: created as a whole or not at all, checked, put aside.

MLflow creates its tables by dozens of migrations, which SQLite does not undo: a database whose
creation was cut short, or that two processes created at once, can never be used again. Here a
database is created under another name and renamed once it is complete.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, unquote

from elmobench.core.files import aside_path, atomic_path

LOCK_SECONDS = 5.0
"""How long to wait for a database that another program has locked."""

_COMPANIONS = ("-journal", "-wal", "-shm")
"""Files that SQLite keeps next to a database; they belong to its content."""

# Codes by which SQLite says that a file cannot be used now, whatever its content:
# no permission, locked (2), no memory, read-only, input/output, full disk, cannot be opened.
_NOT_ABOUT_CONTENT = {3, 5, 6, 7, 8, 10, 13, 14}


def sqlite_uri(path: Path) -> str:
    """The MLflow tracking URI of a SQLite file, whatever characters its path contains.

    >>> sqlite_uri(Path("/results/demo/mlflow/mlflow.db"))
    'sqlite:////results/demo/mlflow/mlflow.db'
    """
    path = path.resolve()
    plain = f"sqlite:///{path}"
    if re.fullmatch(r"[\w./-]+", str(path), re.ASCII):
        return plain  # without the import of SQLAlchemy, which takes as long as a small training
    from sqlalchemy.engine import URL, make_url

    if str(path) == quote(str(path), safe="/ ") and make_url(plain).database == str(path):
        return plain
    # With the driver named, MLflow does not take the escaped path for that of a folder to create.
    uri: str = URL.create("sqlite+pysqlite", database=str(path)).render_as_string()
    if make_url(uri).database == str(path):
        return uri
    # SQLAlchemy 2.0 does not escape the path, and ends it at a question mark; SQLite's own form
    # of a URI is passed on as it is.
    return f"sqlite+pysqlite:///file:{quote(str(path))}?uri=true"


def sqlite_path(uri: str) -> Path | None:
    """The file that a tracking URI names; None for other stores and for databases in memory."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    if not uri.startswith(("sqlite:", "sqlite+")):
        return None
    try:
        url = make_url(uri)
    except ArgumentError:
        return None
    if not url.database or url.database == ":memory:":
        return None
    if url.database.startswith("file:"):
        # As `sqlite_uri` writes it; other settings may name a database that is no file.
        name = unquote(url.database.removeprefix("file:"))
        return Path(name) if url.query == {"uri": "true"} and name.startswith("/") else None
    return Path(url.database)


def damage(path: Path) -> str | None:
    """What is wrong with the content of a database; None if SQLite can read it.

    Raises:
        sqlite3.Error: if the file cannot be read at present, for instance because it is locked.
    """
    try:
        with closing(_connect(path)) as connection:
            row = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF in _NOT_ABOUT_CONTENT:
            raise
        return str(error)
    return None if row and row[0] == "ok" else f"SQLite's check says: {row and row[0]}"


def has_runs(path: Path) -> bool:
    """Whether a database holds any MLflow run; False also if it lacks the table of runs.

    Raises:
        sqlite3.Error: if it cannot be read and written at present.
    """
    with closing(_connect(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            return connection.execute("SELECT 1 FROM runs LIMIT 1").fetchone() is not None
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in _NOT_ABOUT_CONTENT:
                raise
            return False  # there is no such table
        finally:
            connection.rollback()


def put_aside(path: Path) -> Path:
    """Rename a database and its journal to ``NAME.damaged-N``; returns its new path."""
    aside = aside_path(path)
    # First its journal, which SQLite would otherwise apply to a new database of the same name.
    for ending in _COMPANIONS:
        companion = path.with_name(path.name + ending)
        if companion.exists():
            companion.rename(aside.with_name(aside.name + ending))
    path.rename(aside)
    return aside


def create(path: Path, fill: Callable[[Path], object]) -> None:
    """Create a database that appears under its name when it is complete.

    The caller holds a lock, so that what an earlier creation left behind can be removed.

    Args:
        path: its file.
        fill: creates the tables in an empty file.
    """
    try:
        with atomic_path(path) as temporary:
            fill(temporary)
    finally:
        for left in path.parent.glob(f".{path.name}.*.part*"):
            left.unlink(missing_ok=True)


def _connect(path: Path) -> sqlite3.Connection:
    # Never creates the file. Recovers what an interrupted process had begun to write.
    address = f"{path.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(address, uri=True, timeout=LOCK_SECONDS, isolation_level=None)
