"""Fixtures for all tests: caches of their own, and the development data where it exists."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

from elmobench.core import paths

# Tests compute on small arrays: more threads would not help, and threads that wait for one
# another while other processes keep the cores busy slow down a hundredfold. Set before torch
# is imported, and inherited by the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# No test asserts a time: machines are busy.
hypothesis.settings.register_profile("elmobench", deadline=None)
hypothesis.settings.load_profile("elmobench")

_SHARED = Path(
    os.environ.get("ELMOBENCH_SHARED", Path(__file__).resolve().parents[2] / "shared")
).absolute()
# Taken before a test's own settings hide it.
_REFERENCE = paths.reference().absolute()


@pytest.fixture
def shared() -> Path:
    """The development data folder; the test is skipped where there is none."""
    if not (_SHARED / "mirror").is_dir():
        pytest.skip("no development data folder (set ELMOBENCH_SHARED to run this)")
    return _SHARED


@pytest.fixture(scope="session")
def _empty_databases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of MLflow's empty database, which all tests and their processes share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "empty-databases"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(autouse=True)
def _private_environment(
    tmp_path_factory: pytest.TempPathFactory, _empty_databases: Path, monkeypatch
) -> None:
    """No test reads or writes the user's caches or settings."""
    for name in list(os.environ):
        if name.startswith("ELMOBENCH_"):
            monkeypatch.delenv(name)
    # Tests capture what a terminal shows; those of rows for a pipe say so.
    monkeypatch.setenv("ELMOBENCH_OUTPUT", "table")
    home = tmp_path_factory.mktemp("home")
    (home / "mlflow").symlink_to(_empty_databases)
    monkeypatch.setenv("ELMOBENCH_HOME", str(home))


@pytest.fixture
def allennlp(monkeypatch) -> None:
    """AllenNLP's environment; the test is skipped where it has not been built."""
    from elmobench.features.allennlp.environment import SETUP_COMMAND, built_environment

    monkeypatch.setenv(paths.REFERENCE_VARIABLE, str(_REFERENCE))
    if built_environment() is None:
        pytest.skip(f"AllenNLP's environment is not in {_REFERENCE} (`{SETUP_COMMAND}` builds it)")
