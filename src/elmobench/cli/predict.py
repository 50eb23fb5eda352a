"""``elmobench predict``: label your own text with a trained head."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from elmobench.cli.options import JsonOption, TokenizedOption
from elmobench.cli.streams import argument_text, json_line


def predict(
    run: Annotated[
        str,
        typer.Argument(metavar="CELL", help="First characters of a cell's name, or a record file."),
    ],
    texts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXT",
            help="Sentences, or 'passage ||| question' [default, or -: lines of standard input; "
            "one line is printed for each, an empty one for a blank one].",
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
    from elmobench.bench.predict import Predictor, find_record
    from elmobench.data.blanks import is_blank
    from elmobench.data.text_checks import check_text

    predictor = Predictor(*find_record(run, results))
    pipeline = predictor.pipeline
    given = bool(texts) and texts != ["-"]
    lines = list(map(argument_text, texts or ())) if given else _standard_input()
    for number, line in enumerate(lines, start=1):
        check_text(line, "the text", f"text {number}")
    # Blank lines have no tokens to label.
    blank = [is_blank(line) if tokenized else not line.strip() for line in lines]
    labelled = predictor.predict(
        [line for line, is_empty in zip(lines, blank, strict=True) if not is_empty],
        tokenized=tokenized,
    )
    for is_empty in blank:
        tokens, prediction = ((), None) if is_empty else next(labelled)
        if as_json:
            row = {"tokens": list(tokens), "prediction": prediction}
            typer.echo(json_line(row))
            continue
        if is_empty:
            typer.echo()
            continue
        line = pipeline.format_annotation(prediction, tokens)
        if not pipeline.annotation_repeats_text:
            line += f"\t{' '.join(tokens)}"
        typer.echo(line)


def _standard_input() -> list[str]:
    """Return the lines of standard input, which must be UTF-8 whatever the locale is.

    A byte-order mark is no part of the text.

    Raises:
        DataError: a line is not UTF-8; names it.
    """
    from elmobench.core.parsing import standard_input
    from elmobench.data.readers.base import SourceText

    text = SourceText(standard_input().read(), "standard input")
    return [line for _, line in text.rows()]
