"""``elmobench list``: the names that experiments and commands accept."""

from __future__ import annotations

from typing import Annotated

import typer

from elmobench.api.names import KINDS, listed
from elmobench.cli.options import IncludeOption, JsonOption


def list_(
    kind: Annotated[
        str | None,
        typer.Argument(metavar="KIND", help=f"One of {', '.join(KINDS)} [default: all of them]."),
    ] = None,
    include: IncludeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List tasks, features, heads, experiments, metrics, readers or pipelines."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from elmobench.cli.output.base import for_programs
    from elmobench.cli.output.names import ListedName, ListOutput
    from elmobench.core.errors import UnknownNameError
    from elmobench.core.registry import did_you_mean
    from elmobench.data.cards.catalog import CardCatalog

    if kind is not None and kind not in KINDS:
        raise UnknownNameError(f"nothing called {kind!r} to list", fix=did_you_mean(kind, KINDS))
    cards = CardCatalog(include or ())
    kinds = [listed(name, cards) for name in (KINDS if kind is None else (kind,))]
    names = [
        ListedName(name=name, summary=summary, kind=one.kind)
        for one in kinds
        for name, summary in one.summaries.items()
    ]
    if for_programs(ListOutput(names=names), as_json=as_json):
        return
    console = Console()
    for one in kinds:
        table = Table(
            title=one.kind, title_justify="left", box=None, show_header=False, pad_edge=False
        )
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for name, summary in one.summaries.items():
            table.add_row(escape(name), escape(summary))
        console.print(table)
        console.print()
