"""What the terminal shows while a model is trained."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from elmobench.pretraining.bert.train import Progress as BertProgress
from elmobench.pretraining.bilm.train import CHECKPOINT_HELDOUT
from elmobench.pretraining.bilm.train import Progress as BilmProgress
from elmobench.pretraining.glove.train import Progress as GloveProgress


@contextmanager
def bytes_display(what: str) -> Iterator[Callable[[int], object]]:
    """Bytes of text so far; their number is not known where files are compressed."""
    columns = (TextColumn("{task.description}"), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task(what, total=None)
        yield lambda count: bars.advance(bar, count)


@contextmanager
def until_interrupted() -> Iterator[Callable[[], bool]]:
    """A function that says whether Ctrl-C was pressed, or the process told to end."""
    asked: list[int] = []

    def ask(number: int, _: object) -> None:
        if asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked.append(number)
        typer.echo("stopping after a checkpoint; Ctrl-C again to stop without one", err=True)

    before = {s: signal.signal(s, ask) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def training_display(
    name: str, out: Path
) -> Iterator[tuple[Callable[[Any], object], Callable[[int], object]]]:
    """What to tell of progress, and of bytes of text read after training.

    A bar with speed, loss and time left; a line that stays at each measure of held-out text.
    """
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:.1f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[detail]}", markup=False),
    )
    hidden = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as bars:
        bar = bars.add_task(name, total=None, detail="")

        def told(progress: BilmProgress | GloveProgress | BertProgress) -> None:
            done, detail, line = _described(progress)
            bars.update(bar, total=progress.total, completed=done, detail=detail)
            if line:
                took = duration(progress.seconds)
                console.print(
                    f"{name}: {line}; {took}; checkpoint in {out}", highlight=False, markup=False
                )

        total = 0

        def read(count: int) -> None:
            nonlocal total
            total += count
            bars.update(
                bar,
                description=f"{name}: looking for evaluation sets in the text",
                total=None,
                detail=f"{total / 1e6:,.0f} MB",
            )

        yield told, read


def _described(
    progress: BilmProgress | GloveProgress | BertProgress,
) -> tuple[int, str, str | None]:
    """Steps done, what stands beside the bar, and the line to keep, if there is one."""
    match progress:
        case GloveProgress():
            left = progress.seconds / progress.epoch * (progress.total - progress.epoch)
            line = (
                f"epoch {progress.epoch} of {progress.total}, {progress.cells:,} cells: "
                f"loss {progress.loss:.4f}, held-out {progress.heldout:.4f}"
            )
            return progress.epoch, f"loss {progress.loss:.4f} · {duration(left)} left", line
        case BilmProgress():
            speed, read, what = progress.tokens_per_second, progress.tokens, "tokens"
            loss = f"sampled perplexity {progress.perplexity:.1f}"
            # Not the number that the card will have, as long as it is not of all the text.
            part = f" (of its first {CHECKPOINT_HELDOUT:,} tokens)"
            measured = (
                None
                if progress.heldout is None
                else f"held-out perplexity{part * (progress.step < progress.total)} "
                f"{progress.heldout[0]:.1f} forward, {progress.heldout[1]:.1f} backward"
            )
        case BertProgress():
            speed, read, what = progress.pieces_per_second, progress.pieces, "pieces"
            loss = f"masked loss {progress.loss:.3f}"
            measured = (
                None
                if progress.heldout is None
                else f"held-out masked cross-entropy {progress.heldout:.3f} nats a piece"
            )
    step, total = progress.step, progress.total
    seconds = (total - step) * (read / max(step, 1)) / max(speed, 1e-9)
    detail = f"{speed:,.0f} {what}/s · {loss} · {duration(seconds)} left"
    if measured is None:
        return step, detail, None
    return step, detail, f"step {step:,} of {total:,}, {read:,} {what}: {measured}"


def duration(seconds: float) -> str:
    """``3 h 05 min`` or ``2 min 07 s``; a dash where nobody knows."""
    if seconds != seconds:
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
