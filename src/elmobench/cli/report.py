"""``elmobench report``: the tables of an experiment that was run."""

from __future__ import annotations

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
    """Print the tables of EXPERIMENT and write them as Markdown and CSV."""
    from elmobench.analysis.report import make_report, write_report
    from elmobench.analysis.terminal import print_report

    folder = results_folder(experiment)
    made = make_report(folder, include or ())
    print_report(made)
    paths = write_report(made, out or folder)
    typer.echo("written: " + ", ".join(map(str, paths)))


def results_folder(name: str) -> Path:
    """``name`` as a folder: a path, or a folder below ``results``; also of an experiment file."""
    from elmobench.errors import UnknownNameError
    from elmobench.registry import did_you_mean

    path = Path(name)
    if path.is_dir():
        return path
    if path.suffix in (".yaml", ".yml") and path.is_file():
        from elmobench.bench.experiment import load_experiment

        name = load_experiment(path).name
    below = Path("results") / name
    if below.is_dir():
        return below
    known = [p.name for p in Path("results").iterdir()] if Path("results").is_dir() else []
    raise UnknownNameError(f"no results of {name!r} here", fix=did_you_mean(name, known))
