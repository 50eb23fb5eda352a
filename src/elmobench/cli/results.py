"""``elmobench results``: pack and unpack results folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
def pack(folders: FoldersArgument) -> None:
    """Put records, searches and predictions into three compressed files.

    Nothing is lost: each file is removed after its copy was read back and
    compared. Every command reads packed and unpacked folders alike, and pandas
    opens the files (see docs/reference/results-format.md).
    """
    from elmobench.tracking import packing

    for folder in folders:
        typer.echo(_line(folder, packing.pack(folder)))


@app.command()
def unpack(folders: FoldersArgument) -> None:
    """Write packed records, searches and predictions as one file each."""
    from elmobench.tracking import packing

    for folder in folders:
        typer.echo(_line(folder, packing.unpack(folder)))


def _line(folder: Path, report: PackReport) -> str:
    return (
        f"{folder}: {report.records} records, {report.searches} searches, predictions of "
        f"{report.predictions} cells; {report.bytes_before / 1e6:.1f} MB before, "
        f"{report.bytes_after / 1e6:.1f} MB after"
    )
