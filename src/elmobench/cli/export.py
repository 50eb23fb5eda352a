"""``elmobench export``: results in formats that other programs read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elmobench.cli.options import JsonOption, ResultsArgument
from elmobench.cli.streams import say

if TYPE_CHECKING:
    from elmobench.cli.output.results import ExportOutput

FORMATS = ("csv", "hf-eval-results", "lm-eval")


def export(
    results: ResultsArgument,
    to: Annotated[
        str,
        typer.Option(
            metavar="FORMAT",
            help="csv; hf-eval-results (.eval_results of a model on the Hugging Face hub); or "
            "lm-eval (results of lm-evaluation-harness).",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write the files into FOLDER [default: write nothing, print what would be "
            "written].",
        ),
    ] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TASK=ID",
            help="For hf-eval-results: the hub's data set that a task is, OWNER/NAME or "
            "OWNER/NAME#TASK_ID. Repeatable.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the scores of RESULTS in a format that other programs read.

    Without --out nothing is written, and nothing is ever uploaded. Scores carry seeds, spread and
    digests of the data where the format has a place; what is partial or left out is said.
    """
    from elmobench.analysis.export.harness_results import harness_files
    from elmobench.analysis.export.hub_results import hub_files, parse_datasets
    from elmobench.analysis.export.systems import systems_of
    from elmobench.analysis.export.tables import csv_files
    from elmobench.api.results_folder import results_folder
    from elmobench.cli.output.base import print_json
    from elmobench.cli.output.results import ExportedFile, ExportOutput
    from elmobench.core.files import write_text
    from elmobench.tracking.record_store import RecordStore

    if to not in FORMATS:
        raise typer.BadParameter(f"one of: {', '.join(FORMATS)}", param_hint="--to")
    datasets = parse_datasets(dataset or ())
    if datasets and to != "hf-eval-results":
        raise typer.BadParameter("only with --to hf-eval-results", param_hint="--dataset")
    folder = results_folder(results)
    systems, notes = systems_of(RecordStore(folder))
    if to == "csv":
        exported = csv_files(systems)
    elif to == "lm-eval":
        exported = harness_files(systems)
    else:
        exported = hub_files(systems, datasets)
    notes += exported.notes
    if out is not None:
        for name, text in exported.files.items():
            write_text(out / name, text)
    for note in notes:
        say(f"note: {note}")
    output = ExportOutput(
        results=str(folder),
        format=to,
        folder=None if out is None else str(out),
        files=[ExportedFile(path=n, content=t) for n, t in exported.files.items()],
        notes=notes,
    )
    if as_json:
        print_json(output)
    else:
        _print(output)


def _print(output: ExportOutput) -> None:
    """Print the files that were written, or those that would be written."""
    for file in output.files:
        if output.folder is None:
            typer.echo(f"--- {file.path}")
            typer.echo(file.content, nl=False)
        else:
            typer.echo(f"written: {Path(output.folder) / file.path}")
    if output.folder is None:
        say("nothing was written: --out FOLDER writes these files")
