"""Commands that behave as a Python would, for tests of what is done with one."""

from __future__ import annotations

from pathlib import Path

VERSIONS = (
    '{"allennlp": "2.10.1", "allennlp-models": "2.10.1", "numpy": "1", "python": "3.10.1", '
    '"torch": "1"}'
)


def write_script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def answering(path: Path, version: str) -> Path:
    """A Python of this version that does nothing but say so."""
    return write_script(path, f"echo {version}")


def building(path: Path, install: str = "echo Collecting allennlp", check: str = "") -> Path:
    """A Python whose environments hold itself, and which installs by ``install``."""
    check = check or f"echo '{VERSIONS}'"
    return write_script(
        path,
        f"""case "$*" in
  "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  *"pip "*install*) {install} ;;
  *"worker.py --versions") {check} ;;
  *"-c "*) echo 3.10 ;;
  *) echo "unexpected: $*" ; exit 9 ;;
esac""",
    )
