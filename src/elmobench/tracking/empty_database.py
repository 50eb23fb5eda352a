"""New SQLite databases of MLflow, copied from one that is kept in the user's cache folder.

MLflow creates its tables by dozens of migrations, which take one to two seconds of processor time;
a copy takes milliseconds. One empty database is kept per version of MLflow. MLflow checks a copy as
it checks every database that it opens. If it refuses the copy, or brings its tables to another
revision, a new one is made and kept.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path

from elmobench.core import paths
from elmobench.core.files import atomic_path
from elmobench.tracking.sqlite_file import damage, sqlite_uri


def kept_database() -> Path:
    """The empty database of the installed MLflow, whether it exists or not."""
    return paths.home() / "mlflow" / f"empty-{version('mlflow-skinny')}.db"


def fill(
    path: Path, open_file: Callable[[str], object], failures: tuple[type[Exception], ...]
) -> None:
    """Make an empty file a database with all of MLflow's tables and its default experiment.

    Args:
        path: the empty file.
        open_file: lets MLflow open the database at a tracking URI, creating what is missing.
        failures: what ``open_file`` raises for a database that it cannot use.

    Raises:
        Exception: one of ``failures``, if the database cannot be created.
    """
    kept = kept_database()
    # Under another name: MLflow checks each address only once in a process.
    copy = path.with_name(f"{path.name}-copy")
    try:
        if _copied(kept, copy):
            with suppress(*failures):
                revision = _revision(copy)
                open_file(sqlite_uri(copy))
                if _revision(copy) == revision:
                    copy.replace(path)
                    return
    finally:
        copy.unlink(missing_ok=True)
    open_file(sqlite_uri(path))
    # Without the kept copy everything works as well, only later.
    with suppress(OSError, sqlite3.Error):
        _keep(path, kept)


def _copied(kept: Path, path: Path) -> bool:
    try:
        shutil.copyfile(kept, path)
        return damage(path) is None
    except (OSError, sqlite3.Error):
        return False


def _revision(path: Path) -> object:
    """The revision of the tables, as MLflow's migrations write it."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT version_num FROM alembic_version").fetchone()


def _keep(path: Path, kept: Path) -> None:
    with atomic_path(kept) as temporary:
        shutil.copyfile(path, temporary)
        with closing(sqlite3.connect(temporary)) as connection:
            # The default experiment names the working directory; MLflow adds one where it is
            # missing.
            connection.execute("DELETE FROM experiments")
            connection.commit()
