"""Display of a run: progress bars on a terminal and in a notebook, lines elsewhere."""

from __future__ import annotations

import threading
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

from elmobench.bench.events import (
    CellFinished,
    CellStarted,
    Encoded,
    EncodingProgress,
    EpochDone,
    RunEvent,
    RunWarning,
)
from elmobench.core.notebook_bars import Bar, NotebookBars, in_notebook
from elmobench.tracking.record import STAGES, RunRecord

FAILURES = 10
"""Failed cells that a notebook shows in full; the others are counted."""


class RunProgress:
    """An :class:`~elmobench.bench.events.Observer` that shows bars, and a line per finished cell.

    Where standard error is not a terminal there are no bars; a line every 30 seconds says what is
    being done. A notebook shows bars in one output, and lines of failed cells only.

    Args:
        quiet: show warnings and failed cells only.
        interval: seconds between two lines.
    """

    def __init__(self, quiet: bool = False, interval: float = 30.0) -> None:
        notebook = in_notebook()
        # In a notebook too, lines are text on standard error: not each an output of its own.
        self._console = Console(stderr=True, force_jupyter=False)
        self._notebook = NotebookBars() if notebook and not quiet else None
        self._quiet = quiet
        self._trained = self._failed = 0
        self._bars = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[detail]}", markup=False, style="dim"),
            console=self._console,
            transient=True,
            disable=quiet or notebook or not self._console.is_terminal,
        )
        self._running: dict[str, TaskID] = {}
        self._sentences_done: dict[str, int] = {}
        self._all_cells: TaskID | None = None
        self._interval = interval
        self._ended = threading.Event()
        self._lines: threading.Thread | None = None
        if not quiet and not notebook and not self._console.is_terminal:
            self._lines = threading.Thread(
                target=self._print_lines, name="progress lines", daemon=True
            )

    def __enter__(self) -> RunProgress:
        self._bars.start()
        if self._lines is not None:
            self._lines.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        if self._lines is not None:
            self._lines.join()
        self._bars.stop()
        if self._notebook is not None and kind is None:
            failed = f", {self._failed} failed" if self._failed else ""
            self._notebook.end(f"cells trained: {self._trained}{failed}")

    @property
    def status(self) -> str:
        """What is being done, in one line; empty if nothing is."""
        return "; ".join(map(str, self._state))

    @property
    def _state(self) -> list[Bar]:
        return [
            Bar(bar.description, bar.completed, bar.total, bar.fields.get("detail", ""))
            for bar in self._bars.tasks
        ]

    def _draw(self) -> None:
        """Show the bars in a notebook; elsewhere they draw themselves."""
        if self._notebook is not None:
            self._notebook.show(self._state)

    def _print_lines(self) -> None:
        while not self._ended.wait(self._interval):
            status = self.status
            if status:
                self._console.print(status, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def loading(self, total: int) -> Iterator[Callable[[str], None]]:
        """Show a bar of ``total`` tasks; yields a function to call before each task is loaded."""
        bar = self._bars.add_task("loading tasks", total=total, detail="")

        def on_task(name: str) -> None:
            self._bars.update(bar, advance=1, detail=name)
            self._draw()

        try:
            yield on_task
        finally:
            self._bars.remove_task(bar)

    @contextmanager
    def cells(self, total: int) -> Iterator[None]:
        """Show a progress bar for ``total`` cells; it advances by one when a cell finishes."""
        self._all_cells = self._bars.add_task("cells", total=total, detail="")
        try:
            yield
        finally:
            self._bars.remove_task(self._all_cells)
            self._all_cells = None

    def handle(self, event: RunEvent) -> None:
        """See :class:`~elmobench.bench.events.Observer`."""
        match event:
            case EncodingProgress(job, done, total):
                self._show_encoding(f"encoding {job.label}", done, total)
            case Encoded(job, _, last):
                if last:
                    self._remove_bar(f"encoding {job.label}")
            case CellStarted(cell):
                self._remove_bar(cell.label)  # of a worker that died
                self._running[cell.label] = self._bars.add_task(
                    f"  {cell.label}", total=cell.training.epochs, detail=""
                )
            case EpochDone(cell, epoch):
                bar = self._running[cell.label]
                self._bars.update(bar, completed=epoch.number, detail=f"dev {epoch.dev:.2f}")
            case CellFinished(cell, record, by_this_run):
                self._remove_bar(cell.label)
                if by_this_run:
                    self._print_outcome(cell.label, record)
                if self._all_cells is not None:
                    self._bars.advance(self._all_cells)
            case RunWarning(text):
                self._print(f"[yellow]![/] {escape(text)}")
        self._draw()

    def _show_encoding(self, description: str, done: int, total: int) -> None:
        """Update the bar of one encoding, which several workers may report on."""
        if description not in self._running:
            self._running[description] = self._bars.add_task(description, total=total, detail="")
            self._sentences_done[description] = 0
        most = max(self._sentences_done[description], done)
        self._sentences_done[description] = most
        self._bars.update(self._running[description], completed=most)

    def _remove_bar(self, key: str) -> None:
        self._sentences_done.pop(key, None)
        bar = self._running.pop(key, None)
        if bar is not None:
            self._bars.remove_task(bar)

    def _print_outcome(self, label: str, record: RunRecord) -> None:
        if record.result is None or record.run is None:
            self._failed += 1
            if self._notebook is None or self._failed <= FAILURES:
                self._print(f"[red]✗[/] {escape(label)}: {escape(record.error or '')}")
            return
        self._trained += 1
        if self._quiet or self._notebook is not None:
            return
        score = record.result.test[record.result.primary]
        seconds = sum(record.run.seconds[stage] for stage in STAGES)
        self._print(
            f"[green]✓[/] {escape(label)}: {record.result.primary} {score:.2f} "
            f"[dim](best epoch {record.result.best_epoch}, {seconds:.1f} s)[/]"
        )

    def _print(self, line: str) -> None:
        self._console.print(line, highlight=False, soft_wrap=self._notebook is not None)
