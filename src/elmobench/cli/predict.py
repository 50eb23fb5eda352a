"""``elmobench predict``: label one's own text with a trained head."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def predict(
    run: Annotated[
        str, typer.Argument(help="A record file, or the first letters of a cell's name.")
    ],
    texts: Annotated[
        list[str] | None,
        typer.Argument(
            help="Sentences, or 'passage ||| question'; from standard input if none are given."
        ),
    ] = None,
    results: Annotated[
        Path, typer.Option(help="Folder searched for the cell and its trained head.")
    ] = Path("results"),
    tokenized: Annotated[
        bool, typer.Option("--tokenized", help="Split at spaces only: the text is tokenised.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Label sentences with the head that RUN trained."""
    import json
    import sys

    from elmobench.analysis.inspect.annotation_format import phrase
    from elmobench.bench.predict import Predictor, find_record

    predictor = Predictor(find_record(run, results))
    lines = texts or [line.rstrip("\n") for line in sys.stdin if line.strip()]
    for tokens, prediction in predictor.predict(lines, tokenized=tokenized):
        if as_json:
            row = {"tokens": list(tokens), "prediction": prediction}
            typer.echo(json.dumps(row, ensure_ascii=False))
        elif isinstance(prediction, list):
            typer.echo(phrase(prediction, tokens))
        else:
            typer.echo(f"{prediction}\t{' '.join(tokens)}")
