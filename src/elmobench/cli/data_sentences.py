"""``elmobench data sentences``: list the sentences that tasks and experiments need."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from elmobench.cli.options import IncludeOption, JsonOption, TrustFirstOption


def sentences(
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME", help="Tasks, or one experiment."),
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File to write [default: the output].")
    ] = None,
    include: IncludeOption = None,
    trust_first: TrustFirstOption = False,
    as_json: JsonOption = False,
) -> None:
    """List the distinct sentences that tasks or an experiment need, to encode them elsewhere.

    One JSON array of tokens per line. Write their vectors to a file that vectors:FILE reads.
    """
    import json

    from elmobench.bench.needed_sentences import needed_sentences
    from elmobench.cli.output.base import print_json
    from elmobench.cli.output.data import SentencesOutput
    from elmobench.core.files import atomic_path, writing
    from elmobench.data.cards.catalog import CardCatalog

    found = needed_sentences(names, CardCatalog(include or ()), trust_first).distinct()
    tokens = sum(map(len, found))
    lines = (json.dumps(sentence) for sentence in found)
    output = SentencesOutput(
        count=len(found),
        tokens=tokens,
        file=None if out is None else str(out),
        sentences=None if out is not None or not as_json else list(map(list, found)),
    )
    if out is None and as_json:
        print_json(output)
        return
    if out is None:
        for line in lines:
            typer.echo(line)
        return
    with writing(out), atomic_path(out) as temporary, temporary.open("w") as stream:
        stream.writelines(f"{line}\n" for line in lines)
    if as_json:
        print_json(output)
        return
    typer.echo(f"{len(found)} sentences, {tokens} tokens in {out}")
