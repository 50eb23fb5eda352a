"""``elmobench new``: template files to fill in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elmobench.cli.options import JsonOption
from elmobench.data.cards.published_data import PUBLISHED_DATASETS

if TYPE_CHECKING:
    from elmobench.cli.output.names import NewTaskOutput

app = typer.Typer(help="Write the card of a new task.", no_args_is_help=True)


@app.callback()
def _new() -> None:
    """Write the card of a new task."""


@app.command()
def task(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME] [FILE]...",
            help="Name of the dataset, without its pipeline, and more files for --from.",
            show_default=False,
        ),
    ] = None,
    from_files: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            metavar="FILE|FOLDER",
            help="Look at files and write a complete card: pipeline, reader, columns, labels, "
            "splits, digests and counts. dev=FILE says which split a file is. Repeatable.",
        ),
    ] = None,
    pipeline: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Kind of task; see `elmobench list pipelines`. Required without --from.",
            show_default=False,
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            metavar="ROLE=COLUMN",
            help="With --from: which column or field is the text, label, tokens and so on. "
            "Repeatable.",
        ),
    ] = None,
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
    """Write the card of a new task, OUT/NAME.yaml: from your files, or a template to fill in.

    With --from, also writes OUT/NAME-run.yaml, an experiment that uses the card. An existing file
    is never overwritten. For editors, the folder also gets card.schema.json, if there is none
    yet, which the card names in its first line.
    """
    if from_files:
        if reader is not None or same_as is not None or train is not None:
            raise typer.BadParameter("--reader, --same-as and --train are for templates")
        _from_files(words or [], from_files, pipeline, column or [], out, as_json)
        return
    if pipeline is None or column or not words or len(words) > 1:
        raise typer.BadParameter("state NAME and --pipeline, or files with --from")
    _template(words[0], pipeline, reader, same_as, train, out, as_json)


def _template(
    name: str,
    pipeline: str,
    reader: str | None,
    same_as: str | None,
    train: Path | None,
    out: Path,
    as_json: bool,
) -> None:
    """Write a template with empty fields."""
    from elmobench.cli.output.base import print_json
    from elmobench.cli.output.names import NewTaskOutput
    from elmobench.tasks.card_files import path_in_card
    from elmobench.tasks.new_card import TrainFile, card_text

    file = None
    if train is not None:
        file = TrainFile(train, path_in_card(train, out))
    text = card_text(name, pipeline, reader, same_as, file)
    path = out / f"{name}.yaml"
    _write(path, text)
    command = f"elmobench data verify {pipeline}/{name} --include {out}"
    if as_json:
        print_json(NewTaskOutput(path=str(path), next=[command]))
        return
    typer.echo(f"{path}: fill in the empty fields, then run")
    typer.echo(f"  {command}")


def _from_files(
    words: list[str],
    given: list[str],
    pipeline: str | None,
    columns: list[str],
    out: Path,
    as_json: bool,
) -> None:
    """Look at files, write the card, and say what was decided."""
    import os

    from elmobench.cli.output.base import print_json
    from elmobench.cli.output.names import CardDecision, NewTaskOutput
    from elmobench.core.errors import ConfigError
    from elmobench.core.files import write_text, writing
    from elmobench.tasks.from_files.card import check_name, json_text, proposed_card, task_name
    from elmobench.tasks.from_files.proposal import propose

    # `--from train.csv test.csv`: what is a file is no name, but `new task boolq --from boolq`
    # names the data set as its folder.
    names = [
        word
        for word in words
        if not os.path.exists(word.partition("=")[2] or word) or _holds(word, given)
    ]
    if len(names) > 1:
        raise ConfigError(f"no such file: {names[-1]}", fix="state one NAME, and files that exist")
    files = [*given, *(word for word in words if word not in names)]
    name = names[0] if names else task_name(_stem(files[0]))
    path, experiment = out / f"{name}.yaml", out / f"{name}-run.yaml"
    _check_is_new(path, experiment)
    check_name(name)
    proposal = propose(files, pipeline, columns)
    with writing(out, ConfigError, fix="choose another folder with --out"):
        # Paths in the card lead out of this folder, which must exist.
        out.mkdir(parents=True, exist_ok=True)
    card = proposed_card(name, proposal, path)
    _write(path, card.text)
    task = f"{proposal.pipeline}/{name}"
    with writing(experiment, ConfigError):
        write_text(experiment, _EXPERIMENT.format(name=json_text(name), task=json_text(task)))
    commands = [
        f"elmobench data verify {task} --include {out}",
        f"elmobench run {experiment} --include {out}",
    ]
    output = NewTaskOutput(
        path=str(path),
        next=commands,
        decisions=[
            CardDecision(what=one.what, value=one.value, why=one.why) for one in proposal.decisions
        ],
        first=card.first,
        notes=card.notes,
        # The card's first line names the schema.
        missing=[f"line {number + 1}: {field}" for number, field in card.missing],
        problem=None if card.problem is None else str(card.problem),
    )
    if as_json:
        print_json(output)
    else:
        _print(output, card.sizes)


def _holds(word: str, given: list[str]) -> bool:
    """Whether a word is the name of a folder that is, or holds, one of the given files."""
    paths = [Path(text.partition("=")[2] or text).resolve() for text in given]
    folder = Path(word).resolve()
    return os.path.isdir(folder) and any(folder in (path, *path.parents) for path in paths)


def _print(output: NewTaskOutput, sizes: dict[str, tuple[int, int]]) -> None:
    for decision in output.decisions:
        typer.echo(f"{decision.what}: {decision.value} ({decision.why})")
    for split, (examples, tokens) in sizes.items():
        typer.echo(f"{split}: {examples:,} examples, {tokens:,} tokens")
    for note in output.notes:
        typer.echo(note)
    if output.first is not None:
        typer.echo(f"first example: {output.first}")
    if output.problem is not None:
        typer.echo(f"problem: {output.problem}")
    state = "complete; run"
    if output.missing:
        state = f"fill in {', '.join(output.missing)}; then run"
    elif output.problem is not None:
        state = "correct the card or the files, then run"
    typer.echo(f"{output.path}: {state}")
    for command in output.next:
        typer.echo(f"  {command}")


_EXPERIMENT = """\
# `elmobench list features` lists more representations, `elmobench list heads` more heads.
name: {name}
tasks: [{task}]
features: [glove-mini]
heads: [linear]
seeds: [1]
"""


def _stem(text: str) -> str:
    """What a data set is called by its first file: the file, or the folder of ``train.csv``."""
    from elmobench.core.compressed import plain_name
    from elmobench.tasks.from_files.split_files import split_of_name

    path = Path(text.partition("=")[2] or text).absolute()
    if os.path.isdir(path):
        return path.name
    stem = Path(plain_name(path.name)).stem
    return stem if split_of_name(path) is None else path.parent.name


def _check_is_new(*files: Path) -> None:
    """Raise ConfigError if a file exists."""
    import os

    from elmobench.core.errors import ConfigError

    for path in files:
        if os.path.lexists(path):
            raise ConfigError(
                "the file exists and is kept",
                where=str(path),
                fix="choose another name, or another folder with --out",
            )


def _write(path: Path, text: str) -> None:
    """Write a card, and the schema next to it."""
    import json
    import os

    from elmobench.bench.json_schemas import card_schema
    from elmobench.core.errors import ConfigError
    from elmobench.core.files import write_text, writing

    _check_is_new(path)
    schema = path.parent / "card.schema.json"
    with writing(path, ConfigError, fix="choose another folder with --out"):
        write_text(path, f"# yaml-language-server: $schema={schema.name}\n{text}")
        if not os.path.lexists(schema):
            write_text(schema, json.dumps(card_schema(), indent=2) + "\n")
