"""The environment that AllenNLP runs in: where it is, whether it is whole, and how it is built."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Final

import filelock

from elmobench.core import paths
from elmobench.core.digests import canonical_json, file_sha256
from elmobench.core.errors import ConfigError, ElmobenchError
from elmobench.core.files import write_text

REQUIREMENTS: Final = Path(__file__).with_name("requirements-allennlp.txt")
WORKER: Final = Path(__file__).with_name("worker.py")
SETUP_COMMAND: Final = "elmobench reference setup"

_MARK: Final = "elmobench-reference.json"
_LAST_LINES: Final = 15


@dataclass(frozen=True)
class Environment:
    """An environment that has been built.

    Attributes:
        folder: where it is.
        versions: of ``python``, ``allennlp``, ``torch`` and ``numpy`` in it.
        seconds: that the building took.
        bytes: that it takes on the disk.
    """

    folder: Path
    versions: dict[str, str]
    seconds: float
    bytes: int

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return _python_in(self.folder)


@cache
def requirements_digest() -> str:
    """SHA-256 (hex) of the pinned requirements: another one is another environment."""
    return file_sha256(REQUIREMENTS)


def environment_folder() -> Path:
    """Where the environment of these requirements is, or would be."""
    return paths.reference() / f"allennlp-2.10.1-{requirements_digest()[:12]}"


def built_environment() -> Environment | None:
    """The environment, or None if it is not there.

    Raises:
        ConfigError: if it is there and its Python is not.
    """
    folder = environment_folder()
    try:
        mark = json.loads((folder / _MARK).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    found = Environment(folder, mark["versions"], mark["seconds"], mark["bytes"])
    if not found.python.exists():
        raise ConfigError(
            "its Python is gone (the one that it was built with was removed)",
            where=f"reference environment {folder}",
            fix=f"delete that folder, then `{SETUP_COMMAND}`",
        )
    return found


def require_environment(where: str) -> Environment:
    """The environment. Raises ConfigError if it has not been built, and says how to."""
    found = built_environment()
    if found is None:
        raise ConfigError(
            "AllenNLP runs in an environment of its own, which is not there: "
            f"{environment_folder()}",
            where=where,
            fix=f"`{SETUP_COMMAND}` builds it (2.3 GB, some minutes), or set "
            f"{paths.REFERENCE_VARIABLE} to the folder that holds it",
        )
    return found


def build_environment(
    python: Callable[[], Path], report: Callable[[str], object]
) -> tuple[Environment, bool]:
    """The environment and whether it was built now; one that is there is kept.

    It is built under another name and gets its own when AllenNLP can be imported in it, so that
    an interrupted one is never taken for a whole one. Two builders wait for one another.

    Args:
        python: gives the Python to build with; called only if there is something to build.
        report: called with each step and with each line that pip prints.

    Raises:
        ConfigError: if there is no such Python.
        ElmobenchError: if a package cannot be installed or AllenNLP cannot be imported; holds
            the last lines of the log and where the log is.
    """
    folder = environment_folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder.parent / f".{folder.name}.lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        report("waiting: another process builds it")
        lock.acquire()
    try:
        found = built_environment()
        if found is not None:
            return found, False
        return _build(folder, python(), report), True
    finally:
        lock.release()


def _build(folder: Path, python: Path, report: Callable[[str], object]) -> Environment:
    part = folder.with_name(f".{folder.name}.part")
    log = folder.with_name(f"{folder.name}.log")
    shutil.rmtree(part, ignore_errors=True)  # What an interrupted builder left.
    start = time.monotonic()
    own = _python_in(part)
    try:
        log.write_bytes(b"")
        report(f"making an environment with {python}")
        _run([str(python), "-m", "venv", str(part)], log, report)
        report("installing AllenNLP 2.10.1 and what it needs, about 0.9 GB to download")
        pip = [str(own), "-I", "-m", "pip", "--disable-pip-version-check", "--no-input"]
        install = ["install", "--progress-bar=off", "--require-hashes", "-r", str(REQUIREMENTS)]
        _run([*pip, *install], log, report)
        report("importing AllenNLP")
        printed = _run([str(own), "-I", str(WORKER), "--versions"], log, report)
        answer = next(line for line in reversed(printed) if line.startswith("{"))
        built = Environment(
            folder,
            json.loads(answer),
            round(time.monotonic() - start, 1),
            sum(path.lstat().st_size for path in part.rglob("*")),
        )
        mark = {key: value for key, value in asdict(built).items() if key != "folder"}
        write_text(part / _MARK, canonical_json(mark))
        shutil.rmtree(folder, ignore_errors=True)  # One without a mark was being deleted.
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return built


def _run(command: list[str], log: Path, report: Callable[[str], object]) -> list[str]:
    """Run a step and return the last lines that it printed; all of them go to the log.

    Raises:
        ElmobenchError: if it fails.
    """
    last: deque[str] = deque(maxlen=_LAST_LINES)
    with (
        log.open("a", encoding="utf-8") as record,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env=worker_environment(),
        ) as process,
    ):
        assert process.stdout is not None
        try:
            for line in process.stdout:
                record.write(line)
                if line.strip():
                    last.append(line.rstrip())
                    report(line.strip())
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise ElmobenchError(
            "the reference environment could not be built:\n    " + "\n    ".join(last),
            where=" ".join(command[:4]),
            fix=f"all that was printed is in {log}",
        )
    return list(last)


def worker_environment() -> dict[str, str]:
    """This process's variables, without those that lead a Python to another one's packages."""
    left_out = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
    return {name: value for name, value in os.environ.items() if name not in left_out}


def _python_in(folder: Path) -> Path:
    return folder / "bin" / "python"
