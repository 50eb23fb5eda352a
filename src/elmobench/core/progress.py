"""Progress of downloads and long steps: bars and spinners if standard error is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from elmobench.core.notebook_bars import Bar, NotebookBars, in_notebook

DownloadProgress = Callable[[str, int, int | None], None]
"""Called with a file's name, the bytes received so far, and the total if it is known."""


@contextmanager
def download_progress(quiet: bool = False) -> Iterator[DownloadProgress | None]:
    """Yield a callback for :func:`elmobench.data.download.cache.fetch` that draws progress bars.

    It writes to standard error, or to an output of a notebook. None if ``quiet``, and elsewhere.
    """
    if not quiet and in_notebook():
        with _notebook_downloads() as report_in_notebook:
            yield report_in_notebook
        return
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
def _notebook_downloads() -> Iterator[DownloadProgress]:
    shown, bars = NotebookBars(), dict[str, Bar]()

    def report(name: str, done: int, total: int | None) -> None:
        megabytes = None if total is None else total / 1e6
        bars[name] = Bar(f"{name}, MB", done / 1e6, megabytes)
        shown.show(list(bars.values()))

    yield report
    shown.end(f"files downloaded: {len(bars)}")


@contextmanager
def step_progress(title: str) -> Iterator[Callable[[str], object]]:
    """Yield a function that shows the current step of a long task on standard error.

    On a terminal, the latest step is shown next to a spinner; elsewhere every step is printed.
    """
    if not sys.stderr.isatty():
        yield lambda line: print(f"{title}: {line}", file=sys.stderr, flush=True)
        return
    from rich.console import Console
    from rich.markup import escape

    console = Console(stderr=True)
    with console.status(title) as status:
        yield lambda line: status.update(f"{title}: {escape(line[: console.width - 30])}")
