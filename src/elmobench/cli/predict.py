"""``elmobench predict``: label your own text with a trained head."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from elmobench.cli.options import JsonOption, TokenizedOption
from elmobench.cli.streams import argument_text


def predict(
    run: Annotated[
        str,
        typer.Argument(metavar="CELL", help="First characters of a cell's name, or a record file."),
    ],
    given_texts: Annotated[
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
    ids: Annotated[
        bool,
        typer.Option(
            "--ids", help="Texts begin with an id and a tab; lines of the output do so too."
        ),
    ] = False,
    probabilities: Annotated[
        bool,
        typer.Option(
            "--probabilities",
            help="Also print the probability of every label, the highest first, for heads that "
            "give a text one label, or a set of labels.",
        ),
    ] = False,
) -> None:
    """Label your own text with the trained head of CELL."""
    from elmobench.bench.predict import Predictor, find_record
    from elmobench.cli.output.base import print_json
    from elmobench.cli.output.findings import Prediction, PredictOutput
    from elmobench.data.blanks import is_blank
    from elmobench.data.text_checks import check_text

    store, cell = find_record(run, results)
    predictor = Predictor(store, cell)
    pipeline = predictor.pipeline
    given = bool(given_texts) and given_texts != ["-"]
    lines = list(map(argument_text, given_texts or ())) if given else _standard_input()
    for number, line in enumerate(lines, start=1):
        check_text(line, "the text", f"text {number}")
    names = [""] * len(lines)
    if ids:
        names, lines = _without_ids(lines)
    # Blank lines have no tokens to label.
    blank = [is_blank(line) if tokenized else not line.strip() for line in lines]
    texts = [line for line, is_empty in zip(lines, blank, strict=True) if not is_empty]
    labelled = predictor.predict(texts, tokenized=tokenized)
    shares = predictor.probabilities(texts, tokenized=tokenized) if probabilities else None
    rows: list[Prediction] = []
    for name, is_empty in zip(names, blank, strict=True):
        tokens, prediction = ((), None) if is_empty else next(labelled)
        share = None if is_empty or shares is None else next(shares)
        if as_json:
            rows.append(
                Prediction(
                    id=name if ids else None,
                    tokens=list(tokens),
                    prediction=prediction,
                    probabilities=share,
                )
            )
            continue
        columns = [name] if ids else []
        if not is_empty:
            columns.append(pipeline.format_annotation(prediction, tokens))
            if share is not None:
                columns.append(_highest_first(share))
            if not pipeline.annotation_repeats_text:
                columns.append(" ".join(tokens))
        typer.echo("\t".join(columns))
    if as_json:
        print_json(PredictOutput(cell=cell, predictions=rows))


def _highest_first(probabilities: dict[str, float]) -> str:
    ordered = sorted(probabilities.items(), key=lambda item: -item[1])
    return ", ".join(f"{label} {value:.4f}" for label, value in ordered)


def _without_ids(lines: list[str]) -> tuple[list[str], list[str]]:
    """The ids of texts, and the texts. A blank line has none.

    Raises:
        DataError: a line has no tab; names it.
    """
    from elmobench.core.errors import DataError

    names, texts = [], []
    for number, line in enumerate(lines, start=1):
        name, tab, text = line.partition("\t")
        if not tab and line.strip():
            raise DataError(
                "there is no id: a text begins with an id and a tab (--ids)",
                where=f"text {number}",
            )
        names.append(name if tab else "")
        texts.append(text)
    return names, texts


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
