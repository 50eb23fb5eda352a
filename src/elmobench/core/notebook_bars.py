"""Progress bars in a notebook: one output of the cell, which is updated in place."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

INTERVAL = 0.3
"""Seconds between two updates: a browser need not draw more."""


def in_notebook() -> bool:
    """Whether this process runs the cells of a notebook."""
    if "IPython" not in sys.modules:
        return False
    from rich.console import Console

    return Console().is_jupyter


@dataclass(frozen=True)
class Bar:
    """One bar: what is being done, how much of it is done, and a remark; total None if unknown."""

    label: str
    done: float
    total: float | None = None
    detail: str = ""

    def __str__(self) -> str:
        total = "" if self.total is None else f" of {self.total:,.0f}"
        detail = f" ({self.detail})" if self.detail else ""
        return f"{self.label.strip()}: {self.done:,.0f}{total}{detail}"


@dataclass(frozen=True)
class Bars:
    """The bars of one moment, as a notebook shows them."""

    bars: Sequence[Bar]

    def __repr__(self) -> str:
        return "\n".join(map(str, self.bars))

    def _repr_html_(self) -> str:
        return "<br>".join(map(_html, self.bars))


def _html(bar: Bar) -> str:
    text = escape(str(bar))
    if bar.total is None:
        return text
    return f'<progress value="{bar.done:g}" max="{bar.total:g}"></progress> {text}'


class NotebookBars:
    """Shows bars in one output, which is made with the first of them."""

    def __init__(self) -> None:
        self._output: Any = None
        self._next = 0.0

    def show(self, bars: Sequence[Bar]) -> None:
        """Show ``bars`` in place of those before, unless these are fresh."""
        if bars and time.monotonic() >= self._next:
            self._next = time.monotonic() + INTERVAL
            self._show(Bars(bars))

    def end(self, text: str) -> None:
        """Show ``text`` in place of the bars, if there were any."""
        if self._output is not None:
            self._show(_Text(text))

    def _show(self, content: object) -> None:
        from IPython.display import display

        if self._output is None:
            self._output = display(content, display_id=True)
        else:
            self._output.update(content)


@dataclass(frozen=True)
class _Text:
    """A text that is shown as it is."""

    text: str

    def __repr__(self) -> str:
        return self.text
