"""``elmobench report``: the tables of an experiment that was run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from elmobench.cli.run_experiment import IncludeOption


def report(
    experiment: Annotated[
        str, typer.Argument(help="A results folder, or the name of one below 'results'.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Where to write the files [default: the folder itself]")
    ] = None,
    include: IncludeOption = None,
) -> None:
    """Print the tables of EXPERIMENT; write them as a page, Markdown, LaTeX and CSV."""
    from elmobench.analysis.report.report import make_report
    from elmobench.analysis.report.terminal import print_report
    from elmobench.analysis.report.write import write_report

    folder = results_folder(experiment)
    made = make_report(folder, include or ())
    print_report(made)
    with comparing() as on_pair:
        paths = write_report(made, out or folder, folder, include or (), on_pair)
    typer.echo("written: " + ", ".join(map(str, paths)))


@contextmanager
def comparing() -> Iterator[Callable[[int, int], object]]:
    """A bar while pairs of representations are compared; nothing where nobody looks."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (TextColumn("comparing"), BarColumn(), MofNCompleteColumn(), TextColumn("pairs"))
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("comparing", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def results_folder(name: str) -> Path:
    """``name`` as a folder: a path, or a folder below ``results``; also of an experiment file."""
    from elmobench.core.errors import UnknownNameError
    from elmobench.core.registry import did_you_mean

    path = Path(name)
    if path.is_dir():
        return path
    if path.suffix in (".yaml", ".yml") and path.is_file():
        from elmobench.bench.experiment.schema import load_experiment

        name = load_experiment(path).name
    below = Path("results") / name
    if below.is_dir():
        return below
    known = [p.name for p in Path("results").iterdir()] if Path("results").is_dir() else []
    raise UnknownNameError(f"no results of {name!r} here", fix=did_you_mean(name, known))
