"""``elmobench data``: fetch, check and list datasets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elmobench.cli.data_sentences import sentences
from elmobench.cli.options import IncludeOption, JsonOption, TrustFirstOption
from elmobench.core.counted import counted

if TYPE_CHECKING:
    from elmobench.data.cards.card import TaskCard

app = typer.Typer(help="Download, check and list datasets.", no_args_is_help=True)
app.command()(sentences)

TasksArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="TASK", help="Tasks, such as ner/wnut17 or wnut17."),
]


@app.command()
def fetch(
    tasks: TasksArgument = None,
    all_: Annotated[bool, typer.Option("--all", help="All known tasks.")] = False,
    trust_first: TrustFirstOption = False,
    include: IncludeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Download the files of tasks and check their digests."""
    from elmobench.cli.output.base import print_json
    from elmobench.cli.output.data import DataFetchOutput, FetchedTask
    from elmobench.core.progress import download_progress
    from elmobench.tasks.task import Task

    if all_ == bool(tasks):
        raise typer.BadParameter("name tasks, or give --all", param_hint="TASK")
    fetched = []
    for card in _cards(tasks, include):
        with download_progress() as progress:
            files = Task(card, trust_first, progress).fetch()
        size = sum(file.stat().st_size for file in files)
        fetched.append(FetchedTask(task=card.id, files=len(files), bytes=size))
        if not as_json:
            line = f"{card.id}: {counted(len(files), 'file')}, {_size(size)}"
            typer.echo(line if files else _nothing(card))
    if as_json:
        print_json(DataFetchOutput(tasks=fetched))


@app.command()
def verify(
    tasks: TasksArgument = None,
    include: IncludeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the cached files of tasks and count their examples.

    Nothing is downloaded. Without TASK: every task whose files are all on this machine. For named
    tasks it also lists what their readers dropped, or changed as their options say, and how dev or
    test is taken from train.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from elmobench.cli.output.base import for_programs, prints_rows
    from elmobench.cli.output.data import DataVerifyOutput, VerifiedTask
    from elmobench.cli.output.names import DataRemark
    from elmobench.data.cards.card import SPLITS
    from elmobench.tasks.data_checks import Remark, check_data, raise_errors
    from elmobench.tasks.data_lines import data_lines
    from elmobench.tasks.task import Task

    rows: list[VerifiedTask] = []
    checked: list[tuple[Task, list[Remark]]] = []
    for card in _cards(tasks, include):
        task = Task(card)
        if not tasks and not task.is_local:
            continue
        files = task.verify()
        found = check_data(task) if tasks else []
        checked.append((task, found))
        rows.append(
            VerifiedTask(
                task=card.id,
                files=len(files),
                examples={split: task.split_counts[split].examples or 0 for split in SPLITS},
                notes=data_lines(task) if tasks else [],
                remarks=[DataRemark.from_values(remark) for remark in found],
            )
        )
    if not for_programs(DataVerifyOutput(tasks=rows), as_json=as_json):
        table = Table(box=None, pad_edge=False)
        for column in ("task", "files", *SPLITS):
            left = column == "task"
            table.add_column(column, no_wrap=True, justify="left" if left else "right")
        for row in rows:
            sizes = [str(row.examples[split]) for split in SPLITS]
            table.add_row(escape(row.task), str(row.files), *sizes)
        Console().print(table)
    if not as_json:
        # Below rows for a pipe, sentences would be rows that are none.
        remarks = [f"{row.task}, {line}" for row in rows for line in row.notes]
        remarks += [f"{task.id}, {remark.line}" for task, found in checked for remark in found]
        for line in remarks:
            typer.echo(line, err=prints_rows())
    for task, found in checked:
        raise_errors(task, found)


@app.command("list")
def list_(include: IncludeOption = None, as_json: JsonOption = False) -> None:
    """List tasks with their sizes, licences and whether their files are here.

    The column "share" says whether the data may be redistributed.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from elmobench.cli.output.base import for_programs
    from elmobench.cli.output.data import DataListOutput, ListedTask
    from elmobench.data.cards.card import SPLITS
    from elmobench.data.cards.source_kinds import GenerateSource
    from elmobench.tasks.task import Task

    rows = []
    for card in _cards(None, include):
        made = all(isinstance(source, GenerateSource) for source in card.sources())
        sizes = {split: card.stated(split).examples for split in SPLITS}
        rows.append(
            ListedTask(
                task=card.id,
                files="generated" if made else "here" if Task(card).is_local else "absent",
                licence=card.licence,
                share=card.redistributable,
                **sizes,
            )
        )
    if for_programs(DataListOutput(tasks=rows), as_json=as_json):
        return
    table = Table(box=None, pad_edge=False)
    for column in ("task", *SPLITS, "files"):
        table.add_column(column, no_wrap=True, justify="right" if column in SPLITS else "left")
    table.add_column("licence", no_wrap=True)
    table.add_column("share", no_wrap=True)
    for row in rows:
        numbers = ["?" if n is None else str(n) for n in (row.train, row.dev, row.test)]
        table.add_row(escape(row.task), *numbers, row.files, escape(row.licence), row.share)
    Console().print(table)


def _cards(tasks: list[str] | None, include: list[Path] | None) -> list[TaskCard]:
    """Return the cards of ``tasks``, or all known cards if ``tasks`` is empty."""
    from elmobench.data.cards.catalog import CardCatalog

    catalog = CardCatalog(include or ())
    if not tasks:
        return [card for card in catalog.by_id.values() if card.superseded_by is None]
    return [catalog.get(name) for name in tasks]


def _nothing(card: TaskCard) -> str:
    return f"{card.id}: generated, nothing to fetch"


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
