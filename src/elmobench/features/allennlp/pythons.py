"""Find a Python on this machine that AllenNLP 2.10.1 supports: 3.8 to 3.10."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from elmobench.core.errors import ConfigError
from elmobench.core.paths import expanded

VERSIONS: Final = ("3.10", "3.9", "3.8")
"""In order of preference. There are no builds of the pinned packages for older versions."""

_ANSWER_SECONDS: Final = 60
# A Python without ensurepip (Debian without python3-venv) cannot create an environment with pip.
_PROBE: Final = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
_INSTALL: Final = "install one: `uv python install 3.10`, or `pyenv install 3.10`"


def find_python(named: Path | None = None) -> Path:
    """Find a Python of :data:`VERSIONS` that can create environments; newest version first.

    Each version is searched on PATH (``python3.10``), among pyenv's versions and with
    ``uv python find``. Every candidate is run to check its version, since pyenv's commands on PATH
    also exist for versions that do not run.

    Args:
        named: use this Python and search for no other.

    Raises:
        ConfigError: none is found, or ``named`` cannot be used; the message lists the places that
            were searched.
    """
    if named is not None:
        return _checked(named)
    for version in VERSIONS:
        for candidate in _candidates(version):
            if _version_of(candidate) == version:
                return candidate
    uv = "" if shutil.which("uv") else " (uv itself is not on PATH)"
    raise ConfigError(
        "found no Python from 3.8 to 3.10, and AllenNLP 2.10.1 supports no newer one; searched for "
        f"{', '.join(f'python{v}' for v in VERSIONS)} on PATH, in {_pyenv_versions()} and by "
        f"`uv python find`{uv}",
        where="reference environment",
        fix=f"{_INSTALL}; or name one: `elmobench reference setup --python PATH`",
    )


def _checked(path: Path) -> Path:
    # Absolute but not resolved: the target of a link may be the Python of another environment.
    python = expanded(str(path), "--python").absolute()
    version = _version_of(python)
    if version in VERSIONS:
        return python
    what = (
        f"is Python {version}, and AllenNLP 2.10.1 needs 3.8 to 3.10"
        if version
        else "is not a Python that runs and can create environments (with venv and ensurepip)"
    )
    raise ConfigError(what, where=str(path), fix=f"name another one, or {_INSTALL}")


def _candidates(version: str) -> Iterator[Path]:
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield Path(on_path)
    # Compare patch levels as numbers: 3.10.13 is newer than 3.10.9.
    kept = _pyenv_versions().glob(f"{version}.*/bin/python")
    yield from sorted(kept, key=lambda path: _patch(path.parts[-3]), reverse=True)
    uv = shutil.which("uv")
    if uv:
        printed = _output([uv, "python", "find", version])
        if printed:
            yield Path(printed)


def _patch(name: str) -> int:
    last = name.rsplit(".", 1)[-1]
    return int(last) if last.isdecimal() else -1


def _pyenv_versions() -> Path:
    root = os.environ.get("PYENV_ROOT")
    return (expanded(root, "PYENV_ROOT") if root else Path.home() / ".pyenv") / "versions"


def _version_of(python: Path) -> str | None:
    """Return ``3.10`` for a Python 3.10 that can create environments; None if it cannot run."""
    return _output([str(python), "-I", "-c", _PROBE])


def _output(command: list[str]) -> str | None:
    """Return the stripped output of a command; None if it fails or cannot be run."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_ANSWER_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
