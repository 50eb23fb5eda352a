"""``elmobench validate``: check an experiment before any work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from elmobench.cli.run_experiment import IncludeOption, SettingsOption


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
    from elmobench.bench.experiment import load_experiment
    from elmobench.bench.plan import make_plan
    from elmobench.bench.workbench import Workbench

    loaded = load_experiment(experiment, settings or ())
    bench = Workbench(loaded, include or (), store, trust_first)
    cells = list({planned.digest: planned.cell for planned in make_plan(bench)}.values())
    typer.echo(f"{loaded.name}: {len(cells)} cells are valid")
    for task in dict.fromkeys(cell.task for cell in cells):
        counts = bench.task(task).split_counts
        sizes = [f"{split} {n.examples:,} ({n.tokens:,} tokens)" for split, n in counts.items()]
        typer.echo(f"  {task}: {', '.join(sizes)}")
    missing: dict[tuple[str, str], int] = {}
    distinct = {(c.task, c.options, tuple(part.key for part in c.parts)): c for c in cells}
    for cell in distinct.values():
        for part in cell.parts:
            stored = bench.store.open(bench.provider(part))
            # Heads may need more of a task than others: its phrases, for instance.
            key = (part.name, cell.task)
            count = len(stored.missing(bench.sentences(cell)))
            missing[key] = max(missing.get(key, 0), count)
    for (features, task), count in missing.items():
        typer.echo(f"  {features} on {task}: {count:,} sentences to encode")
