"""Short quotations of data for error messages: a field may have millions of characters."""

from __future__ import annotations

LONGEST = 60
"""Characters of the data that a message shows."""


def quoted(text: str, limit: int = LONGEST) -> str:
    r"""``text`` in quotes, cut after ``limit`` characters; what cannot be seen is escaped.

    >>> print(quoted("10\u00a0000"), quoted("x" * 1000, limit=3))
    '10\xa0000' 'xxx…' (1,000 characters)
    """
    if len(text) <= limit:
        return repr(text)
    return f"{shortened(text, limit)!r} ({len(text):,} characters)"


def shortened(text: str, limit: int = LONGEST) -> str:
    """``text`` without quotes, cut after ``limit`` characters.

    >>> print(shortened("B-PER"), shortened("B-" + "X" * 1000, limit=3))
    B-PER B-X…
    """
    return text if len(text) <= limit else text[:limit] + "…"
