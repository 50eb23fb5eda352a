"""An MLflow store that is damaged, locked, half made, full or away costs no result."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import socket
import sqlite3
import warnings
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
from made_records import make_record
from mlflow import MlflowClient
from sqlalchemy.engine.default import DefaultDialect

from elmobench.core.errors import ElmobenchWarning
from elmobench.tracking import mlflow_store, sqlite_file
from elmobench.tracking.mlflow_log import CELL_TAG, MlflowTracker
from elmobench.tracking.mlflow_store import default_path, default_uri
from elmobench.tracking.record_store import RecordStore
from elmobench.tracking.sqlite_file import sqlite_path, sqlite_uri
from elmobench.tracking.tracker import Tracker, TrackingError, open_tracker

# MLflow takes a second or two to create a database.
pytestmark = pytest.mark.slow


def logged_cells(uri: str, name: str = "study") -> list[str]:
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        return []
    runs = client.search_runs([experiment.experiment_id])
    return sorted(run.data.tags[CELL_TAG][0] for run in runs if CELL_TAG in run.data.tags)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new database without runs; MLflow takes a second to create one."""
    path = tmp_path_factory.mktemp("whole") / "mlflow.db"
    MlflowClient(tracking_uri=sqlite_uri(path)).search_experiments()
    return path


def begun(folder: Path, whole: Path) -> Path:
    """The default database of a folder, copied from ``whole``."""
    path = default_path(folder)
    path.parent.mkdir(parents=True)
    return Path(shutil.copy(whole, path))


def store_with(folder: Path, letters: str) -> RecordStore:
    records = RecordStore(folder)
    for seed, letter in enumerate(letters):
        records.write(make_record(letter * 64, seed=seed))
    return records


def opened(records: RecordStore, uri: str | None = None) -> Tracker:
    tracker = open_tracker(uri, records, "study")
    assert tracker is not None
    return tracker


