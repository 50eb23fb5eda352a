"""What the terminal shows while a grid runs. Lines only where the output is not a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress

from elmobench.tracking.record import RunRecord
from elmobench.training.trainer import Epoch

Advance = Callable[[int], None]


class Progress:
    """Bars and one line a finished cell.

    Args:
        quiet: show nothing at all.
    """

    def __init__(self, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet)
        self._bars = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[detail]}", markup=False, style="dim"),
            console=self._console,
            transient=True,
            disable=quiet or not self._console.is_terminal,
        )
        self._note = ""
        self._started = time.perf_counter()

    def __enter__(self) -> Progress:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Advance]:
        """A bar of ``total`` steps; yields a function that moves it on."""
        bar = self._bars.add_task(description, total=total, detail="")

        def advance(steps: int) -> None:
            self._bars.advance(bar, steps)

        try:
            yield advance
        finally:
            self._bars.remove_task(bar)

    def note(self, text: str) -> None:
        """What is being worked on now."""
        self._note = text
        self._detail(text)

    def epoch(self, epoch: Epoch) -> None:
        """One epoch of the current cell is done."""
        self._detail(f"{self._note} · epoch {epoch.number}: dev {epoch.dev:.2f}")

    def finished(self, label: str, record: RunRecord) -> None:
        """A cell was recorded."""
        if record.result is None or record.run is None:
            self._console.print(
                f"[red]✗[/] {escape(label)}: {escape(record.error or '')}", highlight=False
            )
            return
        score = record.result.test[record.result.primary]
        seconds = sum(v for k, v in record.run.seconds.items() if k != "epoch_mean")
        self._console.print(
            f"[green]✓[/] {escape(label)}: {record.result.primary} {score:.2f} "
            f"[dim](best epoch {record.result.best_epoch}, {seconds:.1f} s)[/]",
            highlight=False,
        )

    def _detail(self, text: str) -> None:
        for bar in self._bars.task_ids:
            self._bars.update(bar, detail=text)
