"""``elmobench show``: everything that is known of one name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from elmobench.cli.run_experiment import IncludeOption


def show(
    name: Annotated[
        str, typer.Argument(help="A task, features, experiment, reader or head (ner/small).")
    ],
    include: IncludeOption = None,
) -> None:
    """Show what is known of NAME."""
    import yaml
    from rich.console import Console

    console = Console()
    kind, content = _find(name, include or ())
    console.print(f"[bold]{kind}[/]")
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=96)
    console.print(text, markup=False, highlight=False)


def _find(name: str, include: Sequence[Path]) -> tuple[str, dict[str, Any]]:
    from elmobench.analysis.published import published_numbers
    from elmobench.bench.experiment import known_experiments, load_experiment
    from elmobench.data.cards import find_cards
    from elmobench.data.readers.base import READERS
    from elmobench.errors import UnknownNameError
    from elmobench.features.catalogue import Catalogue
    from elmobench.features.inventory import describe_model, model_info
    from elmobench.registry import did_you_mean
    from elmobench.tasks.registries import HEADS

    cards = find_cards(include)
    tasks = [task for task in cards if task == name or task.split("/")[-1] == name]
    if len(tasks) == 1:
        card = cards[tasks[0]].model_dump(mode="json", exclude_defaults=True)
        numbers = [
            number.model_dump(mode="json", exclude_none=True, exclude={"pipeline", "card", "like"})
            for number in published_numbers()
            if number.card == tasks[0]
        ]
        if numbers:
            card["published"] = [*card.get("published", ()), *numbers]
        return f"task {tasks[0]}", card
    catalogue = Catalogue()
    if name in catalogue.names():
        return f"features {name}", describe_model(model_info(catalogue, name))
    experiments = known_experiments()
    if name in experiments:
        experiment = load_experiment(name).model_dump(mode="json", exclude_defaults=True)
        return f"experiment {name}", experiment
    if name in READERS:
        return f"reader {name}", _options_of(READERS.get(name).options_type)
    if name in HEADS:
        preset = HEADS.get(name)
        blocks = {"options": preset.options, "training": preset.training, "mix": preset.mix}
        return f"head {name}", {
            "what": HEADS.summary(name),
            "version": preset.version,
            **{block: values.model_dump(mode="json") for block, values in blocks.items()},
        }
    known = {
        *cards,
        *(task.split("/")[-1] for task in cards),
        *catalogue.names(),
        *experiments,
        *READERS,
        *HEADS,
    }
    raise UnknownNameError(f"nothing called {name!r} to show", fix=did_you_mean(name, known))


def _options_of(model: Any) -> dict[str, Any]:
    """An options model as text: what each option means, and its default."""
    import inspect

    options = {}
    for name, field in model.model_fields.items():
        if field.is_required():
            options[name] = "required"
        else:
            options[name] = field.get_default(call_default_factory=True)
    return {"options and defaults": options, "meaning": inspect.cleandoc(model.__doc__ or "")}
