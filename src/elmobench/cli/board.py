"""``elmobench board``: the results of several studies in one page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from elmobench.cli.options import JsonOption
from elmobench.cli.streams import say


def board(
    results: Annotated[
        list[str],
        typer.Argument(
            metavar="RESULTS...",
            help="Results folders, or folders that have some in them; names of folders in "
            "'results', or experiment files.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The page to write.")] = Path(
        "board.html"
    ),
    as_json: JsonOption = False,
) -> None:
    """Write one page with the results of several studies: representations by tasks.

    A column has comparable cells only: same data, protocol, metric and head, all examples. An
    entry has its mean over seeds, spread, interval and costs, and a link to its study's report.
    The page needs no network; it filters and sorts in a browser.
    """
    from elmobench.analysis.board.board import make_board
    from elmobench.analysis.board.render import board_page
    from elmobench.api.comparison_progress import comparison_progress
    from elmobench.cli.output.base import for_programs
    from elmobench.cli.output.board import board_output
    from elmobench.core.errors import ConfigError
    from elmobench.core.files import write_bytes

    if os.path.isdir(out):
        raise ConfigError(
            "this is a folder", where=str(out), fix="name the file to write: --out FILE"
        )
    folders, without = _folders(results)
    for name in without:
        say(f"note: no run records in {name}: it is left out")
    with comparison_progress(unit="columns") as on_column:
        made = make_board(folders, on_column=on_column)
    page = board_page(made, out.parent)
    # Names of folders and options may hold lone surrogates, which UTF-8 does not have.
    write_bytes(out, page.encode("utf-8", "backslashreplace"))
    for study in made.studies:
        for error in study.damaged:
            say(f"damaged, and left out: {error}")
    for note in made.notes:
        say(f"note: {note}")
    shown = for_programs(board_output(made, str(out), without), as_json=as_json)
    typer.echo(f"written: {out}", err=shown)


def _folders(names: list[str]) -> tuple[list[Path], list[str]]:
    """The results folders that are named, or that named folders have in them; and those without.

    Raises:
        UnknownNameError: there is no such folder, or it is a file.
        DataError: no folder has records.
    """
    from elmobench.analysis.board.studies import results_folders
    from elmobench.api.results_folder import results_folder
    from elmobench.core.errors import DataError, UnknownNameError

    found: list[Path] = []
    without = []
    for name in names:
        path = Path(name)
        if os.path.isfile(path) and path.suffix not in (".yaml", ".yml"):
            raise UnknownNameError(
                "this is a file, not a results folder",
                where=name,
                fix="name the folder that it is in; unpack an archive first; the shell's pattern "
                "results/*/ leaves files out",
            )
        in_results = Path("results") / path
        if os.path.isdir(in_results) and not (os.path.isdir(path) and results_folders(path)):
            path = in_results
        inside = results_folders(path if os.path.isdir(path) else results_folder(name))
        found += inside
        without += [] if inside else [name]
    if not found:
        raise DataError(
            "no run records here",
            where=", ".join(names),
            fix="run an experiment first: elmobench run EXPERIMENT",
        )
    return found, without
