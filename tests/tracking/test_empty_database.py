"""The empty database that is kept per version of MLflow, and the copies that runs begin with."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from made_records import make_record

from elmobench.tracking.empty_database import kept_database
from elmobench.tracking.mlflow_store import default_path
from elmobench.tracking.record_store import RecordStore
from elmobench.tracking.tracker import open_tracker

# MLflow takes a second or two to create a database.
pytestmark = pytest.mark.slow


def contents(path: Path) -> list[str]:
    """The tables and rows of a database, without times; the path's folder is called FOLDER.

    Words of each statement are sorted: MLflow's migrations write constraints in any order.
    """
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT experiment_id, name, lifecycle_stage, artifact_location FROM experiments"
        ).fetchall()
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        tables = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        workspaces = connection.execute("SELECT * FROM workspaces").fetchall()
    assert len(tables) > 50
    schema = [(name, sorted(re.findall(r"\w+", sql or ""))) for name, sql in tables]
    texts = map(str, (*rows, revision, *schema, *workspaces))
    return [text.replace(str(path.parents[1]), "FOLDER") for text in texts]


def logged_into(folder: Path) -> Path:
    records = RecordStore(folder)
    records.write(make_record("a" * 64))
    tracker = open_tracker(None, records, "study")
    assert tracker is not None
    assert tracker.sync() == 1
    return default_path(folder)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder without a kept database; the other tests share one."""
    monkeypatch.setenv("ELMOBENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_a_copy_is_what_mlflow_makes_and_is_made_anew_where_it_is_not(
    home: Path, tmp_path: Path
) -> None:
    made = contents(logged_into(tmp_path / "made"))
    kept = kept_database()
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]
    before = kept.read_bytes()
    copied = contents(logged_into(tmp_path / "copied"))
    assert copied == made
    assert kept.read_bytes() == before
    # Damaged.
    kept.write_bytes(before[: len(before) // 2])
    assert contents(logged_into(tmp_path / "again")) == made
    # Of another revision of the tables, as after a change of MLflow without a new version.
    with closing(sqlite3.connect(kept)) as connection:
        assert connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
        connection.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")
        connection.commit()
    assert contents(logged_into(tmp_path / "other")) == made
    with closing(sqlite3.connect(kept)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() != (
            "451aebb31d03",
        )


def test_without_a_place_for_it_a_run_is_logged_as_well(home: Path, tmp_path: Path) -> None:
    home.write_text("a file where the folder should be")
    assert logged_into(tmp_path / "run").is_file()
    assert home.read_text() == "a file where the folder should be"
