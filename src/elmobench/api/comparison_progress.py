"""A progress bar for the comparisons of a report or a board."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def comparison_progress(
    quiet: bool = False, unit: str = "pairs"
) -> Iterator[Callable[[int, int], object]]:
    """Show a bar while representations are compared; yield its ``update(done, total)``.

    ``unit`` says what is counted. The bar is disabled if ``quiet``, or unless standard error is a
    terminal.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (TextColumn("comparing"), BarColumn(), MofNCompleteColumn(), TextColumn(unit))
    with Progress(
        *columns, console=console, transient=True, disable=quiet or not console.is_terminal
    ) as bar:
        task = bar.add_task("comparing", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
