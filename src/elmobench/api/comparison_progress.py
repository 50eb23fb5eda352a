"""A progress bar for the comparisons of a report or a board."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def comparison_progress(
    quiet: bool = False, unit: str = "pairs"
) -> Iterator[Callable[[int, int], object]]:
    """Show a bar while representations are compared; yield its ``update(done, total)``.

    ``unit`` says what is counted. It is on standard error if that is a terminal, or an output of a
    notebook; elsewhere, and if ``quiet``, there is none.
    """
    from elmobench.core.notebook_bars import Bar, NotebookBars, in_notebook

    if not quiet and in_notebook():
        shown = NotebookBars()
        yield lambda done, total: shown.show([Bar(f"{unit} compared", done, total)])
        shown.end(f"{unit} compared")
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (TextColumn("comparing"), BarColumn(), MofNCompleteColumn(), TextColumn(unit))
    with Progress(
        *columns, console=console, transient=True, disable=quiet or not console.is_terminal
    ) as bar:
        task = bar.add_task("comparing", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
