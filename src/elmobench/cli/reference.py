"""``elmobench reference``: AllenNLP in a separate environment, and our heads next to its heads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elmobench.cli.options import JsonOption
from elmobench.cli.streams import say

if TYPE_CHECKING:
    from elmobench.cli.output.models import ReferenceOutput
    from elmobench.features.allennlp.environment import Environment

app = typer.Typer(
    no_args_is_help=True,
    help="Set up AllenNLP in a separate environment; compare our heads with its heads.",
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
    as_json: JsonOption = False,
) -> None:
    """Build the environment for AllenNLP.

    It is needed by features allennlp-elmo:FOLDER and by `elmobench reference heads`. It is built
    once: about 0.9 GB to download, 2.3 GB on disk. An existing environment is kept; to rebuild it,
    delete its folder.
    """
    from elmobench.cli.output.base import print_json
    from elmobench.core.progress import step_progress
    from elmobench.features.allennlp.environment import build_environment
    from elmobench.features.allennlp.pythons import find_python

    with step_progress("reference environment") as report:
        built, now = build_environment(lambda: find_python(python), report)
    if as_json:
        print_json(_output(built))
        return
    versions = ", ".join(f"{name} {built.versions[name]}" for name in sorted(built.versions))
    state = f"built in {built.seconds:,.0f} s" if now else "already built"
    typer.echo(f"{state}: {versions}; {built.bytes / 1e9:.1f} GB in {built.folder}")


@app.command()
def show(as_json: JsonOption = False) -> None:
    """Show where the environment is and whether it has been built."""
    from elmobench.cli.output.base import print_json
    from elmobench.features.allennlp.environment import (
        SETUP_COMMAND,
        built_environment,
        environment_folder,
    )

    built = built_environment()
    if as_json:
        print_json(_output(built))
        if built is None:
            raise typer.Exit(1)
        return
    if built is None:
        typer.echo(f"not built: {environment_folder()}; `{SETUP_COMMAND}` builds it")
        raise typer.Exit(1)
    for name in sorted(built.versions):
        typer.echo(f"{name} {built.versions[name]}")
    typer.echo(f"{built.bytes / 1e9:.1f} GB in {built.folder}")


def _output(built: Environment | None) -> ReferenceOutput:
    """The document about the environment."""
    from elmobench.cli.output.models import ReferenceOutput
    from elmobench.features.allennlp.environment import environment_folder

    if built is None:
        folder = str(environment_folder())
        return ReferenceOutput(built=False, folder=folder, bytes=None, versions={})
    return ReferenceOutput(
        built=True, folder=str(built.folder), bytes=built.bytes, versions=built.versions
    )


@app.command()
def heads(
    head: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="HEAD",
            help="Heads to compare, for instance crf-tagger [default: all].",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Also write the table to this CSV file."),
    ] = None,
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, help="Seed of the parameters and the inputs.")
    ] = 0,
    as_json: JsonOption = False,
) -> None:
    """Compare our heads with the published ones, weight for weight.

    Both get the same random parameters and the same random inputs. Floating-point outputs are
    equal if no value differs by more than 1e-5, decoded sequences if no element differs. Any
    other difference ends the command with status 1.
    """
    from itertools import groupby

    from rich.console import Console
    from rich.table import Table

    from elmobench.cli.output.base import for_programs
    from elmobench.cli.output.models import HeadOutputRow, ReferenceHeadsOutput
    from elmobench.core.errors import UnknownNameError
    from elmobench.core.progress import step_progress
    from elmobench.core.registry import did_you_mean
    from elmobench.reference.compare_heads import HEADS, compare_heads
    from elmobench.reference.heads_table import write_heads_table

    for name in head or ():
        if name not in HEADS:
            raise UnknownNameError(f"no published head {name!r}", fix=did_you_mean(name, HEADS))
    with step_progress("published heads") as report:
        rows = compare_heads(head or HEADS, seed, report)
    output = ReferenceHeadsOutput(
        seed=seed, outputs=[HeadOutputRow.from_values(row) for row in rows]
    )
    printed = for_programs(output, as_json=as_json)
    if not printed:
        table = Table(box=None, pad_edge=False)
        table.add_column("head, output")
        for column in ("values", "difference"):
            table.add_column(column, justify="right")
        for name, own in groupby(rows, key=lambda row: row.head):
            table.add_row(f"{name}: {HEADS[name].preset} and AllenNLP's {HEADS[name].published}")
            for row in own:
                table.add_row(f"  {row.output}", f"{row.values:,}", row.text)
        Console().print(table)
    if out is not None:
        write_heads_table(rows, seed, out)
        typer.echo(f"written to {out}", err=printed)
    different = sorted({row.head for row in rows if not row.equal})
    if different:
        say(f"different: {', '.join(different)}")
        raise typer.Exit(1)
    typer.echo("all equal: floating-point values within 1e-5, integers exactly", err=printed)
