"""``elmobench results``: pack and unpack results folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elmobench.cli.options import JsonOption

if TYPE_CHECKING:
    from elmobench.tracking.packing import PackReport

app = typer.Typer(help="Pack and unpack results folders.", no_args_is_help=True)

FoldersArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="FOLDER...",
        help="Results folders.",
        exists=True,
        file_okay=False,
        show_default=False,
    ),
]


@app.command()
def pack(folders: FoldersArgument, as_json: JsonOption = False) -> None:
    """Put records, searches and predictions into three compressed files.

    Nothing is lost: each file is removed after its copy was read back and
    compared. Every command reads packed and unpacked folders alike, and pandas
    opens the files (see docs/reference/results-format.md).
    """
    from elmobench.tracking import packing

    _print(folders, packing.pack, as_json)


@app.command()
def unpack(folders: FoldersArgument, as_json: JsonOption = False) -> None:
    """Write packed records, searches and predictions as one file each."""
    from elmobench.tracking import packing

    _print(folders, packing.unpack, as_json)


def _print(folders: list[Path], change: Callable[[Path], PackReport], as_json: bool) -> None:
    """Pack or unpack every folder, and say what it has."""
    from dataclasses import asdict

    from elmobench.cli.output.base import print_json
    from elmobench.cli.output.findings import PackedFolder, PackOutput

    done = []
    for folder in folders:
        report = change(folder)
        done.append(PackedFolder(folder=str(folder), **asdict(report)))
        if not as_json:
            typer.echo(_line(folder, report))
    if as_json:
        print_json(PackOutput(folders=done))


def _line(folder: Path, report: PackReport) -> str:
    return (
        f"{folder}: {report.records} records, {report.searches} searches, predictions of "
        f"{report.predictions} cells; {report.bytes_before / 1e6:.1f} MB before, "
        f"{report.bytes_after / 1e6:.1f} MB after"
    )
