"""``elmobench compare``: which of two representations is better, and how certain that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from elmobench.cli.options import IncludeOption, JsonOption

if TYPE_CHECKING:
    from rich.console import Console

    from elmobench.analysis.inspect.changed_answers import ChangedAnswers
    from elmobench.analysis.stats.corpora import CorpusMean
    from elmobench.analysis.stats.difference_row import Difference, Verdict
    from elmobench.analysis.tables.probe_table import ProbeRow


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

    from elmobench.api.comparison import compare as compare_results
    from elmobench.cli.output.base import for_programs
    from elmobench.cli.output.probes import Probe
    from elmobench.cli.output.results import ChangedAnswer, CompareOutput, CompareRow, CorporaMean

    comparison = compare_results(
        experiment,
        left,
        right,
        by=by,
        task=task,
        head=head,
        features=features,
        examples=examples,
        include=include or (),
    )
    means = comparison.means.items()
    answers = map(ChangedAnswer.from_values, comparison.answers())
    output = CompareOutput(
        by=by,
        comparisons=[CompareRow.from_values(row.as_json()) for row in comparison],
        means=[CorporaMean.from_values(_mean_as_json(*item)) for item in means],
        probes=list(map(Probe.from_values, comparison.probes)),
        examples=list(answers) if examples else None,
    )
    if for_programs(output, as_json=as_json):
        return
    console = Console()
    _print_rows(console, comparison.rows)
    for name, mean in means:
        console.print(
            f"Mean over {len(mean.corpora)} corpora, head {escape(name)}: {mean}", highlight=False
        )
    _print_probes(console, comparison.probes)
    for one in comparison.changed:
        if one is not None:
            _print_examples(console, one, examples)


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

    from elmobench.analysis.stats.difference_row import ONE_RUN
    from elmobench.analysis.tables.comparison_table import comparison_explained, comparison_table

    first = rows[0]
    console.print(f"\n[bold]{escape(first.left)}[/] minus [bold]{escape(first.right)}[/]")
    texts = comparison_table(rows)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in texts.columns:
        table.add_column(name, justify="left" if name in ("task", "head", "verdict") else "right")
    for row, cells in zip(rows, texts.itertuples(index=False), strict=True):
        *others, verdict = map(escape, cells)
        table.add_row(*others, f"[{_STYLES[row.verdict]}]{verdict}[/]")
    console.print(table)
    console.print(f"[dim]{escape(comparison_explained(rows))}[/]", highlight=False)
    if any(row.scope == "runs" for row in rows):
        console.print(f"[yellow]{ONE_RUN}[/]")


def _print_probes(console: Console, rows: list[ProbeRow]) -> None:
    """Print what judges the compared probes, with one line for each number."""
    from rich.markup import escape
    from rich.table import Table

    from elmobench.analysis.tables.probe_table import PROBES, PROBES_EXPLAINED, probe_table

    if not rows:
        return
    texts = probe_table(rows)
    names = [name for name in texts.columns if name not in ("task", "head", "axes")]
    console.print(f"\n[bold]{PROBES}[/]")
    for keys, block in texts.groupby(
        [name for name in texts.columns if name not in names], sort=False
    ):
        console.print(f"[cyan]{escape(' · '.join(map(str, keys)))}[/]", highlight=False)
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column("")
        for features in block["features"]:
            table.add_column(escape(features), justify="right", overflow="fold")
        for name in names:
            if name != "features":
                table.add_row(name, *map(escape, block[name]))
        console.print(table)
    console.print(f"[dim]{escape(PROBES_EXPLAINED)}[/]", highlight=False)


def _print_examples(console: Console, changed: ChangedAnswers, count: int) -> None:
    from rich.markup import escape

    row, changes = changed.row, changed.changes
    gains = sum(example.gain > 0 for example in changes)
    losses = sum(example.gain < 0 for example in changes)
    console.print(
        f"\n[cyan]{escape(row.task)} · {escape(row.head)} · {changed.title}[/]: "
        f"{len(changes)} answers differ, {gains} better, {losses} worse"
    )
    for is_better, example in changed.chosen(count):
        title, text = "better" if is_better else "worse", changed.text(example)
        console.print(f"[bold]{title}[/] {escape(example.id)} [dim]{escape(text)}[/]")
        names = {"gold": "gold", "left": row.left, "right": row.right}
        for key, line in changed.lines(example).items():
            console.print(f"  {escape(names[key])}: {escape(line)}", highlight=False)
