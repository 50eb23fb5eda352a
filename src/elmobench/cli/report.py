"""``elmobench report``: the tables of an experiment that was run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from elmobench.cli.options import IncludeOption, JsonOption, ResultsArgument


def report(
    results: ResultsArgument,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where to write the files [default: RESULTS itself]."),
    ] = None,
    include: IncludeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the tables of RESULTS and write the report files.

    The files are an HTML page, Markdown, LaTeX and CSV.
    """
    from elmobench.analysis.report.report import make_report
    from elmobench.analysis.report.terminal import print_report
    from elmobench.analysis.report.write import write_report
    from elmobench.api.comparison_progress import comparison_progress
    from elmobench.api.results_folder import results_folder
    from elmobench.cli.output.base import for_programs, prints_rows
    from elmobench.cli.output.report import report_output
    from elmobench.tracking.record_store import RecordStore
    from elmobench.tracking.remembered_cards import remembered_cards

    folder = results_folder(results)
    cards = remembered_cards(RecordStore(folder), include)
    made = make_report(folder, cards)
    for_people = not (as_json or prints_rows())
    if for_people:
        print_report(made)
    with comparison_progress() as on_pair:
        paths = write_report(made, out or folder, folder, cards, on_pair)
    if not for_people:
        for_programs(report_output(made, folder, paths), as_json=as_json)
    typer.echo("written: " + ", ".join(map(str, paths)), err=not for_people)
