"""What the terminal shows while a grid runs. Lines only where the output is not a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress

from elmobench.tracking.record import STAGES, RunRecord
from elmobench.training.trainer import Epoch

Advance = Callable[[int], None]


class RunProgress:
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
        self._running: dict[str, TaskID] = {}
        self._most: dict[str, int] = {}

    def __enter__(self) -> RunProgress:
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
        for bar in self._bars.task_ids:
            self._bars.update(bar, detail=text)

    def warn(self, text: str) -> None:
        """A line that stays."""
        self._console.print(f"[yellow]![/] {escape(text)}", highlight=False)

    def encoding(self, label: str, done: int, total: int) -> None:
        """So many sentences of ``label`` are encoded; several workers may be at it."""
        key = f"encoding {label}"
        if key not in self._running:
            self._running[key] = self._bars.add_task(key, total=total, detail="")
            self._most[key] = 0
        self._most[key] = max(self._most[key], done)
        self._bars.update(self._running[key], completed=self._most[key])

    def encoded(self, label: str) -> None:
        """``label`` is encoded."""
        self._most.pop(f"encoding {label}", None)
        bar = self._running.pop(f"encoding {label}", None)
        if bar is not None:
            self._bars.remove_task(bar)

    def started(self, label: str, epochs: int) -> None:
        """A cell begins, of at most so many epochs: it gets a bar of its own."""
        self._running[label] = self._bars.add_task(f"  {label}", total=epochs, detail="")

    def epoch(self, label: str, epoch: Epoch) -> None:
        """One epoch of a running cell is done."""
        self._bars.update(
            self._running[label], completed=epoch.number, detail=f"dev {epoch.dev:.2f}"
        )

    def finished(self, label: str, record: RunRecord) -> None:
        """A cell was recorded."""
        bar = self._running.pop(label, None)
        if bar is not None:
            self._bars.remove_task(bar)
        if record.result is None or record.run is None:
            self._console.print(
                f"[red]✗[/] {escape(label)}: {escape(record.error or '')}", highlight=False
            )
            return
        score = record.result.test[record.result.primary]
        seconds = sum(record.run.seconds[stage] for stage in STAGES)
        self._console.print(
            f"[green]✓[/] {escape(label)}: {record.result.primary} {score:.2f} "
            f"[dim](best epoch {record.result.best_epoch}, {seconds:.1f} s)[/]",
            highlight=False,
        )
