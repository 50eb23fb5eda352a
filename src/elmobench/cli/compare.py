"""``elmobench compare``: which of two representations is better, and how certain that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from elmobench.cli.options import IncludeOption, JsonOption
from elmobench.cli.streams import json_line

if TYPE_CHECKING:
    from rich.console import Console

    from elmobench.analysis.stats.corpora import CorpusMean
    from elmobench.analysis.stats.difference_row import Difference, Verdict
    from elmobench.data.cards.catalog import CardCatalog
    from elmobench.tracking.record_store import RecordStore
    from elmobench.tracking.remembered_cards import remembered_cards


_STYLES: dict[Verdict, str] = {
    "better": "green",
    "better but negligible": "dim green",
    "tie": "default",
    "undecided": "dim",
    "worse but negligible": "dim red",
    "worse": "red",
}


def compare(
    left: Annotated[
        str, typer.Argument(metavar="LEFT", help="Features, as named in the experiment.")
    ],
    right: Annotated[str, typer.Argument(metavar="RIGHT", help="Features to compare with.")],
    experiment: Annotated[
        str,
        typer.Option(
            "--in",
            "-e",
            metavar="RESULTS",
            help="A results folder, or the name of one in 'results'.",
        ),
    ],
    by: Annotated[
        str,
        typer.Option(metavar="AXIS", help="Compare heads or values of another axis instead."),
    ] = "features",
    task: Annotated[str | None, typer.Option(metavar="TASK", help="Only this task.")] = None,
    head: Annotated[str | None, typer.Option(metavar="HEAD", help="Only this head.")] = None,
    features: Annotated[
        str | None,
        typer.Option(metavar="SPEC", help="Only these features, if --by names another axis."),
    ] = None,
    examples: Annotated[
        int,
        typer.Option(min=0, metavar="N", help="Show N improved and N worsened examples per row."),
    ] = 0,
    as_json: JsonOption = False,
    include: IncludeOption = None,
) -> None:
    """Test whether LEFT scores higher than RIGHT on each task of an experiment.

    Better and worse: the difference is shown not to be zero; "but negligible" if it is also shown
    to be smaller than the experiment's margin. Tie: it is shown to be smaller than the margin.
    Undecided: neither is shown, or a system has a single run.
    """
    from rich.console import Console
    from rich.markup import escape

    from elmobench.analysis.stats import differences
    from elmobench.analysis.stats.corpora import means_by_head
    from elmobench.analysis.stats.tallies import TallyCache
    from elmobench.cli.results_folder import results_folder
    from elmobench.tracking.record_store import RecordStore

    store = RecordStore(results_folder(experiment))
    wanted = {"task": task, "head": head, "features": features}
    where = {key: value for key, value in wanted.items() if value is not None}
    tallies = TallyCache(store)
    rows = differences.compare(tallies, left, right, by=by, where=where)
    means = means_by_head(rows, tallies)
    if as_json:
        for row in rows:
            typer.echo(json_line(row.as_json()))
        for name, mean in means.items():
            typer.echo(json_line(_mean_as_json(name, mean)))
        return
    console = Console()
    _print_rows(console, rows)
    for name, mean in means.items():
        console.print(
            f"Mean over {len(mean.corpora)} corpora, head {escape(name)}: {mean}", highlight=False
        )
    cards = remembered_cards(store, include)
    for row in rows if examples else ():
        _print_examples(console, store, row, examples, cards)


def _mean_as_json(head: str, mean: CorpusMean) -> dict[str, Any]:
    low, high = mean.estimate.interval()
    return {
        "mean_over": "corpora",
        "head": head,
        "corpora": mean.corpora,
        "scope": mean.scope,
        "difference": mean.estimate.value,
        "low": low,
        "high": high,
    }


def _print_rows(console: Console, rows: list[Difference]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from elmobench.analysis.stats.correction import p_text
    from elmobench.analysis.stats.difference_row import ONE_RUN, interval_text

    first = rows[0]
    console.print(f"\n[bold]{escape(first.left)}[/] minus [bold]{escape(first.right)}[/]")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("task", "head", "seeds", "difference", "95 % interval", "p", "verdict"):
        table.add_column(name, justify="left" if name in ("task", "head", "verdict") else "right")
    for row in rows:
        axes = "".join(f" {key}={value}" for key, value in row.axes.items())
        table.add_row(
            escape(row.task + axes),
            escape(row.head),
            row.seeds_text,
            f"{row.difference:+.2f}",
            interval_text(row),
            p_text(row.p_corrected),
            f"[{_STYLES[row.verdict]}]{row.verdict}[/]",
        )
    console.print(table)
    console.print(
        "[dim]Points of the test score. The interval contains the variance over seeds and over "
        f"test units.{_correction_text(len(rows))} Negligible, and tie: shown to be smaller than "
        f"the margin of {first.margin:g}. Undecided: neither a difference nor a tie is shown.[/]",
        highlight=False,
    )
    if any(row.scope == "runs" for row in rows):
        console.print(f"[yellow]{ONE_RUN}[/]")


def _correction_text(comparisons: int) -> str:
    """Say what is corrected for the number of comparisons; nothing for a single one."""
    if comparisons == 1:
        return ""
    return (
        f" p and verdicts, but not intervals, are corrected by Holm over {comparisons} comparisons."
    )


def _print_examples(
    console: Console,
    store: RecordStore,
    row: Difference,
    count: int,
    cards: CardCatalog,
) -> None:
    from rich.markup import escape

    from elmobench.analysis.inspect.annotation_format import format_annotation
    from elmobench.analysis.inspect.changed_examples import changed_examples
    from elmobench.analysis.inspect.example_texts import example_texts

    # Of the same seed if there is one.
    seed = next((s for s in row.left_seeds if s in row.right_seeds), None)
    left, right = (
        store.read(cells[0 if seed is None else seeds.index(seed)])
        for cells, seeds in ((row.left_cells, row.left_seeds), (row.right_cells, row.right_seeds))
    )
    if left is None or right is None:
        return
    changes = changed_examples(store, left, right)
    texts = example_texts(left.task, left.identity.get("fold"), cards)
    gains = [example for example in changes if example.gain > 0]
    losses = [example for example in changes if example.gain < 0]
    seeds = f"seeds {left.seed}, {right.seed}" if seed is None else f"seed {seed}"
    console.print(
        f"\n[cyan]{escape(row.task)} · {escape(row.head)} · {seeds}[/]: "
        f"{len(changes)} answers differ, {len(gains)} better, {len(losses)} worse"
    )
    for title, chosen in (("better", gains[:count]), ("worse", losses[::-1][:count])):
        for example in chosen:
            tokens, text = texts.get(example.id, (None, ""))
            console.print(f"[bold]{title}[/] {escape(example.id)} [dim]{escape(text)}[/]")
            for name, annotation in (
                ("gold", example.gold),
                (row.left, example.left),
                (row.right, example.right),
            ):
                line = format_annotation(left.pipeline, annotation, tokens)
                console.print(f"  {escape(name)}: {escape(line)}", highlight=False)
