"""Numbers of tables as text, with two decimals."""

from __future__ import annotations


def number_text(value: float | None) -> str:
    """The number; a dash for one that there is not.

    >>> number_text(1.5), number_text(None)
    ('1.50', '–')
    """
    return "–" if value is None else f"{value:.2f}"


def interval_text(value: float | None, low: float | None, high: float | None) -> str:
    """The number and its interval, where it has one.

    >>> interval_text(1.5, 1, 2), interval_text(1.5, None, None)
    ('1.50 (1.00 … 2.00)', '1.50')
    """
    if low is None or high is None:
        return number_text(value)
    return f"{number_text(value)} ({low:.2f} … {high:.2f})"
