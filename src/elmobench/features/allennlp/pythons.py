"""A Python that AllenNLP 2.10.1 runs on: 3.8 to 3.10, wherever this machine keeps one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from elmobench.core.errors import ConfigError

VERSIONS: Final = ("3.10", "3.9", "3.8")
"""In the order in which they are taken. Older ones have no builds of the pinned packages."""

_ANSWER_SECONDS: Final = 60
# A Python without ensurepip makes no environment with pip in it (Debian's python3-venv apart).
_PROBE: Final = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
_GET_ONE: Final = "get one: `uv python install 3.10`, or `pyenv install 3.10`"


def find_python(named: Path | None = None) -> Path:
    """A Python of :data:`VERSIONS` that can make environments, the newest one first.

    Each is looked for on PATH (``python3.10``), among pyenv's versions and by
    ``uv python find``, and is asked for its version before it is taken: pyenv's commands on PATH
    are there for versions that do not run.

    Args:
        named: take this one and look for no other.

    Raises:
        ConfigError: none is found, or ``named`` is none; tells what was looked for.
    """
    if named is not None:
        return _checked(named)
    for version in VERSIONS:
        for candidate in _candidates(version):
            if _version_of(candidate) == version:
                return candidate
    uv = "" if shutil.which("uv") else " (uv itself is not on PATH)"
    raise ConfigError(
        "no Python from 3.8 to 3.10, and AllenNLP 2.10.1 runs on no newer one; looked for "
        f"{', '.join(f'python{v}' for v in VERSIONS)} on PATH, in {_pyenv_versions()} and by "
        f"`uv python find`{uv}",
        where="reference environment",
        fix=f"{_GET_ONE}; or name one: `elmobench reference setup --python PATH`",
    )


def _checked(path: Path) -> Path:
    # An absolute path, but no resolved one: a link's target may be another environment's Python.
    found = path.expanduser().absolute()
    version = _version_of(found)
    if version in VERSIONS:
        return found
    what = (
        f"is Python {version}, and AllenNLP 2.10.1 needs one from 3.8 to 3.10"
        if version
        else "is no Python that runs and can make environments (with venv and ensurepip)"
    )
    raise ConfigError(what, where=str(path), fix=f"name another one, or {_GET_ONE}")


def _candidates(version: str) -> Iterator[Path]:
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield Path(on_path)
    # Patch levels as numbers: 3.10.13 is newer than 3.10.9.
    kept = _pyenv_versions().glob(f"{version}.*/bin/python")
    yield from sorted(kept, key=lambda path: _patch(path.parts[-3]), reverse=True)
    uv = shutil.which("uv")
    if uv:
        found = _output([uv, "python", "find", version])
        if found:
            yield Path(found)


def _patch(name: str) -> int:
    last = name.rsplit(".", 1)[-1]
    return int(last) if last.isdecimal() else -1


def _pyenv_versions() -> Path:
    root = os.environ.get("PYENV_ROOT")
    return (Path(root).expanduser() if root else Path.home() / ".pyenv") / "versions"


def _version_of(python: Path) -> str | None:
    """``3.10`` for a Python that runs and can make environments, else None."""
    return _output([str(python), "-I", "-c", _PROBE])


def _output(command: list[str]) -> str | None:
    """What a command prints, stripped; None if it fails or cannot be run."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_ANSWER_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
