"""``elmobench new``: files to fill in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Write a file to fill in.", no_args_is_help=True)


@app.callback()
def _new() -> None:
    """Write a file to fill in."""


@app.command()
def task(
    name: Annotated[str, typer.Argument(help="The set's name, without its pipeline.")],
    pipeline: Annotated[
        str, typer.Option(help="Its kind: see `elmobench list pipelines`.", show_default=False)
    ],
    reader: Annotated[
        str | None, typer.Option(help="Its format [default: the pipeline's usual one].")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the card.")] = Path("cards"),
) -> None:
    """Write the card of a new task, OUT/NAME.yaml, to fill in. Never overwrites."""
    from elmobench.core.errors import ConfigError
    from elmobench.tasks.new_card import card_text

    text = card_text(name, pipeline, reader)
    path = out / f"{name}.yaml"
    out.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise ConfigError(
            "stands there already, and is kept",
            where=str(path),
            fix="choose another name, or another folder with --out",
        ) from None
    typer.echo(f"{path}: fill in what is empty, then")
    typer.echo(f"  elmobench data verify {pipeline}/{name} --include {out}")
