"""What is known of one file of a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class FileState:
    """What is known of one file of a model, without reading it.

    Attributes:
        role: what it is for, such as ``"weights"``; of a hub model its name.
        place: its address, or its path as the entry gives it.
        remote: whether it comes from an address.
        path: where it lies on this machine; None if it is not here.
        sha256: its digest (hex), where one is known.
        digest_from: whether the entry states the digest or ``--trust-first`` pinned it.
        bytes: its size, where it is known.
        shipped: whether it comes with this package.
    """

    role: str
    place: str
    remote: bool
    path: Path | None
    sha256: str | None
    digest_from: Literal["entry", "pin"] | None
    bytes: int | None
    shipped: bool = False
