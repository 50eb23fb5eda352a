"""Errors of files of a training that cannot be written, as on a full or read-only disk."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elmobench.core import files
from elmobench.core.errors import ModelError

RESUMES = "make room on the disk; the same command resumes from the last good checkpoint"
STARTS_AGAIN = "make room on the disk or use another folder, then run the same command again"


def writing(path: Path, *, fix: str = RESUMES) -> AbstractContextManager[None]:
    """Raise ModelError if ``path``, or a file below it, cannot be written in the block."""
    return files.writing(path, ModelError, fix=fix)


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write a file that ``np.load`` reads.

    Raises:
        OSError: it says why the file cannot be written, which the one of ``np.save`` does not.
    """
    array = np.ascontiguousarray(array)
    with path.open("wb") as stream:
        header = np.lib.format.header_data_from_array_1_0(array)
        np.lib.format.write_array_header_1_0(stream, header)
        stream.write(array.data)
