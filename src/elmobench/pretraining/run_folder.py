"""The folder that a training writes into: one process at a time, without files of killed runs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from elmobench.core.errors import ConfigError
from elmobench.core.files import remove_leftovers
from elmobench.pretraining.writing import STARTS_AGAIN, writing

CHECKPOINTS = "checkpoints"
COOCCURRENCES = ".cooccurrences.part"
EXPORT = ".export.part"
"""Folders for what is not finished; a killed run leaves them."""
_LOCK = ".lock"


@contextmanager
def run_folder(out: Path) -> Iterator[None]:
    """Hold the lock of ``out``, which is created, and delete what killed runs left there.

    The operating system releases the lock when the process ends, however it ends.

    Raises:
        ConfigError: if another process trains into the folder.
        ModelError: if the folder cannot be written.
    """
    lock = FileLock(out / CHECKPOINTS / _LOCK, timeout=0)
    with writing(out, fix=STARTS_AGAIN):
        (out / CHECKPOINTS).mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout:
            raise ConfigError(
                "another process trains into this folder",
                where=str(out),
                fix="wait until it ends, or use another folder",
            ) from None
    try:
        with writing(out, fix=STARTS_AGAIN):
            for folder in (out, out / CHECKPOINTS):
                remove_leftovers(folder)
                for name in (COOCCURRENCES, EXPORT):
                    if (folder / name).exists():
                        shutil.rmtree(folder / name)
        yield
    finally:
        lock.release()
