"""``elmobench show``: everything known about one name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elmobench.cli.options import IncludeOption, JsonOption

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console

    from elmobench.cli.output.names import FidelityRow
    from elmobench.data.cards.card import TaskCard
    from elmobench.data.cards.catalog import CardCatalog
    from elmobench.data.readers.base import Reader
    from elmobench.tasks.head import HeadPreset


def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A task, model, experiment, reader or head, such as ner/wnut17 or ner/small.",
        ),
    ],
    fidelity: Annotated[
        bool,
        typer.Option(
            "--fidelity",
            help="For a head that follows a publication: print every layer and hyper-parameter "
            "with the published value.",
        ),
    ] = False,
    include: IncludeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the card, entry, experiment or options behind a name."""
    import yaml
    from rich.console import Console

    from elmobench.cli.output.base import print_json
    from elmobench.cli.output.names import ShowOutput
    from elmobench.data.cards.catalog import CardCatalog

    console = Console()
    if fidelity and not as_json:
        _print_fidelity(console, name)
        return
    cards = CardCatalog(include or ())
    found = _find(name, cards)
    lines = _data_lines(cards.get(found.name)) if found.kind == "task" else []
    if as_json:
        print_json(
            ShowOutput(
                kind=found.kind,
                name=found.name,
                content=found.content,
                data=[line.removeprefix("# ") for line in lines],
                fidelity=_fidelity_rows(name) if fidelity else None,
            )
        )
        return
    console.print(f"[bold]{found.kind} {found.name}[/]")
    text = found.text
    if text is None:
        text = yaml.safe_dump(found.content, sort_keys=False, allow_unicode=True, width=96)
    console.print(text, markup=False, highlight=False, soft_wrap=True)
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _data_lines(card: TaskCard) -> list[str]:
    """What was left out of the data and how they are split, of cards that state either.

    The data are read only if they are on this machine.
    """
    from elmobench.data.cards.source_kinds import GenerateSource
    from elmobench.data.cards.split_rules import HeldOutSplit
    from elmobench.tasks.data_lines import data_lines
    from elmobench.tasks.task import Task

    drops = any(not isinstance(source, GenerateSource) and source.drop for source in card.sources())
    if not drops and not isinstance(card.split, HeldOutSplit):
        return []
    task = Task(card)
    if not task.is_local:
        return []
    sizes = ", ".join(f"{split} {n.examples:,}" for split, n in task.split_counts.items())
    return [f"# examples: {sizes}", *(f"# {line}" for line in data_lines(task))]


@dataclass(frozen=True)
class _Found:
    """What a name means.

    Attributes:
        kind, name: what it is, and its full name.
        content: its fields.
        text: what is printed for people; None for the content as YAML.
    """

    kind: str
    name: str
    content: dict[str, Any]
    text: str | None = None


def _find(name: str, card_catalog: CardCatalog) -> _Found:
    import warnings

    from elmobench.analysis.tables.published import numbers_on
    from elmobench.bench.experiment.schema import known_experiments, load_experiment
    from elmobench.core.errors import ElmobenchWarning, UnknownNameError
    from elmobench.core.registry import did_you_mean
    from elmobench.data.readers.base import READERS
    from elmobench.features.catalog.catalog import ModelCatalog
    from elmobench.features.catalog.inventory import describe_model, model_info
    from elmobench.tasks.registries import HEADS

    cards = card_catalog.by_id
    tasks = [task for task in cards if task == name or task.split("/")[-1] == name]
    if len(tasks) > 1:
        raise UnknownNameError(
            f"{name!r} could be any of {', '.join(tasks)}", fix="write it with its pipeline"
        )
    # The name of a reader or head is exact; a task's may be written without its pipeline.
    others = [kind for kind, known in (("reader", READERS), ("head", HEADS)) if name in known]
    if tasks and others and name not in cards:
        warnings.warn(
            f"{name} is a {others[0]}, shown here, and a task: elmobench show {tasks[0]}",
            ElmobenchWarning,
            stacklevel=2,
        )
    elif len(tasks) == 1:
        found = cards[tasks[0]]
        card = found.model_dump(mode="json", exclude_defaults=True)
        card["corpus"] = found.corpus_name
        hidden = {"pipeline", "data", "like", "not_comparable"}
        numbers = [
            number.model_dump(mode="json", exclude_none=True, exclude=hidden)
            for number in numbers_on(found)
        ]
        if numbers:
            card["published"] = [*card.get("published", ()), *numbers]
        return _Found("task", tasks[0], card)
    models = ModelCatalog()
    if name in models.names():
        return _Found("features", name, describe_model(model_info(models, name)))
    experiments = known_experiments()
    if name in experiments:
        experiment = load_experiment(name).model_dump(mode="json", exclude_defaults=True)
        return _Found("experiment", name, experiment)
    if name in READERS:
        reader = READERS.get(name)
        return _Found("reader", name, _reader_content(reader), _reader_text(reader))
    if name in HEADS:
        preset, summary = HEADS.get(name), HEADS.summary(name)
        return _Found("head", name, _head_content(preset, summary), _head_text(preset, summary))
    if name in {name for card in card_catalog.unfinished for name in (card, card.split("/")[-1])}:
        card_catalog.get(name)  # raises: its empty fields are to be filled in
    known = {
        *cards,
        *(task.split("/")[-1] for task in cards),
        *models.names(),
        *experiments,
        *READERS,
        *HEADS,
    }
    raise UnknownNameError(f"nothing called {name!r} to show", fix=did_you_mean(name, known))


