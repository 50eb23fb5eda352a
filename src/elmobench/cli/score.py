"""``elmobench score``: score trained heads on another test set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elmobench.cli.options import IncludeOption, JsonOption, TrustFirstOption
from elmobench.cli.streams import json_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from elmobench.bench.transfer import TransferScore


def score(
    cells: Annotated[
        list[str],
        typer.Argument(
            metavar="CELL...",
            help="First characters of cells' names, or record files; seeds of one system, for "
            "instance.",
        ),
    ],
    on: Annotated[
        str, typer.Option("--on", metavar="TASK", help="The task whose test set is scored.")
    ],
    split: Annotated[
        str, typer.Option(metavar="SPLIT", help="Score dev or train of it instead.")
    ] = "test",
    results: Annotated[
        Path,
        typer.Option(metavar="FOLDER", help="Folder to search for the cells and trained heads."),
    ] = Path("results"),
    include: IncludeOption = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write gold annotation and predictions as JSON lines to FILE."
        ),
    ] = None,
    trust_first: TrustFirstOption = False,
    as_json: JsonOption = False,
) -> None:
    """Score the trained head of CELL on the test set of another task.

    The task must be of the same pipeline; nothing is trained. This is how a head is tested on
    another domain than the one it was trained on.
    """
    from rich.console import Console
    from rich.progress import Progress

    from elmobench.bench.predict import Predictor, find_record
    from elmobench.bench.transfer import score_on
    from elmobench.cli.output.base import for_programs
    from elmobench.cli.output.findings import ScoreOutput, TransferRow
    from elmobench.core.digests import canonical_json
    from elmobench.core.files import atomic_path
    from elmobench.data.cards.catalog import CardCatalog
    from elmobench.tasks.task import Task

    task = Task(CardCatalog(include or ()).get(on), trust_first=trust_first)
    scored: list[TransferScore] = []
    systems: set[str] = set()
    lines: list[str] = []
    with Progress(console=Console(stderr=True), transient=True) as bars:
        # A cell that is named twice is one run.
        for cell, store in {c: s for s, c in (find_record(n, results) for n in cells)}.items():
            predictor = Predictor(store, cell)
            bar = bars.add_task(f"{cell[:16]} on {on}", total=None)
            one, rows = score_on(
                predictor,
                task,
                split,
                lambda done, total, bar=bar: bars.update(  # type: ignore[misc]
                    bar, completed=done, total=total
                ),
            )
            scored.append(one)
            systems.add(
                canonical_json([one.trained_on, one.features, one.head, predictor.record.axes])
            )
            lines += [json_line({"cell": one.cell, **row}) for row in rows]
    if predictions is not None:
        with atomic_path(predictions) as path:
            path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    _print_notes(scored)
    output = ScoreOutput(scored=[TransferRow.from_values(one) for one in scored])
    if for_programs(output, as_json=as_json):
        return
    _print(Console(), scored, one_system=len(systems) == 1)
    if predictions is not None:
        typer.echo(f"{len(lines):,} predictions in {predictions}")


def _print(console: Console, scored: Sequence[TransferScore], *, one_system: bool) -> None:
    """Print one row per cell, and the mean over the seeds of one system."""
    from rich.markup import escape
    from rich.table import Table

    from elmobench.analysis.tables.score_tables import mean_sd

    first = scored[0]
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in (
        "cell",
        "trained on",
        "features",
        "head",
        "seed",
        first.primary,
        "on its own test",
    ):
        is_number = name in ("seed", first.primary, "on its own test")
        table.add_column(name, justify="right" if is_number else "left")
    for one in scored:
        own = one.own_scores.get(first.primary)
        table.add_row(
            *(one.cell[:8], escape(one.trained_on), escape(one.features), escape(one.head)),
            *(str(one.seed), f"{one.scores[first.primary]:.2f}"),
            "–" if own is None else f"{own:.2f}",
        )
    console.print(
        f"{escape(first.task)}, {first.split}: {first.examples:,} examples", highlight=False
    )
    console.print(table)
    if one_system and len({one.seed for one in scored}) == len(scored) > 1:
        values = mean_sd([one.scores[first.primary] for one in scored])
        console.print(f"mean ± sd over {len(scored)} seeds: {values}", highlight=False)


def _print_notes(scored: Sequence[TransferScore]) -> None:
    """Say on standard error what limits the scores, in whatever form these are printed."""
    for one in scored:
        if one.limit is not None:
            typer.echo(
                f"note: {one.cell[:8]} was trained in a quick try (limit: {one.limit}), so "
                "its score is partial",
                err=True,
            )
    unknown = {label: n for one in scored for label, n in one.unknown_labels.items()}
    if unknown:
        shown = ", ".join(f"{label} ({number:,})" for label, number in list(unknown.items())[:10])
        more = f" and {len(unknown) - 10} more" if len(unknown) > 10 else ""
        typer.echo(
            f"note: labels that a head never learned, so it cannot predict them: {shown}{more}",
            err=True,
        )
