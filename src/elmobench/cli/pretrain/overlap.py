"""``elmobench pretrain overlap``: look for evaluation sets in a text."""

from __future__ import annotations

from typing import Annotated

import typer

from elmobench.cli.options import IncludeOption, JsonOption
from elmobench.cli.pretrain.options import CorpusOption, TokenizerOption
from elmobench.cli.streams import say


def overlap(
    corpus: CorpusOption,
    tokenizer: TokenizerOption = None,
    tasks: Annotated[
        list[str] | None,
        typer.Option("--task", help="A card; may be given again [default: all]."),
    ] = None,
    include: IncludeOption = None,
    as_json: JsonOption = False,
) -> None:
    """How much of the dev and test sets of the task cards occurs in a corpus."""
    from rich.console import Console
    from rich.table import Table

    from elmobench.cli.output.base import for_programs
    from elmobench.cli.output.models import OverlapOutput, OverlapRow
    from elmobench.cli.pretrain.display import bytes_display
    from elmobench.data.cards.catalog import CardCatalog
    from elmobench.pretraining.corpus import Corpus
    from elmobench.pretraining.overlap import WORDS, check_cards

    text = Corpus.open(corpus, tokenizer)
    with bytes_display("reading") as on_bytes:
        rows, missing = check_cards(text, tasks, CardCatalog(include or ()), on_bytes)
    output = OverlapOutput(
        words=WORDS,
        sets=[OverlapRow.from_values(row) for row in rows],
        not_checked={task: str(reason) for task, reason in missing.items()},
    )
    for task, reason in missing.items():
        say(f"not checked: {task}: {reason}")
    if for_programs(output, as_json=as_json):
        return
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
