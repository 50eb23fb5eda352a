"""What the terminal shows while a model is trained."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from elmobench.cli.interrupts import SIGNALS
from elmobench.pretraining.bilm.train import CHECKPOINT_TOKENS
from elmobench.pretraining.progress import TrainingProgress


@contextmanager
def bytes_display(description: str) -> Iterator[Callable[[int], object]]:
    """Show the bytes of text read so far; the total of compressed files is unknown.

    Yields:
        A function to call with the number of bytes read since its last call.
    """
    columns = (TextColumn("{task.description}"), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task(description, total=None)
        yield lambda count: bars.advance(bar, count)


@contextmanager
def until_interrupted() -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether Ctrl-C was pressed, or SIGTERM or SIGHUP received.

    Ctrl-C again is left to the handler before, which raises KeyboardInterrupt.
    """
    received: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if received and number == signal.SIGINT:
            again = before[number]
            if not callable(again):
                raise KeyboardInterrupt
            again(number, frame)
            return
        received.append(number)
        typer.echo("stopping after a checkpoint; Ctrl-C again to stop without one", err=True)

    before = {
        number: signal.signal(number, handle)
        for number in SIGNALS
        if signal.getsignal(number) != signal.SIG_IGN
    }
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def training_display(
    name: str, out: Path, nothing_held_out: bool = False
) -> Iterator[tuple[Callable[[TrainingProgress], object], Callable[[int], object]]]:
    """Show a bar with speed, loss and time left, and a line for each measurement.

    Args:
        name: of the model.
        out: its folder.
        nothing_held_out: whether the text is too short to hold anything out, so that a biLM or BERT
            is measured on the training text.

    Yields:
        A function to call with each report, and one to call with bytes read after training.
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

        def show(progress: TrainingProgress) -> None:
            bars.update(
                bar, total=progress.total, completed=progress.step, detail=_bar_text(progress)
            )
            line = _measurement(progress, "training-text" if nothing_held_out else "held-out")
            if line is not None:
                seconds = duration(progress.seconds)
                console.print(
                    f"{name}: {line}; {seconds}; checkpoint in {out}",
                    highlight=False,
                    markup=False,
                )

        total = 0

        def on_bytes(count: int) -> None:
            nonlocal total
            total += count
            bars.update(
                bar,
                description=f"{name}: looking for evaluation sets in the text",
                total=None,
                detail=f"{total / 1e6:,.0f} MB",
            )

        yield show, on_bytes


def _bar_text(progress: TrainingProgress) -> str:
    """The text next to the bar: speed, loss, time left."""
    values = progress.values
    left = progress.total - progress.step
    if progress.kind == "glove":
        seconds = progress.seconds / progress.step * left
        return f"loss {values['loss']:.4f} · {duration(seconds)} left"
    if progress.kind == "bilm":
        unit, loss = "tokens", f"sampled perplexity {values['perplexity']:.1f}"
    elif progress.kind == "fasttext":
        unit, loss = "tokens", f"loss {values['loss']:.3f} per pair"
    else:
        unit, loss = "pieces", f"masked loss {values['loss']:.3f}"
    speed = values[f"{unit}_per_second"]
    seconds = left * (values[unit] / max(progress.step, 1)) / max(speed, 1e-9)
    return f"{speed:,.0f} {unit}/s · {loss} · {duration(seconds)} left"


def _measurement(progress: TrainingProgress, of: str) -> str | None:
    """The line about a measurement; None if there was none.

    Args:
        progress: the report.
        of: what a biLM or BERT is measured on; of GloVe's cells some are always held out.
    """
    heldout, values = progress.heldout, progress.values
    if heldout is None:
        return None
    if progress.kind == "glove":
        return (
            f"epoch {progress.step} of {progress.total}, {values['cells']:,} cells: "
            f"loss {values['loss']:.4f}, held-out {heldout:.4f}"
        )
    if isinstance(heldout, tuple):
        unit = "tokens"
        # Only the last measurement, which the card reports, is of all held-out tokens.
        finished = progress.step == progress.total
        part = "" if finished else f" (of its first {CHECKPOINT_TOKENS:,} tokens)"
        text = f"{of} perplexity{part} {heldout[0]:.1f} forward, {heldout[1]:.1f} backward"
    elif progress.kind == "fasttext":
        unit = "tokens"
        text = f"{of} loss {heldout:.4f} nats per pair"
    else:
        unit = "pieces"
        text = f"{of} masked cross-entropy {heldout:.3f} nats per piece"
    return f"step {progress.step:,} of {progress.total:,}, {values[unit]:,} {unit}: {text}"


def duration(seconds: float) -> str:
    """``3 h 05 min`` or ``2 min 07 s``; a dash for NaN."""
    if seconds != seconds:
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
