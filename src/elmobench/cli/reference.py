"""``elmobench reference``: the separate environment in which AllenNLP runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    help="Set up AllenNLP's own ELMo in a separate environment.",
)


@app.command()
def setup(
    python: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Python 3.8 to 3.10 to use [default: the newest on PATH, in pyenv or in uv].",
        ),
    ] = None,
) -> None:
    """Build the environment for AllenNLP.

    It is needed by features allennlp-elmo:FOLDER and built once: about 0.9 GB to download, 2.3 GB
    on disk. An existing environment is kept; to rebuild it, delete its folder.
    """
    from elmobench.core.progress import step_progress
    from elmobench.features.allennlp.environment import build_environment
    from elmobench.features.allennlp.pythons import find_python

    with step_progress("reference environment") as report:
        built, now = build_environment(lambda: find_python(python), report)
    versions = ", ".join(f"{name} {built.versions[name]}" for name in sorted(built.versions))
    state = f"built in {built.seconds:,.0f} s" if now else "already built"
    typer.echo(f"{state}: {versions}; {built.bytes / 1e9:.1f} GB in {built.folder}")


@app.command()
def show() -> None:
    """Show where the environment is and whether it has been built."""
    from elmobench.features.allennlp.environment import (
        SETUP_COMMAND,
        built_environment,
        environment_folder,
    )

    built = built_environment()
    if built is None:
        typer.echo(f"not built: {environment_folder()}; `{SETUP_COMMAND}` builds it")
        raise typer.Exit(1)
    for name in sorted(built.versions):
        typer.echo(f"{name} {built.versions[name]}")
    typer.echo(f"{built.bytes / 1e9:.1f} GB in {built.folder}")
