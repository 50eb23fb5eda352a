"""The state of one file of a model on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class FileState:
    """What is known about one file of a model without reading the file.

    Attributes:
        role: its purpose, such as ``"weights"``; for a hub model the file's name.
        place: its address, or its path as the entry gives it.
        remote: whether it is downloaded from an address.
        path: where it is on this machine; None if it is missing.
        sha256: its digest (hex), if known.
        digest_from: whether the entry gives the digest or ``--trust-first`` pinned it.
        bytes: its size, if known.
        shipped: whether it is part of this package.
    """

    role: str
    place: str
    remote: bool
    path: Path | None
    sha256: str | None
    digest_from: Literal["entry", "pin"] | None
    bytes: int | None
    shipped: bool = False
