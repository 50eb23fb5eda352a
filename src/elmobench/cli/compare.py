"""``elmobench compare``: which of two representations is better, and how certain that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elmobench.cli.options import IncludeOption, JsonOption

if TYPE_CHECKING:
    from rich.console import Console

    from elmobench.analysis.inspect.changed_examples import ChangedExample
    from elmobench.analysis.stats.corpora import CorpusMean
    from elmobench.analysis.stats.difference_row import Difference, Verdict
    from elmobench.cli.output.results import ChangedAnswer
    from elmobench.data.cards.catalog import CardCatalog
    from elmobench.tracking.record_store import RecordStore


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
    from elmobench.cli.output.base import for_programs
    from elmobench.cli.output.results import CompareOutput, CompareRow, CorporaMean
    from elmobench.cli.results_folder import results_folder
    from elmobench.tracking.record_store import RecordStore
    from elmobench.tracking.remembered_cards import remembered_cards

    store = RecordStore(results_folder(experiment))
    wanted = {"task": task, "head": head, "features": features}
    where = {key: value for key, value in wanted.items() if value is not None}
    tallies = TallyCache(store)
    rows = differences.compare(tallies, left, right, by=by, where=where)
    means = means_by_head(rows, tallies)
    cards = remembered_cards(store, include)
    changed = [_changed(store, row, cards) for row in rows] if examples else []
    output = CompareOutput(
        by=by,
        comparisons=[CompareRow.from_values(row.as_json()) for row in rows],
        means=[CorporaMean.from_values(_mean_as_json(*item)) for item in means.items()],
        examples=_answers(changed, examples),
    )
    if for_programs(output, as_json=as_json):
        return
    console = Console()
    _print_rows(console, rows)
    for name, mean in means.items():
        console.print(
            f"Mean over {len(mean.corpora)} corpora, head {escape(name)}: {mean}", highlight=False
        )
    for one in changed:
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


@dataclass(frozen=True)
class _Changed:
    """The examples on which the systems of one comparison differ, in one run of each."""

    row: Difference
    title: str
    pipeline: str
    changes: list[ChangedExample]
    texts: dict[str, tuple[Any, str]]

    def chosen(self, count: int) -> list[tuple[bool, ChangedExample]]:
        """The ``count`` examples that improved most and that worsened most."""
        gains = [example for example in self.changes if example.gain > 0]
        losses = [example for example in self.changes if example.gain < 0]
        return [(True, example) for example in gains[:count]] + [
            (False, example) for example in losses[::-1][:count]
        ]

    def lines(self, example: ChangedExample) -> dict[str, str]:
        """The annotation and both answers as text."""
        from elmobench.analysis.inspect.annotation_format import format_annotation

        tokens, _ = self.texts.get(example.id, (None, ""))
        annotations = {"gold": example.gold, "left": example.left, "right": example.right}
        return {
            name: format_annotation(self.pipeline, annotation, tokens)
            for name, annotation in annotations.items()
        }

    def answers(self, count: int) -> list[dict[str, Any]]:
        """The chosen examples as the fields of a document."""
        return [
            {
                **{"task": self.row.task, "head": self.row.head, "id": example.id},
                **{"better": is_better, "text": self.texts.get(example.id, (None, ""))[1]},
                **self.lines(example),
            }
            for is_better, example in self.chosen(count)
        ]


def _answers(changed: list[_Changed | None], count: int) -> list[ChangedAnswer] | None:
    """The chosen examples of all comparisons; None if none were asked for."""
    from elmobench.cli.output.results import ChangedAnswer

    if not count:
        return None
    return [
        ChangedAnswer.from_values(answer)
        for one in changed
        if one is not None
        for answer in one.answers(count)
    ]


def _changed(store: RecordStore, row: Difference, cards: CardCatalog) -> _Changed | None:
    """Compare two runs of a row, of the same seed if there is one; None without their records."""
    from elmobench.analysis.inspect.changed_examples import changed_examples
    from elmobench.analysis.inspect.example_texts import example_texts

    seed = next((s for s in row.left_seeds if s in row.right_seeds), None)
    left, right = (
        store.read(cells[0 if seed is None else seeds.index(seed)])
        for cells, seeds in ((row.left_cells, row.left_seeds), (row.right_cells, row.right_seeds))
    )
    if left is None or right is None:
        return None
    changes = changed_examples(store, left, right)
    texts = example_texts(left.task, left.identity.get("fold"), cards)
    title = f"seeds {left.seed}, {right.seed}" if seed is None else f"seed {seed}"
    return _Changed(row, title, left.pipeline, changes, texts)


def _print_examples(console: Console, changed: _Changed, count: int) -> None:
    from rich.markup import escape

    row, changes = changed.row, changed.changes
    gains = sum(example.gain > 0 for example in changes)
    losses = sum(example.gain < 0 for example in changes)
    console.print(
        f"\n[cyan]{escape(row.task)} · {escape(row.head)} · {changed.title}[/]: "
        f"{len(changes)} answers differ, {gains} better, {losses} worse"
    )
    for is_better, example in changed.chosen(count):
        _, text = changed.texts.get(example.id, (None, ""))
        title = "better" if is_better else "worse"
        console.print(f"[bold]{title}[/] {escape(example.id)} [dim]{escape(text)}[/]")
        names = {"gold": "gold", "left": row.left, "right": row.right}
        for key, line in changed.lines(example).items():
            console.print(f"  {escape(names[key])}: {escape(line)}", highlight=False)
