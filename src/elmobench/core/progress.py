"""Progress of downloads and long steps: bars and spinners where somebody looks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

DownloadProgress = Callable[[str, int, int | None], None]
"""Called with a file's name, the bytes received so far, and the total if it is known."""


@contextmanager
def download_progress(quiet: bool = False) -> Iterator[DownloadProgress | None]:
    """A callback for :func:`elmobench.data.download.cache.fetch` that draws on standard error.

    None if ``quiet``, or if standard error is not a terminal.
    """
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
    from rich.progress import TaskID as BarId

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    bars: dict[str, BarId] = {}
    with Progress(*columns, console=Console(stderr=True)) as display:

        def report(name: str, done: int, total: int | None) -> None:
            if name not in bars:
                bars[name] = display.add_task(name, total=total)
            display.update(bars[name], completed=done, total=total)

        yield report


@contextmanager
def step_progress(what: str) -> Iterator[Callable[[str], object]]:
    """A function that shows what a long piece of work does now, on standard error.

    On a terminal the last line stands beside a spinner; elsewhere each one is printed.
    """
    if not sys.stderr.isatty():
        yield lambda line: print(f"{what}: {line}", file=sys.stderr, flush=True)
        return
    from rich.console import Console
    from rich.markup import escape

    console = Console(stderr=True)
    with console.status(what) as status:
        yield lambda line: status.update(f"{what}: {escape(line[: console.width - 30])}")
