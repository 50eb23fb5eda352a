"""Notice that a file of weights is written to while a network reads it through a memory map."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch import nn

from elmobench.core.errors import ModelError


class MappedFiles:
    """Open files of weights, as they are now.

    Weights that are not packed stay maps of their file, so that they take no memory of their own.
    A program that writes into the file changes them, and one that shortens it ends the process. A
    file that is replaced by another one of the same name does no harm: the map is of the old one.

    Args:
        paths: the files.
        where: the features, for messages.

    Raises:
        OSError: a file cannot be opened.
    """

    def __init__(self, paths: Iterable[Path], where: str) -> None:
        self._where = where
        self._files = {os.open(path, os.O_RDONLY): path for path in paths}
        self._states = {number: _state(number) for number in self._files}
        for number in self._files:
            weakref.finalize(self, os.close, number)

    def watch(self, network: nn.Module) -> None:
        """Check the files before and after each use of ``network``."""
        network.register_forward_pre_hook(self._check)
        network.register_forward_hook(self._check)

    def _check(self, *_: Any) -> None:
        """Raise ModelError if a file was written to since it was opened."""
        for number, path in self._files.items():
            if _state(number) != self._states[number]:
                raise ModelError(
                    f"{path} was written to while the model was in use",
                    where=self._where,
                    fix="run again, and replace files of models instead of writing into them",
                )


def _state(number: int) -> tuple[int, int]:
    """Size and time of the last write of an open file."""
    found = os.fstat(number)
    return found.st_size, found.st_mtime_ns
