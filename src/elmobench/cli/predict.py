"""``elmobench predict``: label your own text with a trained head."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from elmobench.cli.options import JsonOption, TokenizedOption


def predict(
    run: Annotated[
        str,
        typer.Argument(metavar="CELL", help="First characters of a cell's name, or a record file."),
    ],
    texts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXT",
            help="Sentences, or 'passage ||| question' [default: lines of standard input].",
        ),
    ] = None,
    results: Annotated[
        Path,
        typer.Option(metavar="FOLDER", help="Folder to search for the cell and its trained head."),
    ] = Path("results"),
    tokenized: TokenizedOption = False,
    as_json: JsonOption = False,
) -> None:
    """Label your own text with the trained head of CELL."""
    import json
    import sys

    from elmobench.bench.predict import Predictor, find_record

    predictor = Predictor(*find_record(run, results))
    pipeline = predictor.pipeline
    lines = texts or [line.rstrip("\n") for line in sys.stdin if line.strip()]
    for tokens, prediction in predictor.predict(lines, tokenized=tokenized):
        if as_json:
            row = {"tokens": list(tokens), "prediction": prediction}
            typer.echo(json.dumps(row, ensure_ascii=False))
            continue
        line = pipeline.format_annotation(prediction, tokens)
        if not pipeline.annotation_repeats_text:
            line += f"\t{' '.join(tokens)}"
        typer.echo(line)
