"""Options and arguments that several commands share, each defined once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ExperimentArgument = Annotated[
    str,
    typer.Argument(
        metavar="EXPERIMENT",
        help="An experiment file (- for standard input), or the name of a shipped one such as "
        "demo.",
    ),
]
ResultsArgument = Annotated[
    str,
    typer.Argument(
        metavar="RESULTS",
        help="A results folder, the name of one in 'results', or its experiment file.",
    ),
]
IncludeOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--include", metavar="FOLDER", help="Folder with your own task cards. Repeatable."
    ),
]
SettingsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Change a field, axis or option, such as seeds=[1,2] or training.epochs=5. "
        "Repeatable.",
    ),
]
LimitOption = Annotated[
    str | None,
    typer.Option(
        "--limit",
        metavar="N|P%",
        help="A quick try: use N examples, or P percent, of each of train, dev and test. Results "
        "go to a folder of their own, and are marked as partial.",
    ),
]
StoreOption = Annotated[
    Path | None,
    typer.Option(
        "--store",
        metavar="FOLDER",
        help="Feature store to use [default: $ELMOBENCH_STORE, or a folder in the cache].",
    ),
]
ResultsFolderOption = Annotated[
    Path | None,
    typer.Option(
        "--results", metavar="FOLDER", help="Folder for the records [default: results/NAME]."
    ),
]
TrackingOption = Annotated[
    str | None,
    typer.Option(
        "--tracking-uri",
        metavar="URI",
        help="MLflow store or server, or 'none' [default: SQLite in the results folder].",
    ),
]
TrackerOption = Annotated[
    str,
    typer.Option(
        "--tracker",
        metavar="NAME",
        help="Where to log records too: mlflow, tensorboard (a folder in the results folder, "
        "or --tracking-uri), or none.",
    ),
]
TrustFirstOption = Annotated[
    bool,
    typer.Option(
        "--trust-first",
        help="Accept a file without a known digest and store its digest, which "
        "the file must have from then on.",
    ),
]
ThreadsOption = Annotated[
    int, typer.Option("--threads", metavar="N", min=1, help="Threads used for encoding.")
]
TokenizedOption = Annotated[
    bool,
    typer.Option(
        "--tokenized", help="The text is tokenised already: split at blanks and tabs only."
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document, and nothing else.")
]
