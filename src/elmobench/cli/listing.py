"""``elmobench list``: the names that experiments and commands accept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from elmobench.cli.options import IncludeOption, JsonOption

if TYPE_CHECKING:
    from elmobench.data.cards.catalog import CardCatalog

KINDS = ("tasks", "features", "heads", "experiments", "metrics", "readers", "pipelines")


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
    listed = {name: _rows(name, cards) for name in (KINDS if kind is None else (kind,))}
    names = [
        ListedName(name=entry, summary=summary, kind=name)
        for name, rows in listed.items()
        for entry, summary in rows
    ]
    if for_programs(ListOutput(names=names), as_json=as_json):
        return
    console = Console()
    for name, rows in listed.items():
        table = Table(title=name, title_justify="left", box=None, show_header=False, pad_edge=False)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for entry, summary in rows:
            table.add_row(escape(entry), escape(summary))
        console.print(table)
        console.print()


def _rows(kind: str, cards: CardCatalog) -> list[tuple[str, str]]:
    match kind:
        case "tasks":
            listed = [(name, card.title) for name, card in cards.by_id.items()]
            return listed + [
                (name, f"(unfinished: {', '.join(error.fields)})")
                for name, error in cards.unfinished.items()
            ]
        case "features":
            from elmobench.features.catalog.catalog import ModelCatalog

            catalog = ModelCatalog()
            return [(name, catalog.entry(name).description) for name in catalog.names()]
        case "experiments":
            from elmobench.bench.experiment.schema import known_experiments, load_experiment

            return [(n, load_experiment(p).description) for n, p in known_experiments().items()]
        case "heads":
            from elmobench.tasks.registries import HEADS

            return [(name, HEADS.summary(name)) for name in HEADS]
        case "pipelines":
            from elmobench.tasks.registries import PIPELINES

            return [(name, PIPELINES.summary(name)) for name in PIPELINES]
        case "metrics":
            from elmobench.metrics.base import METRICS

            return [(name, METRICS.summary(name)) for name in METRICS]
        case _:
            from elmobench.data.readers.base import READERS

            return [(name, READERS.summary(name)) for name in READERS]
