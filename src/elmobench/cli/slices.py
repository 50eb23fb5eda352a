"""``elmobench slices``: scores on parts of the test sets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elmobench.cli.run_experiment import IncludeOption

if TYPE_CHECKING:
    import pandas as pd

    from elmobench.tracking.record import RecordStore


def slices(
    experiment: Annotated[
        str, typer.Argument(help="A results folder, or the name of one below 'results'.")
    ],
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV.")] = False,
    typos: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=1.0, help="Also on a copy with an error in this share of the longer words."
        ),
    ] = None,
    include: IncludeOption = None,
) -> None:
    """Score EXPERIMENT on long and short examples, unknown words and unseen entities.

    Nothing is trained or encoded: the stored predictions are scored again. Needs the tasks' data.
    With --typos the trained heads read the test sets again; these and the models must be here.
    """
    import pandas as pd
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from elmobench.analysis.inspect.slices import slice_table
    from elmobench.cli.report import results_folder
    from elmobench.core.errors import DataError
    from elmobench.tracking.record import RecordStore

    folder = results_folder(experiment)
    store = RecordStore(folder)
    table = slice_table(store, include or ())
    if typos:
        misspelt = _misspelt(store, typos, include or ())
        if len(misspelt):
            table = pd.concat([table, misspelt], ignore_index=True).fillna("–")
    if table.empty:
        raise DataError(
            "nothing to slice: no task's data and predictions are both on this machine",
            where=str(folder),
            fix="fetch the data (`elmobench data fetch TASK`), or run the experiment again",
        )
    if as_csv:
        typer.echo(table.to_csv(index=False), nl=False)
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


def _misspelt(store: RecordStore, share: float, include: Sequence[Path]) -> pd.DataFrame:
    from rich.console import Console

    from elmobench.analysis.inspect.typo_robustness import typo_table

    console = Console(stderr=True)
    with console.status("reading with typing errors") as status:
        table = typo_table(store, share, include, status.update)
    if table.empty:
        console.print(
            "[yellow]No typing errors: no trained head of this experiment can be used here. Run it "
            "on this machine: heads are not committed with results.[/]",
            highlight=False,
        )
    return table
