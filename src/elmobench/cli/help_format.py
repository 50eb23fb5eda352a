"""Help text of command groups: commands in panels, with whole sentences.

Typer shows panels only through Rich, which doubles the time of ``elmobench --help``, and its plain
format cuts sentences. This group writes the panels (``rich_help_panel``) in the plain format.
"""

from __future__ import annotations

import inspect
from typing import Any

from typer.core import TyperGroup

PANELS = ("Run experiments", "Data", "Models and vectors", "Look at results", "Maintenance")
"""The panels of ``elmobench --help``, in their order."""

DEFAULT_PANEL = "Commands"


class PanelGroup(TyperGroup):
    """A group that lists its commands by panel, each with the first sentence of its help."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write one section per panel."""
        panels: dict[str, list[tuple[str, str]]] = {title: [] for title in PANELS}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is None or command.hidden:
                continue
            panel = getattr(command, "rich_help_panel", None)
            title = panel if isinstance(panel, str) else DEFAULT_PANEL
            panels.setdefault(title, []).append((name, first_sentence(command.help or "")))
        for title, rows in panels.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


def first_sentence(text: str) -> str:
    """The first sentence of ``text``, on one line."""
    paragraph = " ".join(inspect.cleandoc(text).partition("\n\n")[0].split())
    sentence, end, _ = paragraph.partition(". ")
    return sentence + "." if end else paragraph
