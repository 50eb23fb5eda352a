"""``elmobench reference``: the environment in which AllenNLP runs beside this package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    help="AllenNLP's own ELMo (features allennlp-elmo:folder), in an environment of its own.",
)


@app.command()
def setup(
    python: Annotated[
        Path | None,
        typer.Option(
            help="A Python from 3.8 to 3.10 to build with [default: the newest found on PATH, "
            "among pyenv's and uv's]."
        ),
    ] = None,
) -> None:
    """Build the environment for AllenNLP, once: about 0.9 GB to download, 2.3 GB on the disk.

    An environment that is there is kept; to build it anew, delete its folder.
    """
    from elmobench.core.progress import step_progress
    from elmobench.features.allennlp.environment import build_environment
    from elmobench.features.allennlp.pythons import find_python

    with step_progress("reference environment") as report:
        built, now = build_environment(lambda: find_python(python), report)
    versions = ", ".join(f"{name} {built.versions[name]}" for name in sorted(built.versions))
    state = f"built in {built.seconds:,.0f} s" if now else "is there already"
    typer.echo(f"{state}: {versions}; {built.bytes / 1e9:.1f} GB in {built.folder}")


@app.command()
def show() -> None:
    """Tell where the environment is, and whether it has been built."""
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
