"""``elmobench slices``: scores on parts of the test sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from elmobench.cli.options import IncludeOption, JsonOption, ResultsArgument

if TYPE_CHECKING:
    import pandas as pd

    from elmobench.cli.output.findings import SliceScore
    from elmobench.data.cards.catalog import CardCatalog
    from elmobench.tracking.record_store import RecordStore


def slices(
    results: ResultsArgument,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of tables.")] = False,
    typos: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            metavar="SHARE",
            help="Also score a copy with a typing error in this share of the longer words.",
        ),
    ] = None,
    include: IncludeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score parts of the test sets: long examples, unknown words, unseen entities.

    The stored predictions are scored again; nothing is trained or encoded. This needs the data of
    the tasks. With --typos the trained heads predict again, which needs the heads and the models.
    """
    import pandas as pd
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from elmobench.analysis.inspect.slices import MIN_SIZE, slice_table
    from elmobench.api.results_folder import results_folder
    from elmobench.cli.output.base import for_programs
    from elmobench.cli.output.findings import SlicesOutput
    from elmobench.core.errors import DataError
    from elmobench.tracking.record_store import RecordStore
    from elmobench.tracking.remembered_cards import remembered_cards

    folder = results_folder(results)
    store = RecordStore(folder)
    cards = remembered_cards(store, include)
    table = slice_table(store, cards)
    if typos:
        with_typos = _typo_scores(store, typos, cards)
        if len(with_typos):
            table = pd.concat([table, with_typos], ignore_index=True).fillna("–")
    if table.empty:
        raise DataError(
            "nothing to slice: no task's data and predictions are both on this machine, or no part "
            f"of a test set has {MIN_SIZE} examples",
            where=str(folder),
            fix="fetch the data (`elmobench data fetch TASK`), name the folder of your own cards "
            "(--include FOLDER), or run the experiment again",
        )
    if as_csv:
        typer.echo(table.to_csv(index=False), nl=False)
        return
    output = SlicesOutput(results=str(folder), scores=_scores(table))
    if for_programs(output, as_json=as_json):
        return
    console = Console()
    group = [name for name in ("task", "head", "axes") if name in table]
    for names, block in table.groupby(group, sort=False):
        console.print(
            f"\n[cyan]{escape(' · '.join(str(n) for n in names if n))}[/]", highlight=False
        )
        shown = Table(box=None, pad_edge=False, header_style="dim")
        rest = [name for name in block.columns if name not in group]
        for name in rest:
            text = name in ("slice", "score")
            shown.add_column(escape(name), justify="left" if text else "right", overflow="fold")
        for row in block[rest].itertuples(index=False):
            shown.add_row(*(escape(str(value)) for value in row))
        console.print(shown)


def _scores(table: pd.DataFrame) -> list[SliceScore]:
    """The table with one row per part and representation, and with scores as numbers."""
    from elmobench.cli.output.findings import SliceScore

    fixed = [name for name in ("task", "head", "axes", "slice", "score", "of") if name in table]
    scores = []
    for row in table.to_dict("records"):
        given = {"metric" if name == "score" else name: row[name] for name in fixed}
        for features in (name for name in table.columns if name not in fixed):
            mean, _, sd = str(row[features]).partition(" ± ")
            scores.append(
                SliceScore.from_values(
                    {
                        **{"axes": "", **given, "features": features},
                        "mean": None if mean == "–" else float(mean.replace("−", "-")),
                        "sd": float(sd) if sd else None,
                    }
                )
            )
    return scores


def _typo_scores(store: RecordStore, share: float, cards: CardCatalog) -> pd.DataFrame:
    from rich.console import Console

    from elmobench.analysis.inspect.typo_robustness import typo_table

    console = Console(stderr=True)
    with console.status("predicting with typing errors") as status:
        table = typo_table(store, share, cards, status.update)
    if table.empty:
        console.print(
            "[yellow]No scores with typing errors: this machine has no trained head of this "
            "experiment, or a task card was not found. Heads are not committed with "
            "results: run the experiment here. Cards of your own need --include FOLDER.[/]",
            highlight=False,
        )
    return table
