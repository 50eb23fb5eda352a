"""A progress bar for downloads; silent where nobody looks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from elmobench.data.downloads import ProgressCallback


@contextmanager
def download_progress(quiet: bool = False) -> Iterator[ProgressCallback | None]:
    """A callback for :func:`elmobench.data.downloads.fetch` that draws on standard error.

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
