"""``elmobench validate``: check an experiment before running it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from elmobench.cli.options import (
    ExperimentArgument,
    IncludeOption,
    LimitOption,
    SettingsOption,
    StoreOption,
    TrustFirstOption,
)

if TYPE_CHECKING:
    from elmobench.pretraining.model_card import ModelCard


def validate(
    experiment: ExperimentArgument,
    include: IncludeOption = None,
    settings: SettingsOption = None,
    limit: LimitOption = None,
    store: StoreOption = None,
    trust_first: TrustFirstOption = False,
    fetch: Annotated[
        bool, typer.Option("--fetch", help="Download files that are not on this machine.")
    ] = False,
) -> None:
    """Check every card, head, option, data file and model of EXPERIMENT.

    Loads the data and the models, checks their digests and counts, estimates what has to be
    encoded, and trains nothing. Without --fetch nothing is downloaded: missing files are listed,
    and what does not need them is checked.
    """
    from elmobench.bench.context import RunContext
    from elmobench.bench.estimate import estimate_encoding
    from elmobench.bench.experiment.schema import load_experiment
    from elmobench.bench.missing_files import missing_files
    from elmobench.bench.plan import make_plan_without
    from elmobench.data.cards.catalog import CardCatalog
    from elmobench.pretraining.model_card import card_of
    from elmobench.tasks.data_checks import check_data, raise_errors
    from elmobench.tasks.data_lines import data_lines

    loaded = load_experiment(experiment, settings or ())
    loaded = loaded if limit is None else loaded.with_limit(limit)
    context = RunContext(loaded, CardCatalog(include or ()), store, trust_first)
    missing = [] if fetch else missing_files(context)
    plan, unchecked = make_plan_without(context, missing)
    cells = list({planned.digest: planned.cell for planned in plan}.values())
    if cells or not unchecked:
        typer.echo(f"{loaded.name}: {len(cells)} cells are valid")
    if unchecked:
        count = f"  {len(unchecked)} more need" if cells else f"{loaded.name}: all cells need"
        typer.echo(f"{count} files that are not on this machine (--fetch):")
    for one in missing:
        typer.echo(f"    {one.line}")
    remarks = {}
    for task in dict.fromkeys(cell.task for cell in cells):
        counts = context.task(task).split_counts
        sizes = [f"{split} {n.examples:,} ({n.tokens:,} tokens)" for split, n in counts.items()]
        typer.echo(f"  {task}: {', '.join(sizes)}")
        for line in data_lines(context.task(task)):
            typer.echo(f"    {line}")
        remarks[task] = check_data(context.task(task))
        for remark in remarks[task]:
            typer.echo(f"    {remark.line}")
    for task, found in remarks.items():
        raise_errors(context.task(task), found)
    rows = estimate_encoding(context, cells)
    for row in rows:
        size = f", {row.bytes / 1e6:,.0f} MB, about {row.seconds:,.0f} s" if row.sentences else ""
        typer.echo(f"  {row.features} on {row.task}: {row.sentences:,} sentences to encode{size}")
    tasks = list(dict.fromkeys(cell.task for cell in cells))
    for name in dict.fromkeys(part.name for cell in cells for part in cell.parts):
        card = card_of(context.model_folder(name))
        if card is not None:
            typer.echo(f"  {name}: {_overlap(card, tasks)}")


def _overlap(card: ModelCard, tasks: list[str]) -> str:
    """Describe the overlap of a model's training text with dev and test of ``tasks``."""
    from elmobench.analysis.tables.published import is_control

    files = " ".join(f"--corpus {file.name}" for file in card.corpus.files) or "--corpus TEXT"
    split = f" --tokenizer {card.corpus.tokenizer}" if card.corpus.tokenizer else ""
    command = f"elmobench pretrain overlap {files}{split}"
    advice = f"whoever has the text it was trained on can look for them: {command}"
    if card.overlap is None:
        return f"overlap of its text with evaluation data is unknown; {advice}"
    shared = [
        f"{row.task} {row.split} {row.sentences_found:,} of {row.sentences:,}"
        for row in card.overlap
        if row.task in tasks and row.sentences_found
    ]
    known = {row.task for row in card.overlap}
    # The model card does not cover task cards that are newer than it, or the user's own.
    unknown = [task for task in tasks if task not in known and not is_control(task)]
    if shared or len(unknown) < len(tasks):
        counts = "; ".join(shared) or "none"
        text = f"sentences that share eight words in a row with its text: {counts}"
        return text + (f"; not checked: {', '.join(unknown)}" if unknown else "")
    return (
        f"overlap of its text with dev and test is unknown for {', '.join(unknown)}; {advice}"
        + "".join(f" --task {task}" for task in unknown)
        + " --include FOLDER"
    )