@pytest.mark.parametrize("content", [b"some text\n", b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_damaged_database_is_put_aside_and_filled_anew(tmp_path: Path, content: bytes) -> None:
    records = store_with(tmp_path, "ab")
    path = default_path(tmp_path)
    path.parent.mkdir()
    path.write_bytes(content)
    journal = path.with_name("mlflow.db-journal")
    journal.write_bytes(b"old")
    with pytest.warns(ElmobenchWarning, match=r"is damaged .* is now called mlflow.db.damaged-1"):
        tracker = opened(records)
    assert tracker.sync() == 2
    assert logged_cells(default_uri(tmp_path)) == ["a", "b"]
    assert path.with_name("mlflow.db.damaged-1").read_bytes() == content
    assert not journal.exists()
    # A second one does not replace the first.
    path.write_bytes(content)
    with pytest.warns(ElmobenchWarning, match="damaged-2"):
        tracker.sync()
    assert logged_cells(default_uri(tmp_path)) == ["a", "b"]
    assert path.with_name("mlflow.db.damaged-1").read_bytes() == content


def test_a_database_that_is_damaged_during_a_run_is_replaced_at_its_end(
    tmp_path: Path, whole: Path
) -> None:
    records = store_with(tmp_path, "ab")
    begun(tmp_path, whole)
    tracker = opened(records)
    assert tracker.log(make_record("a" * 64))
    default_path(tmp_path).write_text("no database")
    with pytest.warns(ElmobenchWarning, match="Results are recorded as usual"):
        assert not tracker.log(make_record("b" * 64, seed=1))
    with pytest.warns(ElmobenchWarning, match="damaged-1"):
        assert tracker.sync() == 2
    assert logged_cells(default_uri(tmp_path)) == ["a", "b"]


def test_a_half_made_database_is_put_aside(tmp_path: Path, whole: Path) -> None:
    records = store_with(tmp_path, "a")
    with closing(sqlite3.connect(begun(tmp_path, whole))) as connection:
        # As after a creation that was cut short between two migrations.
        connection.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")
        connection.execute("DROP TABLE registered_models")
        connection.commit()
    with pytest.warns(ElmobenchWarning, match="left half made"):
        tracker = opened(records)
    assert tracker.sync() == 1
    assert logged_cells(default_uri(tmp_path)) == ["a"]


def test_an_outdated_database_that_has_runs_is_left_alone(tmp_path: Path, whole: Path) -> None:
    folder = tmp_path / "before"
    records = store_with(folder, "a")
    with closing(sqlite3.connect(begun(folder, whole))) as connection:
        assert opened(records).sync() == 1
        connection.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")
        connection.commit()
    # Another address: MLflow checks each one only once in a process.
    folder = folder.rename(tmp_path / "after")
    # MLflow 3.5 repeats the migrations since then, the first of which fails.
    with pytest.warns(ElmobenchWarning, match=r"out-of-date database schema|already exists"):
        opened(RecordStore(folder))
    names = {path.name for path in default_path(folder).parent.glob("mlflow.db*")}
    assert names == {"mlflow.db", "mlflow.db.lock"}


def test_files_at_given_addresses_are_left_alone(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    with pytest.warns(ElmobenchWarning, match="is a damaged database"):
        opened(store_with(tmp_path / "r", "a"), f"sqlite:///{notes}")
    assert notes.read_text() == "mine"


def test_a_locked_database_is_waited_for_and_then_written(
    tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = store_with(tmp_path, "ab")
    begun(tmp_path, whole)
    assert opened(records).log(make_record("a" * 64))
    monkeypatch.setattr(sqlite_file, "LOCK_SECONDS", 0.1)
    with closing(sqlite3.connect(default_path(tmp_path))) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.warns(ElmobenchWarning, match="database is locked"):
            tracker = opened(records)
        assert not tracker.log(make_record("b" * 64, seed=1))
        other.rollback()
    assert tracker.sync() == 1
    assert logged_cells(default_uri(tmp_path)) == ["a", "b"]
    assert not list(default_path(tmp_path).parent.glob("*damaged*"))


def test_a_creation_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = store_with(tmp_path, "a")
    folder = default_path(tmp_path).parent
    folder.mkdir()
    (folder / ".mlflow.db.0123.part").write_text("of a run that was killed")

    def full(uri: str) -> None:
        path = sqlite_path(uri)
        assert path is not None
        path.write_text("half")
        path.with_name(path.name + "-journal").write_text("half")
        raise OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(mlflow_store, "_open_file", full)
        with pytest.warns(ElmobenchWarning, match="No space left on device"):
            tracker = opened(records)
    assert [path.name for path in folder.iterdir()] in ([], ["mlflow.db.lock"])
    assert tracker.sync() == 1
    assert logged_cells(default_uri(tmp_path)) == ["a"]


def test_a_record_that_is_refused_does_not_hold_up_the_others(
    tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = store_with(tmp_path, "abc")
    begun(tmp_path, whole)
    tracker = opened(records)
    write = tracker._log

    def picky(client: object, ids: object, record: object) -> None:
        if record.cell.startswith("a"):  # type: ignore[attr-defined]
            raise AttributeError("a fault of mlflow")
        write(client, ids, record)  # type: ignore[arg-type]

    monkeypatch.setattr(tracker, "_log", picky)
    with pytest.warns(ElmobenchWarning, match="a fault of mlflow"):
        tracker.log(make_record("a" * 64))
    with warnings.catch_warnings():  # one warning is enough
        warnings.simplefilter("error")
        assert tracker.sync() == 2
    assert logged_cells(default_uri(tmp_path)) == ["b", "c"]


def test_what_waits_is_logged_with_the_next_record(
    tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(tmp_path, whole)
    tracker = opened(store_with(tmp_path, "ab"))

    def away(*_: object, **__: object) -> None:
        raise RuntimeError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "create_run", away)
        with pytest.warns(ElmobenchWarning, match="gone"):
            assert not tracker.log(make_record("a" * 64))
    tracker._store.forget_failures()  # as if the pause were over
    assert tracker.log(make_record("b" * 64, seed=1))
    assert logged_cells(default_uri(tmp_path)) == ["a", "b"]


def test_a_server_that_does_not_answer_is_given_up_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.warns(ElmobenchWarning, match="elmobench track"):
            tracker = opened(store_with(tmp_path, "ab"), uri)
        # Nothing is asked while the server is away: no time is lost with any record.
        monkeypatch.setattr(MlflowClient, "get_experiment_by_name", None)
        assert not tracker.log(make_record("a" * 64))
        assert not tracker.log_report([])


def test_a_database_server_that_does_not_answer_is_given_up_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow_store, "_CONNECT_SECONDS", 0.2)
    monkeypatch.setattr(mlflow_store, "_new_client", lambda uri: multiprocessing.Event().wait(5))
    with pytest.warns(ElmobenchWarning, match="no answer within"):
        opened(store_with(tmp_path, "a"), "postgresql://127.0.0.1:1/x")


def test_rebuilding_where_it_is_impossible_is_an_error(tmp_path: Path) -> None:
    records = store_with(tmp_path, "a")
    (tmp_path / "mlflow").write_text("a file, not a folder")
    with pytest.raises(TrackingError, match=r"cannot be used.*(exists|directory)"):
        MlflowTracker(None, records, "study").rebuild()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only(tmp_path: Path) -> None:
    records = store_with(tmp_path, "a")
    (tmp_path / "mlflow").mkdir(mode=0o555)
    with pytest.warns(ElmobenchWarning, match="Permission denied"):
        opened(records)


@pytest.mark.parametrize("name", ["q?y #1", "p%3Fy", "naïve 日本 😀 it's"])
def test_the_database_lies_in_the_folder_whatever_its_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    records = store_with(folder, "a")
    records.write_predictions("a" * 64, [{"id": "1", "gold": "a", "predicted": "b"}])
    tracker = opened(records)
    assert tracker.sync() == 1
    assert [path.name for path in tmp_path.iterdir()] == [name]
    with closing(sqlite3.connect(folder / "mlflow" / "mlflow.db")) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (2,)
        (address,) = connection.execute(
            "SELECT artifact_location FROM experiments WHERE name = 'study'"
        ).fetchone()
    assert Path(unquote(urlparse(address).path)) == folder / "mlflow" / "artifacts"
    assert len([path for path in Path(folder / "mlflow" / "artifacts").rglob("*.json")]) == 1


def test_sqlite_addresses_and_files() -> None:
    for text in ["/a/b.db", "/a b/c.db", "/a?b/c.db", "/a#b/c.db", "/a%20b/c.db", "/ä/c.db"]:
        assert sqlite_path(sqlite_uri(Path(text))) == Path(text)
    assert sqlite_uri(Path("/a/b.db")) == "sqlite:////a/b.db"
    assert sqlite_path("sqlite:///relative.db") == Path("relative.db")
    assert sqlite_path("sqlite+pysqlite:///file:/a%3Fb/c.db?uri=true") == Path("/a?b/c.db")
    for uri in ["sqlite://", "sqlite:///:memory:", "http://127.0.0.1:5000", "postgresql://h/d", ""]:
        assert sqlite_path(uri) is None
    assert sqlite_path("sqlite:///file::memory:?cache=shared&uri=true") is None


def _open_and_log(folder: Path, letter: str, barrier: multiprocessing.Barrier) -> None:  # type: ignore[valid-type]
    import mlflow  # noqa: F401

    warnings.simplefilter("error", ElmobenchWarning)
    tracker = MlflowTracker(None, RecordStore(folder), "study")
    barrier.wait()  # type: ignore[attr-defined]
    tracker.open()
    assert tracker.log(make_record(letter * 64))


@pytest.mark.slow
def test_several_runs_begin_one_store_at_the_same_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without the empty database that the tests share: one of the runs makes it.
    monkeypatch.setenv("ELMOBENCH_HOME", str(tmp_path / "home"))
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(3)
    runs = [
        spawn.Process(target=_open_and_log, args=(tmp_path, letter, barrier)) for letter in "abc"
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert [run.exitcode for run in runs] == [0, 0, 0]
    assert logged_cells(default_uri(tmp_path)) == ["a", "b", "c"]
    with closing(sqlite3.connect(default_path(tmp_path))) as connection:
        assert connection.execute("SELECT count(*) FROM experiments").fetchone() == (2,)
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (4,)


def test_an_interrupt_while_a_connection_is_closed_prints_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    interrupts = 0

    def do_close(self: DefaultDialect, connection: sqlite3.Connection) -> None:
        nonlocal interrupts
        interrupts += 1
        raise KeyboardInterrupt

    tracker = opened(store_with(tmp_path, "a"))
    monkeypatch.setattr(DefaultDialect, "do_close", do_close)
    with pytest.raises(KeyboardInterrupt):
        tracker.log(make_record("a" * 64))
    assert interrupts
    assert not caplog.records
