"""``elmobench validate``: check an experiment before any work."""

from __future__ import annotations

from typing import Annotated

import typer

from elmobench.cli.run_experiment import IncludeOption


def validate(
    experiment: Annotated[str, typer.Argument(help="A YAML file or a shipped name.")],
    include: IncludeOption = None,
) -> None:
    """Check every axis value, card, head, option, data file and model of EXPERIMENT.

    Loads the data and the models, checks their digests and counts, and trains nothing.
    """
    from elmobench.bench.experiment import load_experiment
    from elmobench.bench.run import resolve
    from elmobench.bench.workbench import Workbench

    loaded = load_experiment(experiment)
    bench = Workbench(loaded, include or ())
    cells = resolve(bench)
    typer.echo(f"{loaded.name}: {len(cells)} cells are valid")
    for task in dict.fromkeys(cell.task for cell, _ in cells):
        counts = bench.task(task).split_counts
        sizes = [f"{split} {n.examples:,} ({n.tokens:,} tokens)" for split, n in counts.items()]
        typer.echo(f"  {task}: {', '.join(sizes)}")
    missing: dict[tuple[str, str], int] = {}
    distinct = {(c.task, c.options, tuple(part.key for part in c.parts)): c for c, _ in cells}
    for cell in distinct.values():
        for part in cell.parts:
            stored = bench.store.open(bench.provider(part))
            # Heads may need more of a task than others: its phrases, for instance.
            key = (part.name, cell.task)
            count = len(stored.missing(bench.sentences(cell)))
            missing[key] = max(missing.get(key, 0), count)
    for (features, task), count in missing.items():
        typer.echo(f"  {features} on {task}: {count:,} sentences to encode")
