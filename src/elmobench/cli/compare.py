"""``elmobench compare``: which of two representations is better, and how sure that is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elmobench.cli.run_experiment import IncludeOption

if TYPE_CHECKING:
    from rich.console import Console

    from elmobench.analysis.stats.difference_row import Difference
    from elmobench.tracking.record import RecordStore


def compare(
    left: Annotated[str, typer.Argument(help="Features, as the experiment names them.")],
    right: Annotated[str, typer.Argument(help="What they are compared with.")],
    experiment: Annotated[
        str, typer.Option("--in", "-e", help="A results folder, or the name of one.")
    ],
    by: Annotated[
        str, typer.Option(help="Compare heads, or values of an axis, instead of features.")
    ] = "features",
    task: Annotated[str | None, typer.Option(help="This task only.")] = None,
    head: Annotated[str | None, typer.Option(help="This head only.")] = None,
    features: Annotated[
        str | None, typer.Option(help="These features only, with --by another axis.")
    ] = None,
    examples: Annotated[
        int, typer.Option(min=0, help="Changed examples to show of each row, best and worst.")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a row.")] = False,
    include: IncludeOption = None,
) -> None:
    """Test whether LEFT scores better than RIGHT on each task of an experiment."""
    import json
    from dataclasses import asdict

    from rich.console import Console

    from elmobench.analysis.stats import differences
    from elmobench.cli.report import results_folder
    from elmobench.tracking.record import RecordStore

    store = RecordStore(results_folder(experiment))
    wanted = {"task": task, "head": head, "features": features}
    where = {key: value for key, value in wanted.items() if value is not None}
    rows = differences.compare(store, left, right, by=by, where=where)
    if as_json:
        for row in rows:
            typer.echo(json.dumps({**asdict(row), "verdict": row.verdict}, ensure_ascii=False))
        return
    console = Console()
    _print_rows(console, rows)
    for row in rows if examples else ():
        _print_examples(console, store, row, examples, include or ())


def _print_rows(console: Console, rows: list[Difference]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from elmobench.analysis.stats.resampling import p_text

    first = rows[0]
    console.print(f"\n[bold]{escape(first.left)}[/] less [bold]{escape(first.right)}[/]")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("task", "head", "seeds", "difference", "95 % interval", "p", "verdict"):
        table.add_column(name, justify="left" if name in ("task", "head", "verdict") else "right")
    for row in rows:
        axes = "".join(f" {key}={value}" for key, value in row.axes.items())
        table.add_row(
            escape(row.task + axes),
            escape(row.head),
            str(len(row.seeds)),
            f"{row.difference:+.2f}",
            f"{row.low:+.2f} … {row.high:+.2f}",
            p_text(row.p_corrected),
            {"better": "[green]better[/]", "worse": "[red]worse[/]"}.get(row.verdict, row.verdict),
        )
    console.print(table)
    console.print(
        f"[dim]Points of the score on test, seeds paired. Interval: bootstrap over seeds and test "
        f"units. p: approximate randomisation over units, by Holm over the {len(rows)} rows. Tie: "
        f"shown to differ by less than {first.margin:g}.[/]",
        highlight=False,
    )
    if any(len(row.seeds) == 1 for row in rows):
        console.print(
            "[yellow]With one seed the chance of training is in neither interval nor p.[/]"
        )


def _print_examples(
    console: Console,
    store: RecordStore,
    row: Difference,
    count: int,
    include: list[Path] | tuple[Path, ...],
) -> None:
    from rich.markup import escape

    from elmobench.analysis.inspect.annotation_format import phrase
    from elmobench.analysis.inspect.changed_examples import changed_examples
    from elmobench.analysis.inspect.example_texts import texts_of

    left, right = (store.read(cell) for cell in row.cells[0])
    if left is None or right is None:
        return
    found = changed_examples(store, left, right)
    texts = texts_of(left.task, left.identity.get("fold"), include)
    gains = [example for example in found if example.gain > 0]
    losses = [example for example in found if example.gain < 0]
    console.print(
        f"\n[cyan]{escape(row.task)} · {escape(row.head)} · seed {row.seeds[0]}[/]: "
        f"{len(found)} answers differ, {len(gains)} for the better, {len(losses)} for the worse"
    )
    for title, chosen in (("better", gains[:count]), ("worse", losses[::-1][:count])):
        for example in chosen:
            tokens, text = texts.get(example.id, (None, ""))
            console.print(f"[bold]{title}[/] {escape(example.id)} [dim]{escape(text)}[/]")
            for name, said in (
                ("gold", example.gold),
                (row.left, example.left),
                (row.right, example.right),
            ):
                console.print(f"  {escape(name)}: {escape(phrase(said, tokens))}", highlight=False)
