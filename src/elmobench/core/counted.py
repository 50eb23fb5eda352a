"""A number and what it counts, for messages and tables."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """``number`` and ``noun``, which is in the plural unless the number is one.

    >>> counted(1, "cell"), counted(0, "cell"), counted(1200, "study")
    ('1 cell', '0 cells', '1,200 studies')
    """
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"
