"""An MLflow store that may fail at any time without any cost to the work that it tracks."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from filelock import FileLock

from elmobench.core.errors import ElmobenchError, ElmobenchWarning
from elmobench.core.parsing import PARSER_ERRORS, reason
from elmobench.tracking import empty_database, sqlite_file
from elmobench.tracking.sqlite_file import sqlite_path, sqlite_uri
from elmobench.tracking.tracker import TrackingError, TrackingUriError

if TYPE_CHECKING:
    from mlflow import MlflowClient

T = TypeVar("T")

_LOCK_SECONDS = 60.0
"""How long to wait for other processes that write to the same store; one creates it in seconds."""

_CONNECT_SECONDS = 30.0
"""How long to wait for a database server. MLflow itself tries for nearly two minutes."""

_FIRST_PAUSE = 30.0
_LONGEST_PAUSE = 600.0
"""Seconds without an attempt after the store failed: at first, and after it failed many times."""

_POOL_VARIABLES = ("MLFLOW_SQLALCHEMYSTORE_POOLCLASS", "MLFLOW_SQLALCHEMYSTORE_POOL_SIZE")


def default_path(folder: Path) -> Path:
    """The SQLite file of a results folder, or of the folder of a model that is trained."""
    return folder / "mlflow" / "mlflow.db"


def default_uri(folder: Path) -> str:
    """MLflow tracking URI of the SQLite file in ``folder``."""
    return sqlite_uri(default_path(folder))


class MlflowStore:
    """One MLflow store: opened when it is first used, and opened again after it failed.

    A SQLite file is created as a whole, by one process. The default one is put aside if it is
    damaged or half made, and a new one is begun; files at given addresses are left alone.

    Args:
        uri: any MLflow tracking URI; None for the SQLite file in ``folder``.
        folder: of the results or the model.

    Attributes:
        uri: the tracking URI.
        is_default: whether it is the file in the folder.
        artifacts: URI of the folder for artifacts; None where the server has its own.
    """

    def __init__(self, uri: str | None, folder: Path) -> None:
        self.is_default = uri is None
        self._file = default_path(folder).resolve() if uri is None else sqlite_path(uri)
        self.uri = default_uri(folder) if uri is None else uri
        # Processes that share a store write to it in turn.
        beside = folder / "locks" / "mlflow.lock"
        if self._file is not None:
            beside = self._file.with_name(f"{self._file.name}.lock")
        self._lock = FileLock(beside, timeout=_LOCK_SECONDS)
        self._client: MlflowClient | None = None
        self._pause = _FIRST_PAUSE
        self._away_until = 0.0

    @property
    def artifacts(self) -> str | None:
        """See the class."""
        return None if self._file is None else (self._file.parent / "artifacts").resolve().as_uri()

    @property
    def is_open(self) -> bool:
        """Whether the last attempt to use the store succeeded."""
        return self._client is not None

    @property
    def is_away(self) -> bool:
        """Whether the store failed a short time ago, so that no record should wait for it again."""
        return time.monotonic() < self._away_until

    def forget_failures(self) -> None:
        """Let the next attempt be made at once."""
        self._away_until, self._pause = 0.0, _FIRST_PAUSE

    @contextmanager
    def client(self) -> Iterator[MlflowClient]:
        """Yield MLflow's client; whatever fails inside the block is a ``TrackingError``.

        After a failure the store is checked and opened again by the next call.

        Raises:
            TrackingUriError: if MLflow does not know such addresses.
            TrackingError: if the store cannot be used.
        """
        try:
            _import_mlflow()
            with _quiet():
                Path(self._lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
                with self._lock:
                    if self._client is None:
                        self._client = self._open()
                    yield self._client
            self.forget_failures()
        except TrackingUriError:
            raise
        except _failures() as error:
            self._client = None
            self._away_until = time.monotonic() + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            raise TrackingError(
                f"the MLflow store cannot be used: {_reason(error)}",
                where=self.uri,
                fix="free the disk, start the server or correct the address, whichever it is; "
                "with --tracking-uri none nothing is logged",
            ) from error

    def _open(self) -> MlflowClient:
        """A client of the store, which is checked and, if it is a missing file, created."""
        if self._file is None:
            if self.uri.startswith(("http:", "https:")):
                return _new_client(self.uri)  # asks nothing yet
            return _within(_CONNECT_SECONDS, lambda: _new_client(self.uri))
        self._prepare(self._file)
        try:
            return _open_file(self.uri)
        except _failures():
            # Left half made by an earlier version, which created it in place.
            if not self.is_default or sqlite_file.has_runs(self._file):
                raise
            _put_aside(self._file, "was left half made by an interrupted run")
            self._prepare(self._file)
            return _open_file(self.uri)

    def _prepare(self, path: Path) -> None:
        """Put a damaged default file aside; create the file if there is none."""
        if path.exists() and path.stat().st_size:
            problem = sqlite_file.damage(path)
            if problem is None:
                return
            if not self.is_default:
                raise TrackingError(f"is a damaged database: {problem}", where=str(path))
            _put_aside(path, f"is damaged ({problem})")
        sqlite_file.create(path, _fill)


def _put_aside(path: Path, problem: str) -> None:
    aside = sqlite_file.put_aside(path)
    warnings.warn(
        f"the MLflow database {path} {problem}; it is now called {aside.name}, and a new one is "
        "filled from what is recorded",
        ElmobenchWarning,
        stacklevel=2,
    )


def _import_mlflow() -> None:
    """Import mlflow, which sets the level of its logger, with settings that it reads only then."""
    # It sends no usage statistics.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    # By default a request to an unreachable server is retried for minutes while cells wait.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "15")
    import mlflow  # noqa: F401


def _new_client(uri: str) -> MlflowClient:
    """A client; for databases, opening it creates what is missing there."""
    from mlflow import MlflowClient
    from mlflow.tracking.registry import UnsupportedModelRegistryStoreURIException

    try:
        return MlflowClient(tracking_uri=uri)
    except UnsupportedModelRegistryStoreURIException as error:
        raise TrackingUriError(
            "MLflow has no stores of this kind",
            where=f"--tracking-uri {uri}",
            fix="write sqlite:///FILE or the http address of a server, or run with "
            "--tracking-uri none",
        ) from error


def _open_file(uri: str) -> MlflowClient:
    """A client of a SQLite file that keeps no connection between two operations.

    A connection that is kept would go on writing to a file that was put aside.
    """
    added = not any(name in os.environ for name in _POOL_VARIABLES)
    if added:
        os.environ[_POOL_VARIABLES[0]] = "NullPool"
    try:
        return _new_client(uri)
    finally:
        if added:
            del os.environ[_POOL_VARIABLES[0]]


def _fill(path: Path) -> None:
    """Make an empty file a database of MLflow without runs."""
    empty_database.fill(path, _open_file, _failures())


def _failures() -> tuple[type[Exception], ...]:
    """What using MLflow may raise: its own errors, those of its libraries, and its faults."""
    kinds: tuple[type[Exception], ...] = (
        *PARSER_ERRORS,
        *(ElmobenchError, OSError, RuntimeError, MemoryError, ImportError, AssertionError),
        *(NameError, SystemError, sqlite3.Error),
    )
    try:
        from alembic.util.exc import CommandError
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError:
        return kinds
    return (*kinds, MlflowException, SQLAlchemyError, CommandError)


def _reason(error: Exception) -> str:
    """What an exception says, in one line without SQL statements."""
    return error.what if isinstance(error, TrackingError) else reason(error)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence MLflow and its libraries: they print tracebacks of errors that are handled here.

    SQLAlchemy also prints one of an interrupt while it closes a connection.
    """
    loggers = [logging.getLogger(name) for name in ("mlflow", "alembic", "sqlalchemy")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="(alembic|mlflow|sqlalchemy)")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _within(seconds: float, action: Callable[[], T]) -> T:
    """The result of ``action``, which is left behind in its thread if it takes longer.

    Raises:
        TimeoutError: if it takes longer.
    """
    outcome: dict[str, Any] = {}

    def work() -> None:
        try:
            outcome["value"] = action()
        except _failures() as error:
            outcome["error"] = error

    thread = threading.Thread(target=work, name="open MLflow", daemon=True)
    thread.start()
    thread.join(seconds)
    if "error" in outcome:
        raise outcome["error"]
    if "value" not in outcome:
        raise TimeoutError(f"no answer within {seconds:.0f} seconds")
    value: T = outcome["value"]
    return value
