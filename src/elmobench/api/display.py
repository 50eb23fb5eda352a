"""Objects as they are shown: plain text in a shell, a small table as HTML in a notebook."""

from __future__ import annotations

import textwrap
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from elmobench.core.surrogates import replace_surrogates

if TYPE_CHECKING:
    import pandas as pd


class Displayed(ABC):
    """An object with a heading, remarks and a table, which shells and notebooks show."""

    _rows = 20  # of the table that are shown; the frame has all of them

    @abstractmethod
    def _heading(self) -> Sequence[str]:
        """One or two lines: what it is."""

    @abstractmethod
    def _shown(self) -> pd.DataFrame:
        """The table that is shown."""

    def _remarks(self) -> Sequence[str]:
        """What to know about the table."""
        return ()

    def __repr__(self) -> str:
        return as_text(self._heading(), self._shown(), self._remarks(), self._rows)

    def _repr_html_(self) -> str:
        return as_html(self._heading(), self._shown(), self._remarks(), self._rows)


def as_text(
    heading: Sequence[str], table: pd.DataFrame, remarks: Sequence[str] = (), rows: int = 20
) -> str:
    """The texts and the first ``rows`` of ``table``, without characters that a terminal obeys."""
    lines = list(heading)
    if len(table):
        cells = [[*map(_cell, table.columns)], *_cells(table.head(rows))]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines += [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in cells
        ]
    for text in (*_more(table, rows), *remarks):
        lines += textwrap.wrap(text, 100)
    return "\n".join(map(_printable, lines))


def _cells(table: pd.DataFrame) -> list[list[str]]:
    return [[*map(_cell, row)] for row in table.itertuples(index=False)]


def _cell(value: object) -> str:
    if value is None or value != value:  # None or NaN
        return ""
    return f"{value:g}" if isinstance(value, float) else replace_surrogates(str(value))


def _printable(line: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)


def as_html(
    heading: Sequence[str], table: pd.DataFrame, remarks: Sequence[str] = (), rows: int = 20
) -> str:
    """The texts and the first ``rows`` of ``table`` as HTML, with every text escaped.

    >>> import pandas as pd
    >>> "&lt;b&gt;" in as_html(["scores"], pd.DataFrame({"features": ["<b>"]}))
    True
    """
    import pandas as pd

    title, *others = heading
    above = _paragraph([Markup("<strong>{}</strong>").format(title), *others])
    below = _paragraph([*_more(table, rows), *remarks])
    shown = ""
    if len(table):
        texts = pd.DataFrame(_cells(table.head(rows)), columns=[*map(_cell, table.columns)])
        with pd.option_context("display.max_colwidth", None):
            # pandas escapes the cells and the names of the columns, so "<td>" is never a text.
            shown = texts.to_html(index=False, escape=True, border=0, justify="left")
        shown = shown.replace("<td>", '<td style="text-align: left">')
    return replace_surrogates(f"<div>{above}{shown}{below}</div>")


def _paragraph(lines: Sequence[str]) -> Markup:
    return Markup("<p>{}</p>").format(Markup("<br>").join(lines)) if lines else Markup()


def _more(table: pd.DataFrame, rows: int) -> list[str]:
    return [f"(the first {rows} of {len(table)} rows)"] if len(table) > rows else []
