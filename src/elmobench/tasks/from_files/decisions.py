"""What was decided about files, and why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Decision:
    """One decision about a set of files.

    Attributes:
        what: what was decided: ``reader``, ``splits``, ``text``.
        value: the decision, as people read it.
        why: the reason.
    """

    what: str
    value: str
    why: str
