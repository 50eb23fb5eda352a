"""``elmobench show``: one task card, one model or one experiment in full."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from elmobench.cli.run_experiment import IncludeOption


def show(
    name: Annotated[str, typer.Argument(help="A task, a features name or an experiment.")],
    include: IncludeOption = None,
) -> None:
    """Show what is known of NAME."""
    import yaml
    from rich.console import Console

    console = Console()
    kind, content = _find(name, list(include or []))
    console.print(f"[bold]{kind}[/]")
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=96)
    console.print(text, markup=False, highlight=False)


def _find(name: str, include: list[Any]) -> tuple[str, dict[str, Any]]:
    from elmobench.bench.experiment import known_experiments, load_experiment
    from elmobench.data.cards import find_cards
    from elmobench.errors import UnknownNameError
    from elmobench.features.catalogue import Catalogue
    from elmobench.registry import did_you_mean

    cards = find_cards(include)
    short = [task for task in cards if task == name or task.split("/")[-1] == name]
    if len(short) == 1:
        card = cards[short[0]].model_dump(mode="json", exclude_defaults=True)
        return f"task {short[0]}", card
    catalogue = Catalogue()
    if name in catalogue.names():
        entry = catalogue.entry(name).model_dump(mode="json", exclude_defaults=True)
        return f"features {name}", entry
    experiments = known_experiments()
    if name in experiments:
        return f"experiment {name}", load_experiment(name).model_dump(
            mode="json", exclude_defaults=True
        )
    known = [*cards, *(task.split("/")[-1] for task in cards), *catalogue.names(), *experiments]
    raise UnknownNameError(
        f"no task, features or experiment called {name!r}", fix=did_you_mean(name, known)
    )
