"""Errors of files of a training that cannot be written, as on a full or read-only disk."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from elmobench.core import files
from elmobench.core.errors import ModelError

RESUMES = "make room on the disk; the same command resumes from the last good checkpoint"
STARTS_AGAIN = "make room on the disk, then run the same command again"


def writing(path: Path, *, fix: str = RESUMES) -> AbstractContextManager[None]:
    """Raise ModelError if ``path``, or a file below it, cannot be written in the block."""
    return files.writing(path, ModelError, fix=fix)
