"""The Python environment of AllenNLP: find it, check it and build it."""

from __future__ import annotations

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
from pydantic import TypeAdapter

from elmobench.core import paths
from elmobench.core.digests import canonical_json, digest_of, file_sha256
from elmobench.core.errors import ConfigError, ElmobenchError
from elmobench.core.files import write_text
from elmobench.core.parsing import parsing
from elmobench.core.strict_model import StrictModel

REQUIREMENTS: Final = Path(__file__).with_name("requirements-allennlp.txt")
MODELS_REQUIREMENTS: Final = Path(__file__).with_name("requirements-models.txt")
WORKER: Final = Path(__file__).with_name("worker.py")
SETUP_COMMAND: Final = "elmobench reference setup"

_MARK: Final = "elmobench-reference.json"
_LAST_LINES: Final = 15


@dataclass(frozen=True)
class Environment:
    """An environment that has been built.

    Attributes:
        folder: of the environment.
        versions: of ``python``, ``allennlp``, ``allennlp-models``, ``torch`` and ``numpy`` in it.
        seconds: duration of the build.
        bytes: size on disk.
    """

    folder: Path
    versions: dict[str, str]
    seconds: float
    bytes: int

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return _python_in(self.folder)


class _Mark(StrictModel):
    """The file that a complete environment has; what :class:`Environment` is made from."""

    versions: dict[str, str]
    seconds: float
    bytes: int


_VERSIONS: Final = TypeAdapter(dict[str, str])


@cache
def requirements_digest() -> str:
    """Return the SHA-256 (hex) of AllenNLP's pinned requirements, which compute the vectors."""
    return file_sha256(REQUIREMENTS)


def environment_folder() -> Path:
    """Return the folder of the environment with these requirements; it need not exist."""
    digest = digest_of([requirements_digest(), file_sha256(MODELS_REQUIREMENTS)])
    return paths.reference() / f"allennlp-2.10.1-{digest[:12]}"


def built_environment() -> Environment | None:
    """Return the environment, or None if it has not been built.

    Raises:
        ConfigError: if the environment exists but is damaged, or its Python was removed.
    """
    folder = environment_folder()
    if not (folder / _MARK).exists():
        return None
    where = f"reference environment {folder}"
    fix = f"delete that folder, then run `{SETUP_COMMAND}`"
    with parsing(where, ConfigError, what=f"its file {_MARK} is damaged", fix=fix):
        mark = _Mark.model_validate_json((folder / _MARK).read_bytes())
    environment = Environment(folder, mark.versions, mark.seconds, mark.bytes)
    if not environment.python.exists():
        raise ConfigError(
            "its Python is missing: the Python that it was built with was removed",
            where=where,
            fix=fix,
        )
    return environment


def require_environment(where: str) -> Environment:
    """Return the environment. Raises ConfigError, with instructions, if it has not been built."""
    environment = built_environment()
    if environment is None:
        raise ConfigError(
            "AllenNLP runs in a separate environment, which has not been built: "
            f"{environment_folder()}",
            where=where,
            fix=f"`{SETUP_COMMAND}` builds it (2.3 GB, some minutes), or set "
            f"{paths.REFERENCE_VARIABLE} to the folder that contains it",
        )
    return environment


def build_environment(
    python: Callable[[], Path], report: Callable[[str], object]
) -> tuple[Environment, bool]:
    """Build the environment unless it exists; return it and whether it was built by this call.

    It is built under a temporary name and renamed when AllenNLP can be imported, so that an
    interrupted build is never used. A second process that builds it waits for the first.

    Args:
        python: returns the Python to build with; called only if the environment must be built.
        report: called with each step and with each line that pip prints.

    Raises:
        ConfigError: if there is no suitable Python.
        ElmobenchError: if a package cannot be installed or AllenNLP cannot be imported; includes
            the last lines of the log and its path.
    """
    folder = environment_folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder.parent / f".{folder.name}.lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        report("waiting for another process that is building it")
        lock.acquire()
    try:
        environment = built_environment()
        if environment is not None:
            return environment, False
        return _build(folder, python(), report), True
    finally:
        lock.release()


def _build(folder: Path, python: Path, report: Callable[[str], object]) -> Environment:
    part = folder.with_name(f".{folder.name}.part")
    log = folder.with_name(f"{folder.name}.log")
    shutil.rmtree(part, ignore_errors=True)  # from an interrupted build
    start = time.monotonic()
    own = _python_in(part)
    try:
        log.write_bytes(b"")
        report(f"creating an environment with {python}")
        _run([str(python), "-m", "venv", str(part)], log, report)
        report("installing AllenNLP 2.10.1 and its dependencies, about 0.9 GB to download")
        pip = [str(own), "-I", "-m", "pip", "--disable-pip-version-check", "--no-input"]
        install = [*pip, "install", "--progress-bar=off", "--require-hashes", "-r"]
        _run([*install, str(REQUIREMENTS)], log, report)
        report("installing AllenNLP's models")
        _run([*install, str(MODELS_REQUIREMENTS), "--no-deps"], log, report)
        report("importing AllenNLP and its models")
        printed = _run([str(own), "-I", str(WORKER), "--versions"], log, report)
        answer = next((line for line in reversed(printed) if line.startswith("{")), "nothing")
        what = "AllenNLP's process printed no versions"
        with parsing(str(own), ElmobenchError, what=what, fix=f"the output is in {log}"):
            versions = _VERSIONS.validate_json(answer)
        built = Environment(
            folder,
            versions,
            round(time.monotonic() - start, 1),
            sum(path.lstat().st_size for path in part.rglob("*")),
        )
        mark = {key: value for key, value in asdict(built).items() if key != "folder"}
        write_text(part / _MARK, canonical_json(mark))
        shutil.rmtree(folder, ignore_errors=True)  # without a mark: a partly deleted one
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return built


def _run(command: list[str], log: Path, report: Callable[[str], object]) -> list[str]:
    """Run a command, append its output to the log, and return the last lines of the output.

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
            fix=f"the complete output is in {log}",
        )
    return list(last)


def worker_environment() -> dict[str, str]:
    """Return the environment variables without those that change where Python finds packages."""
    left_out = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
    return {name: value for name, value in os.environ.items() if name not in left_out}


def _python_in(folder: Path) -> Path:
    return folder / "bin" / "python"
