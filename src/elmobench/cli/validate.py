"""``elmobench validate``: check an experiment before running it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from elmobench.cli.options import (
    ExperimentArgument,
    IncludeOption,
    JsonOption,
    LimitOption,
    SettingsOption,
    StoreOption,
    TrustFirstOption,
)

if TYPE_CHECKING:
    from elmobench.bench.context import RunContext
    from elmobench.bench.estimate import EncodingEstimate
    from elmobench.cli.output.names import ValidateOutput
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
    as_json: JsonOption = False,
) -> None:
    """Check every card, head, option, data file and model of EXPERIMENT.

    Loads the data and the models, checks their digests and counts, estimates what has to be
    encoded, and trains nothing. Without --fetch nothing is downloaded: missing files are listed,
    and what does not need them is checked.
    """
    from elmobench.bench.context import RunContext
    from elmobench.bench.estimate import estimate_encoding
    from elmobench.bench.estimate_finetuning import estimate_finetuning
    from elmobench.bench.experiment.schema import load_experiment
    from elmobench.bench.missing_files import missing_files
    from elmobench.bench.plan import make_plan_without
    from elmobench.cli.output.base import print_json
    from elmobench.cli.output.names import (
        CheckedTask,
        EncodingRow,
        FinetuningRow,
        NeededFiles,
        ValidateOutput,
    )
    from elmobench.core.counted import counted
    from elmobench.data.cards.catalog import CardCatalog
    from elmobench.pretraining.model_card import card_of

    loaded = load_experiment(experiment, settings or ())
    loaded = loaded if limit is None else loaded.with_limit(limit)
    context = RunContext(loaded, CardCatalog(include or ()), store, trust_first)
    missing = [] if fetch else missing_files(context)
    plan, unchecked = make_plan_without(context, missing)
    cells = list({planned.digest: planned.cell for planned in plan}.values())
    names = dict.fromkeys(cell.task for cell in cells)
    output = ValidateOutput(
        experiment=loaded.name,
        cells=len(cells),
        unchecked=len(unchecked),
        missing=[NeededFiles.from_values(one) for one in missing],
        tasks=[CheckedTask(task=name, splits={}, notes=[], remarks=[]) for name in names],
        encoding=[],
        overlap={},
    )
    if not as_json:
        _print_cells(output, [one.line for one in missing])
    _check_data(context, output, as_json)
    for estimate in estimate_encoding(context, cells):
        output.encoding.append(EncodingRow.from_values(estimate))
        if not as_json:
            typer.echo(_encoding_line(estimate))
    for tuned in estimate_finetuning(context, cells):
        output.finetuning.append(FinetuningRow.from_values(tuned))
        if not as_json:
            typer.echo(
                f"  {tuned.features}(finetuned) on {tuned.task}: not frozen, "
                f"{counted(tuned.runs, 'training')} of {tuned.tokens:,} tokens per epoch, at most "
                f"about {tuned.seconds / 60:,.0f} min"
            )
    if not unchecked:
        _estimate_memory(context, output, as_json)
    tasks = [row.task for row in output.tasks]
    for name in dict.fromkeys(part.name for cell in cells for part in cell.parts):
        card = card_of(context.model_folder(name))
        if card is not None:
            output.overlap[name] = _overlap(card, tasks)
            if not as_json:
                typer.echo(f"  {name}: {output.overlap[name]}")
    if as_json:
        print_json(output)


def _estimate_memory(context: RunContext, output: ValidateOutput, as_json: bool) -> None:
    """Fill in the memory of a worker, and print it."""
    from elmobench.bench.worker_memory import estimate_worker_memory
    from elmobench.cli.output.names import WorkerMemoryRow
    from elmobench.core.memory import available_memory_bytes

    needed = estimate_worker_memory(context)
    available = available_memory_bytes()
    output.memory.append(
        WorkerMemoryRow(
            process=needed.process,
            task=needed.task,
            data=needed.data,
            models=needed.models,
            total=needed.total,
            available=available,
        )
    )
    if not as_json:
        free = f"{available / 1e6:,.0f} MB are available"
        typer.echo(f"  {needed.line}; {free}")


def _check_data(context: RunContext, output: ValidateOutput, as_json: bool) -> None:
    """Fill in the tasks of ``output``; raise DataError if data cannot be meant as they are."""
    from elmobench.cli.output.names import DataRemark, SplitSize
    from elmobench.tasks.data_checks import check_data, raise_errors
    from elmobench.tasks.data_lines import data_lines

    found = {}
    for row in output.tasks:
        task = context.task(row.task)
        counts = task.split_counts
        found[row.task] = check_data(task)
        row.splits.update({split: SplitSize.from_values(n) for split, n in counts.items()})
        row.notes.extend(data_lines(task))
        row.remarks.extend(map(DataRemark.from_values, found[row.task]))
        if not as_json:
            sizes = [f"{split} {n.examples:,} ({n.tokens:,} tokens)" for split, n in counts.items()]
            typer.echo(f"  {row.task}: {', '.join(sizes)}")
            for line in (*row.notes, *(remark.line for remark in found[row.task])):
                typer.echo(f"    {line}")
    for name, remarks in found.items():
        raise_errors(context.task(name), remarks)


def _print_cells(output: ValidateOutput, missing: list[str]) -> None:
    """Print how many cells are valid, and what the others need."""
    if output.cells or not output.unchecked:
        typer.echo(f"{output.experiment}: {output.cells} cells are valid")
    if output.unchecked:
        all_need = f"{output.experiment}: all cells need"
        count = f"  {output.unchecked} more need" if output.cells else all_need
        typer.echo(f"{count} files that are not on this machine (--fetch):")
    for line in missing:
        typer.echo(f"    {line}")


def _encoding_line(row: EncodingEstimate) -> str:
    size = f", {row.bytes / 1e6:,.0f} MB, about {row.seconds:,.0f} s" if row.sentences else ""
    return f"  {row.features} on {row.task}: {row.sentences:,} sentences to encode{size}"


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
