"""Pages that stand elsewhere or are made from metadata: tasks, models, results.

mkdocs calls :func:`on_files`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from elmobench.analysis.tables.published import published_numbers
from elmobench.data.cards.card import TaskCard
from elmobench.data.cards.catalog import find_cards
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.features.catalog.inventory import describe_model, model_info
from elmobench.pretraining.model_card import card_of


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages."""
    from mkdocs.structure.files import File

    pages = {"tasks.md": tasks_page(), "models.md": models_page(), **results_pages()}
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def results_pages() -> dict[str, str]:
    """The study with its drawings, and what more text buys."""
    results = Path(__file__).resolve().parents[1] / "results"
    drawings = {file.name: file.read_text("utf-8") for file in (results / "study").glob("*.svg")}
    return {
        "results.md": (results / "study" / "RESULTS.md").read_text("utf-8"),
        "budgets.md": (results / "budgets" / "BUDGETS.md").read_text("utf-8"),
        **drawings,
    }


def tasks_page() -> str:
    """A section for every card that ships."""
    cards = dict(sorted(find_cards(()).items()))
    lines = [
        "# Tasks",
        "",
        f"{len(cards)} cards ship; `elmobench show NAME` shows one whole.",
        "",
        "| task | title | metric | licence |",
        "| --- | --- | --- | --- |",
        *(
            f"| [{id}](#{_anchor(id)}) | {c.title} | {c.metric} | {c.licence} |"
            for id, c in cards.items()
        ),
        "",
    ]
    for id_, card in cards.items():
        lines += _task(id_, card)
    return "\n".join(lines)


def _anchor(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum() or c in "-_")


def _task(name: str, card: TaskCard) -> list[str]:
    facts = {
        "pipeline": card.pipeline,
        "metric": card.metric,
        "context unit": card.context_unit,
        "default head": card.head,
        "licence": card.licence,
        "may be given away": card.redistributable,
        "citation": card.citation,
    }
    lines = [f"## {name}", "", f"**{card.title}.** {card.description}", ""]
    lines += ["| | |", "| --- | --- |"]
    lines += [f"| {key} | {_cell(value)} |" for key, value in facts.items()]
    for split, counts in card.counts.items():
        told = counts.model_dump(exclude_none=True)
        words = ", ".join(f"{v:,} {k}" for k, v in told.items() if isinstance(v, int))
        lines.append(f"| {split} | {words} |")
    if card.ceiling is not None:
        reached = f"{card.ceiling.context_free:g}"
        lines.append(f"| a reader without context reaches | {reached}: {_cell(card.ceiling.why)} |")
    lines.append("")
    numbers = [number for number in published_numbers() if number.card == name]
    if numbers:
        lines += ["| published | what | source |", "| --- | --- | --- |"]
        lines += [
            f"| {n.score:g} | {_cell(n.system)} ({n.metric}) | {_cell(n.place)} |" for n in numbers
        ]
        lines.append("")
    if card.notes:
        lines += [card.notes, ""]
    return lines


def models_page() -> str:
    """A section for every model of the catalogue, with the card of those trained here."""
    catalogue = ModelCatalog()
    lines = ["# Models", "", "The catalogue, and the cards of the models that ship.", ""]
    for name in catalogue.names():
        lines += [f"## {name}", ""]
        told = describe_model(model_info(catalogue, name))
        lines += ["| | |", "| --- | --- |"]
        lines += [
            f"| {key} | {_cell(value)} |"
            for key, value in told.items()
            if isinstance(value, str | int | float)
        ]
        lines.append("")
        file = next((f.path for f in catalogue.files(name) if f.path is not None), None)
        card = card_of(None if file is None else file.parent)
        if card is not None:
            lines += ["| training | |", "| --- | --- |"]
            facts = {
                "text": ", ".join(str(file["name"]) for file in card.corpus.files),
                "tokens of the text": f"{card.corpus.train_tokens:,}",
                "tokens read": f"{card.tokens_seen:,}",
                **{f"parameters, {k}": f"{v:,}" for k, v in card.parameters.items()},
                **{f"held-out {k}": f"{v:.2f}" for k, v in card.heldout.items()},
                "time": f"{card.seconds / 60:.0f} min on {card.hardware.get('processor')}",
                "attribution": card.attribution,
            }
            lines += [f"| {key} | {_cell(value)} |" for key, value in facts.items()]
            lines.append("")
    return "\n".join(lines)


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")
