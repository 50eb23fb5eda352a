"""``elmobench run``: run the cells of an experiment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elmobench.cli.options import (
    ExperimentArgument,
    IncludeOption,
    JsonOption,
    LimitOption,
    ResultsFolderOption,
    SettingsOption,
    StoreOption,
    TrackerOption,
    TrackingOption,
    TrustFirstOption,
)
from elmobench.cli.streams import say
from elmobench.core.shell import shell_path
from elmobench.tracking.names import DEFAULT_TRACKER

if TYPE_CHECKING:
    from elmobench.bench.context import RunContext
    from elmobench.bench.run import RunSummary
    from elmobench.data.cards.catalog import CardCatalog


# Long: most lines declare the options with their help.
def run(
    experiment: ExperimentArgument,
    results: ResultsFolderOption = None,
    include: IncludeOption = None,
    settings: SettingsOption = None,
    limit: LimitOption = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Print the grid and which cells are done; run and download nothing.",
        ),
    ] = False,
    store: StoreOption = None,
    tracker: TrackerOption = DEFAULT_TRACKER,
    tracking_uri: TrackingOption = None,
    overwrite: Annotated[
        str,
        typer.Option(metavar="WHICH", help="Recorded cells to run again: never, failed or always."),
    ] = "failed",
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            "-j",
            metavar="N",
            min=1,
            help="Run N cells at the same time, each in its own process.",
        ),
    ] = None,
    launcher: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Where cells run: local, pool or ray [default: pool if N > 1].",
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Ray cluster to run on; 'auto' is the one this machine belongs to "
            "[default: start a new one].",
        ),
    ] = None,
    trust_first: TrustFirstOption = False,
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet", help="Print neither progress nor tables, only warnings and errors."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the cells of EXPERIMENT that have no result yet, then print the tables."""
    from elmobench.bench.experiment.schema import load_experiment
    from elmobench.data.cards.catalog import CardCatalog

    if overwrite not in ("never", "failed", "always"):
        raise typer.BadParameter("one of: never, failed, always", param_hint="--overwrite")
    loaded = load_experiment(experiment, settings or ())
    loaded = loaded if limit is None else loaded.with_limit(limit)
    cards = CardCatalog(include or ())
    from elmobench.bench.context import RunContext
    from elmobench.bench.run import run_experiment

    if dry_run:
        _print_grid(RunContext(loaded, cards, store, trust_first), results, overwrite, as_json)
        return
    summary = run_experiment(
        loaded,
        results=results,
        cards=cards,
        store=store,
        tracker=tracker,
        tracking_uri=tracking_uri,
        overwrite=overwrite,  # type: ignore[arg-type]
        trust_first=trust_first,
        quiet=quiet,
        launcher=launcher,
        workers=workers,
        address=address,
    )
    _report(
        summary,
        cards,
        results,
        quiet=quiet,
        as_json=as_json,
        tracked_here=tracking_uri is None and tracker == DEFAULT_TRACKER,
    )
    if summary.failed or summary.damaged:
        raise typer.Exit(1)


def _report(
    summary: RunSummary,
    cards: CardCatalog,
    results: Path | None,
    *,
    quiet: bool,
    as_json: bool,
    tracked_here: bool,
) -> None:
    """Write the report of the results folder, and print what the run did.

    Args:
        summary: of the run.
        cards: the task cards.
        results: the results folder, as it was given.
        quiet, as_json: see :func:`run`.
        tracked_here: whether the runs are in the MLflow store of the results folder.
    """
    from elmobench.analysis.report.report import make_report
    from elmobench.analysis.report.terminal import print_report
    from elmobench.analysis.report.write import write_report
    from elmobench.api.comparison_progress import comparison_progress
    from elmobench.cli.output.base import print_json
    from elmobench.cli.output.report import run_output

    report = make_report(summary.folder, cards)
    if not quiet and not as_json:
        print_report(report)
    with comparison_progress() as on_pair:
        paths = write_report(report, summary.folder, None, cards, on_pair)
    if summary.tracker is not None:
        summary.tracker.log_report(paths)
    if as_json:
        print_json(run_output(summary, paths))
    else:
        advice = [] if quiet else _advice(summary, results, tracked_here=tracked_here)
        _print_summary(summary, paths, advice)


