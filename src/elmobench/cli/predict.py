"""``elmobench predict``: label one's own text with a trained head."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

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

    from elmobench.bench.predict import Predictor, find_record

    predictor = Predictor(find_record(run, results))
    lines = texts or [line.rstrip("\n") for line in sys.stdin if line.strip()]
    for tokens, prediction in predictor.predict(lines, tokenized=tokenized):
        if as_json:
            row = {"tokens": list(tokens), "prediction": prediction}
            typer.echo(json.dumps(row, ensure_ascii=False))
        elif _is_clusters(prediction):
            typer.echo(" ".join(_linked(tokens, prediction)))
        elif isinstance(prediction, list):
            typer.echo(" ".join(_tagged(tokens, prediction)))
        else:
            typer.echo(f"{prediction}\t{' '.join(tokens)}")


def _is_clusters(prediction: Any) -> bool:
    """Whether a prediction is a list of clusters of [first, last]; none of them too."""
    return isinstance(prediction, list) and all(isinstance(item, list) for item in prediction)


def _linked(tokens: tuple[str, ...], clusters: list[list[list[int]]]) -> list[str]:
    """Mentions in brackets with the number of their cluster: ``[1 Ann] saw [1 her] [2 dog]``."""
    mentions = [(span, i) for i, cluster in enumerate(clusters, start=1) for span in cluster]
    words: list[str] = []
    for place, token in enumerate(tokens):
        # Of mentions that begin together the longest opens first.
        opens = sorted(((a - b, i) for (a, b), i in mentions if a == place))
        closes = sum(b == place for (_, b), _ in mentions)
        words.append("".join(f"[{i} " for _, i in opens) + token + "]" * closes)
    return words


def _tagged(tokens: tuple[str, ...], tags: list[str]) -> list[str]:
    """Spans in brackets: ``[PER Alan Turing] worked at …``; other tags as ``worked/VERB``."""
    from elmobench.data.counting import mark_spans

    if not mark_spans(tags):
        return [f"{token}/{tag}" for token, tag in zip(tokens, tags, strict=True)]
    words: list[str] = []
    for i, (token, tag) in enumerate(zip(tokens, tags, strict=True)):
        prefix, _, kind = tag.partition("-")
        start = f"[{kind} " if prefix == "B" else ""
        following = tags[i + 1] if i + 1 < len(tags) else "O"
        end = "]" if prefix in ("B", "I") and not following.startswith("I-") else ""
        words.append(f"{start}{token}{end}")
    return words
