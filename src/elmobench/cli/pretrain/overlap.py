"""``elmobench pretrain overlap``: look for evaluation sets in a text."""

from __future__ import annotations

from typing import Annotated

import typer

from elmobench.cli.options import IncludeOption
from elmobench.cli.pretrain.options import CorpusOption, TokenizerOption


def overlap(
    corpus: CorpusOption,
    tokenizer: TokenizerOption = None,
    tasks: Annotated[
        list[str] | None,
        typer.Option("--task", help="A card; may be given again [default: all]."),
    ] = None,
    include: IncludeOption = None,
) -> None:
    """How much of the dev and test sets of the task cards occurs in a corpus."""
    from rich.console import Console
    from rich.table import Table

    from elmobench.cli.pretrain.display import bytes_display
    from elmobench.data.cards.catalog import CardCatalog
    from elmobench.pretraining.corpus import Corpus
    from elmobench.pretraining.overlap import WORDS, check_cards

    text = Corpus.open(corpus, tokenizer)
    with bytes_display("reading") as on_bytes:
        rows, missing = check_cards(text, tasks, CardCatalog(include or ()), on_bytes)
    table = Table(title=f"{WORDS}-word sequences that occur in the corpus")
    for column in ("task", "split", "sequences", "found", "sentences", "with one found"):
        table.add_column(column, justify="left" if column in ("task", "split") else "right")
    for row in rows:
        table.add_row(
            row.task,
            row.split,
            f"{row.runs:,}",
            f"{row.runs_found:,}",
            f"{row.sentences:,}",
            f"{row.sentences_found:,}",
        )
    Console().print(table)
    for task, reason in missing.items():
        typer.echo(f"not checked: {task}: {reason}", err=True)