def _print_summary(summary: RunSummary, paths: Sequence[Path], advice: Sequence[str]) -> None:
    """Print what the run did, and what can be done next."""
    damaged = f", {len(summary.damaged)} with a damaged record" if summary.damaged else ""
    typer.echo(
        f"{summary.trained} cells trained, {summary.skipped} already there, "
        f"{summary.failed} failed{damaged}; {summary.encoded_sentences} sentences encoded; "
        f"{summary.seconds:.0f} s"
    )
    typer.echo(f"records: {summary.folder}/records   report: {', '.join(map(str, paths))}")
    if advice:
        typer.echo(f"next: {'; '.join(advice)}")


def _advice(summary: RunSummary, results: Path | None, *, tracked_here: bool) -> list[str]:
    """Commands that work on what is there: a cell with a head, and the runs in MLflow."""
    from elmobench.bench.predict import has_head
    from elmobench.tasks.registries import PIPELINES
    from elmobench.tracking.record_store import RecordStore

    store = RecordStore(summary.folder)
    option = f" --results {shell_path(results)}" if results else ""
    commands = [
        f'elmobench predict {record.cell[:8]} "{PIPELINES.get(record.pipeline).text_form}"{option}'
        for record in reversed(summary.records)
        if record.status == "ok" and has_head(store, record.cell)
    ][:1]
    if tracked_here and summary.tracker is not None and summary.records:
        commands.append(f"elmobench ui {shell_path(summary.folder)}")
    return commands


def _print_grid(context: RunContext, results: Path | None, overwrite: str, as_json: bool) -> None:
    """Print one line per cell (name, state, point of the grid), then how many are in each state.

    Nothing is downloaded: a cell whose name depends on missing files is printed without a name.
    """
    from collections import Counter

    from elmobench.bench.missing_files import missing_files
    from elmobench.bench.plan import make_plan_without
    from elmobench.bench.run import is_pending
    from elmobench.cli.output.base import for_programs
    from elmobench.cli.output.names import NeededFiles
    from elmobench.cli.output.results import GridCell, GridOutput
    from elmobench.core.errors import DataError
    from elmobench.tracking.record_store import RecordStore

    records = RecordStore(results or Path("results") / context.experiment.name)
    cells: list[GridCell] = []
    seen: set[str] = set()
    missing = missing_files(context)
    plan, unchecked = make_plan_without(context, missing)
    damaged: list[str] = []
    for planned in plan:
        state = "same"  # another point of the grid is this cell
        try:
            record = records.read(planned.digest)
            if planned.digest not in seen:
                state = "to run" if is_pending(record, overwrite) else "done"
        except DataError as error:
            damaged.append(str(error))
            if planned.digest not in seen:
                state = "damaged"
        seen.add(planned.digest)
        fields = {"cell": planned.digest, "state": state, "label": planned.cell.label}
        cells.append(GridCell.from_values(fields))
    cells += [GridCell(cell=None, state="absent", label=cell.label) for cell in unchecked]
    counts: Counter[str] = Counter(cell.state for cell in cells)
    output = GridOutput(
        experiment=context.experiment.name,
        results=str(records.folder),
        cells=cells,
        counts=dict(counts),
        damaged=damaged,
        missing=[NeededFiles.from_values(one) for one in missing],
    )
    if for_programs(output, as_json=as_json):
        for problem in damaged:
            say(f"damaged: {problem}")
        return
    for cell in cells:
        typer.echo(f"{(cell.cell or '-' * 16)[:16]}  {cell.state:6}  {cell.label}")
    summary = ", ".join(f"{number} {state}" for state, number in counts.items())
    typer.echo(f"{len(seen) + len(unchecked)} cells in {records.folder}: {summary}")
    for problem in damaged:
        typer.echo(f"damaged: {problem}")
    if missing:
        typer.echo("absent cells need files that a run would download:")
    for one in missing:
        typer.echo(f"  {one.line}")
