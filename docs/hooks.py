"""Pages that are generated when the documentation is built.

They come from the code (command line, Python), from metadata (tasks, models), from the results and
from the notebooks. mkdocs calls :func:`on_files`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from elmobench.analysis.tables.published import numbers_on
from elmobench.data.cards.card import TaskCard
from elmobench.data.cards.catalog import CardCatalog
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.features.catalog.inventory import describe_model, model_info
from elmobench.pretraining.model_card import card_of

sys.path.insert(0, str(Path(__file__).parent))
from board_page import PAGE, site_pages
from fidelity_page import fidelity_page
from notebook_pages import notebook_pages
from python_reference import python_page

_RESULTS = Path(__file__).resolve().parents[1] / "results"


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages."""
    from mkdocs.structure.files import File

    pages = {
        "reference/cli.md": cli_page(),
        "reference/python.md": python_page(),
        "reference/tasks.md": tasks_page(),
        "reference/models.md": models_page(),
        "fidelity.md": fidelity_page(_RESULTS / "allennlp" / "heads.csv"),
        **results_pages(),
        **site_pages(PAGE.read_text("utf-8")),
        **notebook_pages(),
    }
    for name, text in pages.items():
        if (committed := files.get_file_from_path(name)) is not None:
            files.remove(committed)
        files.append(File.generated(config, name, content=text))
    return files


def results_pages() -> dict[str, str]:
    """The study with its drawings, the amount of text, AllenNLP's runs, and the calibration."""
    study = (_RESULTS / "study" / "RESULTS.md").read_text("utf-8")
    allennlp = (_RESULTS / "allennlp" / "ALLENNLP.md").read_text("utf-8")
    stability = _RESULTS / "calibration" / "search_stability.csv"
    drawings = {file.name: file.read_text("utf-8") for file in (_RESULTS / "study").glob("*.svg")}
    return {
        "results.md": study.replace("../calibration/CALIBRATION.md", "calibration.md").replace(
            "../calibration/search_stability.csv", "search_stability.csv"
        ),
        "search_stability.csv": stability.read_text("utf-8"),
        "calibration.md": (_RESULTS / "calibration" / "CALIBRATION.md").read_text("utf-8"),
        "heads.csv": (_RESULTS / "allennlp" / "heads.csv").read_text("utf-8"),
        "allennlp.md": allennlp.replace("../calibration/CALIBRATION.md", "calibration.md"),
        "budgets.md": (_RESULTS / "budgets" / "BUDGETS.md").read_text("utf-8"),
        **drawings,
    }


def cli_page() -> str:
    """The help text of every command, as it is printed at 80 columns."""
    import typer
    from typer.testing import CliRunner

    from elmobench.cli.main import app

    def help_texts(command: Any, path: list[str]) -> list[str]:
        result = CliRunner(env={"COLUMNS": "80"}).invoke(
            app, [*path, "--help"], prog_name="elmobench"
        )
        name = " ".join(["elmobench", *path])
        lines = [
            f"{'#' * min(2 + len(path), 3)} {name}",
            "",
            "```text",
            result.stdout.strip(),
            "```",
            "",
        ]
        for child, subcommand in getattr(command, "commands", {}).items():
            lines += help_texts(subcommand, [*path, child])
        return lines

    texts = help_texts(typer.main.get_command(app), [])
    return "\n".join(["# Command line", "", "The help text of every command.", "", *texts])


def tasks_page() -> str:
    """A section for every card that ships."""
    cards = CardCatalog().by_id
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
        "corpus": card.corpus_name,
        **({} if card.same_as is None else {"same data as": card.same_as}),
        "default head": card.head,
        "licence": card.licence,
        "redistributable": card.redistributable,
        "citation": card.citation,
    }
    lines = [f"## {name}", "", f"**{card.title}.** {card.description}", ""]
    lines += ["| | |", "| --- | --- |"]
    lines += [f"| {key} | {_cell(value)} |" for key, value in facts.items()]
    for split, counts in card.counts.items():
        sizes = counts.model_dump(exclude_none=True)
        words = ", ".join(f"{v:,} {k}" for k, v in sizes.items() if isinstance(v, int))
        lines.append(f"| {split} | {words} |")
    if card.ceiling is not None:
        ceiling = f"{card.ceiling.context_free:g}"
        lines.append(f"| context-free ceiling | {ceiling}: {_cell(card.ceiling.why)} |")
    lines.append("")
    numbers = numbers_on(card)
    if numbers:
        lines += ["| published | system | source |", "| --- | --- | --- |"]
        lines += [
            f"| {n.score:g} | {_cell(n.system)} ({n.metric}) | {_cell(n.place)} |" for n in numbers
        ]
        lines.append("")
    if card.notes:
        lines += [card.notes, ""]
    return lines


def models_page() -> str:
    """A section for every model of the catalog, with the card of those trained here."""
    catalog = ModelCatalog()
    lines = ["# Models", "", "The catalog, and the cards of the models that ship.", ""]
    for name in catalog.names():
        lines += [f"## {name}", ""]
        facts = describe_model(model_info(catalog, name))
        lines += ["| | |", "| --- | --- |"]
        lines += [
            f"| {key} | {_cell(value)} |"
            for key, value in facts.items()
            if isinstance(value, str | int | float)
        ]
        lines.append("")
        file = next((f.path for f in catalog.files(name) if f.path is not None), None)
        card = card_of(None if file is None else file.parent)
        if card is not None:
            lines += ["| training | |", "| --- | --- |"]
            training = {
                "text": ", ".join(file.name for file in card.corpus.files),
                "tokens of the text": f"{card.corpus.train_tokens:,}",
                "tokens read": f"{card.tokens_seen:,}",
                **{f"parameters, {k}": f"{v:,}" for k, v in card.parameters.items()},
                **{f"held-out {k}": f"{v:.2f}" for k, v in card.heldout.items()},
                "time": f"{card.seconds / 60:.0f} min on {card.hardware.get('processor')}",
                "attribution": card.attribution,
            }
            lines += [f"| {key} | {_cell(value)} |" for key, value in training.items()]
            lines.append("")
    return "\n".join(lines)


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")