def _print_fidelity(console: Console, name: str) -> None:
    """Print what is published about a head, our value, why they differ, and how to check."""
    from rich.markup import escape
    from rich.table import Table

    from elmobench.analysis.tables.fidelity import checks_of, fidelity_of
    from elmobench.tasks.published_values import published_values_of

    head = published_values_of(name)
    compared = fidelity_of(head)
    console.print(head.follows, markup=False, highlight=False)
    for title, lines in (("", compared.lines), ("without ELMo", compared.baseline)):
        if not lines:
            continue
        table = Table("what", "published", head.head, "why", title=title or None)
        for line in lines:
            cells = (line.what, line.published, line.ours, line.reason or "")
            table.add_row(*map(escape, cells), style=None if line.same else "bold")
        console.print(table)
        different = sum(not line.same for line in lines)
        console.print(
            f"{len(lines) - different} rows as published, {different} different", highlight=False
        )
    for check in checks_of(head):
        text = f"held against {check.against}: {check.command}"
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def _fidelity_rows(name: str) -> list[FidelityRow]:
    """Every property of a head that follows a publication, next to the published one."""
    from elmobench.analysis.tables.fidelity import fidelity_of
    from elmobench.cli.output.names import FidelityRow
    from elmobench.tasks.published_values import published_values_of

    compared = fidelity_of(published_values_of(name))
    return [
        FidelityRow(
            what=line.what,
            published=line.published,
            ours=line.ours,
            same=line.same,
            reason=line.reason,
            with_elmo=with_elmo,
        )
        for with_elmo, lines in ((True, compared.lines), (False, compared.baseline))
        for line in lines
    ]


def _option_fields(model: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """Options with value and description; one that is required has no value."""
    from elmobench.core.option_help import description_of

    return {
        name: {"description": description_of(model, name), "required": field.is_required()}
        | ({"value": values[name]} if name in values else {})
        for name, field in model.model_fields.items()
    }


def _reader_content(reader: Reader[Any]) -> dict[str, Any]:
    """A reader and its options, as fields."""
    from elmobench.core.option_help import default_of

    model = reader.options_type
    defaults = {
        name: default_of(model, name)
        for name, field in model.model_fields.items()
        if not field.is_required()
    }
    return {"options": _option_fields(model, defaults), "droppable": list(reader.droppable)}


def _head_content(preset: HeadPreset, summary: str) -> dict[str, Any]:
    """A head and its three blocks of options, as fields."""
    blocks = {name: getattr(preset, name) for name in ("options", "training", "mix")}
    return {
        "summary": summary,
        "version": preset.version,
        **{
            name: _option_fields(type(values), values.model_dump(mode="json"))
            for name, values in blocks.items()
        },
    }


def _reader_text(reader: Reader[Any]) -> str:
    """Describe a reader and its options."""
    import inspect

    from elmobench.core.option_help import default_of, explained
    from elmobench.data.problems import KINDS

    model = reader.options_type
    required = [name for name, field in model.model_fields.items() if field.is_required()]
    defaults = {
        name: default_of(model, name) for name in model.model_fields if name not in required
    }
    doc = inspect.cleandoc(type(reader).__doc__ or "").partition("\n\n")[0]
    what = " ".join(doc.split()).replace(":class:", "").replace("`", "")
    lines = ["options:", *(f"  {line}" for line in explained(model, defaults, required))]
    if reader.droppable:
        lines.append("# Kinds of problems that a source in a card may state in 'drop: [...]':")
        lines += [f"#   {kind}: {KINDS[kind]}" for kind in reader.droppable]
    return "\n".join([f"# {what}", *lines])


def _head_text(preset: HeadPreset, summary: str) -> str:
    """Describe a head: its summary, its version and its three blocks of options."""
    from elmobench.core.option_help import explained

    lines = [f"what: {summary}", f"version: {preset.version}"]
    for block in ("options", "training", "mix"):
        values = getattr(preset, block)
        lines.append(f"{block}:")
        lines += [f"  {line}" for line in explained(type(values), values.model_dump(mode="json"))]
    return "\n".join(lines)
