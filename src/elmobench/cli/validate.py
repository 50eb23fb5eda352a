"""``elmobench validate``: check an experiment before any work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elmobench.cli.run_experiment import IncludeOption, SettingsOption

if TYPE_CHECKING:
    from elmobench.pretraining.model_card import ModelCard


def validate(
    experiment: Annotated[str, typer.Argument(help="A YAML file or a shipped name.")],
    include: IncludeOption = None,
    settings: SettingsOption = None,
    store: Annotated[Path | None, typer.Option(help="Feature store to look into.")] = None,
    trust_first: Annotated[
        bool, typer.Option("--trust-first", help="Pin files whose digest nobody knows yet.")
    ] = False,
) -> None:
    """Check every axis value, card, head, option, data file and model of EXPERIMENT.

    Loads the data and the models, checks their digests and counts, and trains nothing.
    """
    from elmobench.bench.context import RunContext
    from elmobench.bench.estimate import estimate_encoding
    from elmobench.bench.experiment.schema import load_experiment
    from elmobench.bench.plan import make_plan
    from elmobench.pretraining.model_card import card_of

    loaded = load_experiment(experiment, settings or ())
    bench = RunContext(loaded, include or (), store, trust_first)
    cells = list({planned.digest: planned.cell for planned in make_plan(bench)}.values())
    typer.echo(f"{loaded.name}: {len(cells)} cells are valid")
    for task in dict.fromkeys(cell.task for cell in cells):
        counts = bench.task(task).split_counts
        sizes = [f"{split} {n.examples:,} ({n.tokens:,} tokens)" for split, n in counts.items()]
        typer.echo(f"  {task}: {', '.join(sizes)}")
    rows = estimate_encoding(bench, cells)
    for row in rows:
        size = f", {row.bytes / 1e6:,.0f} MB, about {row.seconds:,.0f} s" if row.sentences else ""
        typer.echo(f"  {row.features} on {row.task}: {row.sentences:,} sentences to encode{size}")
    tasks = list(dict.fromkeys(cell.task for cell in cells))
    for name in dict.fromkeys(part.name for cell in cells for part in cell.parts):
        card = card_of(bench.model_folder(name))
        if card is not None:
            typer.echo(f"  {name}: {_overlap(card, tasks)}")


def _overlap(card: ModelCard, tasks: list[str]) -> str:
    """What its text shares with dev and test of ``tasks``, as its card knows."""
    from elmobench.analysis.tables.published import is_control

    if card.overlap is None:
        return "nobody looked whether its text holds evaluation data (elmobench pretrain overlap)"
    shared = [
        f"{row['task']} {row['split']} {row['sentences_found']:,} of {row['sentences']:,}"
        for row in card.overlap
        if row["task"] in tasks and row["sentences_found"]
    ]
    known = {row["task"] for row in card.overlap}
    # Cards that came later, or are the user's own, were not looked at either.
    unknown = [task for task in tasks if task not in known and not is_control(task)]
    if shared or len(unknown) < len(tasks):
        told = "; ".join(shared) or "none"
        told = f"sentences that share eight words in a row with its text: {told}"
        return told + (f"; not looked at: {', '.join(unknown)}" if unknown else "")
    return (
        f"nobody looked whether its text holds dev or test of {', '.join(unknown)} "
        "(elmobench pretrain overlap --task)"
    )
