"""``elmobench new``: template files to fill in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from elmobench.cli.options import JsonOption
from elmobench.data.cards.published_data import PUBLISHED_DATASETS

app = typer.Typer(help="Write a template for a new task.", no_args_is_help=True)


@app.callback()
def _new() -> None:
    """Write a template for a new task."""


@app.command()
def task(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the dataset, without its pipeline.")
    ],
    pipeline: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Kind of task; see `elmobench list pipelines`.", show_default=False
        ),
    ],
    reader: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Format of the files [default: the pipeline's usual one]."
        ),
    ] = None,
    same_as: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="Published dataset that the data are, for verdicts on published scores. One of: "
            f"{', '.join(PUBLISHED_DATASETS)}.",
        ),
    ] = None,
    train: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="The training file: fills in its path and, for columns whose last has span tags, "
            "the separator and scheme of the tags.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder for the card.")] = Path(
        "cards"
    ),
    as_json: JsonOption = False,
) -> None:
    """Write a template for the card of a new task, OUT/NAME.yaml.

    An existing file is never overwritten. For editors, the folder also gets card.schema.json, if
    there is none yet, which the card names in its first line.
    """
    import json
    import os

    from elmobench.bench.json_schemas import card_schema
    from elmobench.cli.output.base import print_json
    from elmobench.cli.output.names import NewTaskOutput
    from elmobench.core.errors import ConfigError
    from elmobench.core.files import write_text, writing
    from elmobench.tasks.new_card import TrainFile, card_text

    file = None
    if train is not None:
        relative = Path(os.path.relpath(os.path.realpath(train), os.path.realpath(out)))
        file = TrainFile(train, relative.as_posix())
    text = card_text(name, pipeline, reader, same_as, file)
    path = out / f"{name}.yaml"
    if os.path.lexists(path):
        raise ConfigError(
            "the file exists and is kept",
            where=str(path),
            fix="choose another name, or another folder with --out",
        )
    schema = out / "card.schema.json"
    with writing(path, ConfigError, fix="choose another folder with --out"):
        write_text(path, f"# yaml-language-server: $schema={schema.name}\n{text}")
        if not os.path.lexists(schema):
            write_text(schema, json.dumps(card_schema(), indent=2) + "\n")
    command = f"elmobench data verify {pipeline}/{name} --include {out}"
    if as_json:
        print_json(NewTaskOutput(path=str(path), next=[command]))
        return
    typer.echo(f"{path}: fill in the empty fields, then run")
    typer.echo(f"  {command}")
