"""``elmobench features``: fill, measure, check and prune the feature store."""

from __future__ import annotations

from typing import Annotated

import typer

from elmobench.cli.options import (
    IncludeOption,
    JsonOption,
    StoreOption,
    ThreadsOption,
    TrustFirstOption,
)
from elmobench.cli.streams import say
from elmobench.cli.task_sentences import task_sentences

app = typer.Typer(no_args_is_help=True, help="Fill, check, measure and prune the feature store.")

_BUILT = (
    *("sentences", "encoded_sentences", "encoded_tokens", "encoded_types", "seconds", "bytes"),
)


@app.command()
def build(
    spec: Annotated[
        str, typer.Argument(metavar="SPEC", help="Features: a name, or names joined by '+'.")
    ],
    tasks: Annotated[
        list[str], typer.Argument(metavar="TASK", help="Tasks whose sentences are encoded.")
    ],
    precision: Annotated[
        str, typer.Option(metavar="NAME", help="Precision of stored values: fp16, fp32 or int8.")
    ] = "fp16",
    include: IncludeOption = None,
    trust_first: TrustFirstOption = False,
    store: StoreOption = None,
    threads: ThreadsOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Encode the sentences of tasks that are not in the store yet."""
    from functools import partial

    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    from elmobench.cli.output.base import print_json
    from elmobench.cli.output.store import BuiltFeatures, FeaturesBuildOutput
    from elmobench.data.cards.catalog import CardCatalog
    from elmobench.features.catalog.catalog import ModelCatalog
    from elmobench.features.spec import parse_features
    from elmobench.features.store.feature_store import FeatureStore
    from elmobench.features.store.precision import PRECISIONS
    from elmobench.training.machine import torch_threads

    if precision not in PRECISIONS:
        known = ", ".join(PRECISIONS)
        raise typer.BadParameter(f"one of: {known}", param_hint="--precision")
    parts = parse_features(spec).parts
    features = FeatureStore(store, precision)  # type: ignore[arg-type]
    catalog = ModelCatalog(trust_first=trust_first)
    providers = [catalog.load(part.name, dict(part.settings)) for part in parts]
    sentences = task_sentences(tasks, CardCatalog(include or ()), trust_first)
    built = []
    for provider in providers:
        provider.warn_uncovered(sentences)
        with (
            Progress(console=Console(stderr=True), transient=True) as bars,
            torch_threads(threads),
        ):
            bar = bars.add_task(f"encoding {escape(provider.name)}", total=len(sentences))
            report = features.build(provider, sentences, partial(bars.advance, bar))
        row = {name: getattr(report, name) for name in _BUILT}
        folder = str(features.folder(provider))
        built.append(BuiltFeatures(features=provider.name, folder=folder, **row))
        if as_json:
            continue
        speed = report.encoded_tokens / report.seconds if report.encoded_tokens else 0
        typer.echo(
            f"{provider.name}: {report.sentences} sentences, {report.encoded_sentences} of them "
            f"encoded now ({report.encoded_tokens} tokens, {report.encoded_types} word types) in "
            f"{report.seconds:.1f} s"
            + (f", {speed:.0f} tokens/s" if speed else "")
            + f"; {_megabytes(report.bytes)} written to {folder}"
        )
    if as_json:
        print_json(FeaturesBuildOutput(built=built))


@app.command("time")
def time_command(
    specs: Annotated[
        list[str], typer.Argument(metavar="SPEC", help="Features without '+', such as elmo-mini.")
    ],
    task: Annotated[
        str, typer.Option(metavar="TASK", help="Task whose sentences are encoded.")
    ] = "sentiment/control-sentiment",
    results: Annotated[
        str | None,
        typer.Option(metavar="RESULTS", help="Save the times for the report of this experiment."),
    ] = None,
    include: IncludeOption = None,
    threads: ThreadsOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Measure the encoding time per sentence by sentence length.

    The vectors are not stored.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from elmobench.api.results_folder import results_folder
    from elmobench.cli.output.base import for_programs
    from elmobench.cli.output.store import EncodingTime, FeaturesTimeOutput
    from elmobench.data.cards.catalog import CardCatalog
    from elmobench.features.catalog.catalog import ModelCatalog
    from elmobench.features.length_cost import time_by_length
    from elmobench.features.spec import parse_features
    from elmobench.tracking.host import host_info
    from elmobench.tracking.record_store import RecordStore
    from elmobench.training.machine import torch_threads

    store = None if results is None else RecordStore(results_folder(results))
    catalog = ModelCatalog({} if store is None else store.experiment().get("models", {}))
    sentences = task_sentences([task], CardCatalog(include or ()), False)
    measured = {}
    with Console(stderr=True).status("encoding") as status, torch_threads(threads):
        for spec in specs:
            parts = parse_features(spec).parts
            if len(parts) > 1:
                raise typer.BadParameter(f"{spec}: name its parts one by one")
            (part,) = parts
            status.update(f"encoding with {spec}")
            provider = catalog.load(part.name, dict(part.settings))
            measured[spec] = time_by_length(provider, sentences)
    times = [
        EncodingTime.from_values(
            {
                **{name: getattr(row, name) for name in ("length", "sentences", "seconds")},
                "microseconds_per_token": row.microseconds_per_token,
                "features": spec,
            }
        )
        for spec, rows in measured.items()
        for row in rows
    ]
    if not for_programs(FeaturesTimeOutput(task=task, times=times), as_json=as_json):
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column("tokens", justify="right")
        for spec in specs:
            table.add_column(f"{escape(spec)} ms", justify="right", overflow="fold")
            table.add_column("µs/token", justify="right", overflow="fold")
        for rows in zip(*measured.values(), strict=True):
            costs = [
                (f"{1e3 * row.seconds:.2f}", f"{row.microseconds_per_token:.0f}") for row in rows
            ]
            table.add_row(str(rows[0].length), *(text for pair in costs for text in pair))
        Console().print(table)
    if store is not None:
        rows_of = {
            spec: {str(row.length): row.seconds for row in rows} for spec, rows in measured.items()
        }
        store.write_length_costs({"task": task, **host_info(threads), "seconds": rows_of})
        say(f"saved in {store.folder} for `elmobench report`")


@app.command()
def stat(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Show sentences, tokens, word types and bytes per provider."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from elmobench.cli.output.base import for_programs
    from elmobench.cli.output.store import FeaturesStatOutput, StoredFeaturesRow
    from elmobench.features.store.feature_store import FeatureStore

    features = FeatureStore(store)
    rows = features.stat()
    output = FeaturesStatOutput(
        store=str(features.root),
        bytes=sum(row.bytes for row in rows),
        features=[StoredFeaturesRow.from_values(row) for row in rows],
    )
    if for_programs(output, as_json=as_json):
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("features", overflow="fold")
    for column in ("fingerprint", "as"):
        table.add_column(column, no_wrap=True)
    for column in ("sentences", "tokens", "types", "MB", "B/token"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            escape(row.name),
            row.fingerprint[:12],
            row.precision,
            f"{row.sentences:,}",
            f"{row.tokens:,}",
            f"{row.types:,}",
            f"{row.bytes / 1e6:,.1f}",
            f"{row.bytes_per_token:,.0f}" if row.tokens else "-",
        )
    console = Console()
    if rows:
        console.print(table)
    typer.echo(f"{_megabytes(sum(row.bytes for row in rows))} in {features.root}")


@app.command()
def verify(
    delete: Annotated[
        bool,
        typer.Option(
            "--delete",
            help="Delete the damaged files; what they contained is encoded again when needed.",
        ),
    ] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check every stored byte against its checksum.

    The exit status is 1 if a file differs.
    """
    from elmobench.cli.output.base import print_json
    from elmobench.cli.output.store import FeaturesVerifyOutput
    from elmobench.features.store.feature_store import FeatureStore

    features = FeatureStore(store)
    problems = features.verify(delete=delete)
    if as_json:
        print_json(FeaturesVerifyOutput(store=str(features.root), problems=problems))
    else:
        for problem in problems:
            typer.echo(problem)
        typer.echo(f"{len(problems)} problems in {features.root}")
    if problems:
        raise typer.Exit(1)


@app.command()
def prune(
    everything: Annotated[bool, typer.Option("--all", help="Delete all stored features.")] = False,
    fingerprint: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PREFIX",
            help="Delete features whose fingerprint (see features stat) starts so. Repeatable.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete stored features.

    Without --all or --fingerprint, only the partial files of killed writers are deleted.
    """
    from elmobench.cli.output.base import print_json
    from elmobench.cli.output.store import FeaturesPruneOutput
    from elmobench.features.store.feature_store import FeatureStore

    features = FeatureStore(store)
    if everything and fingerprint:
        raise typer.BadParameter("give --all or --fingerprint, not both")
    if fingerprint and not all(fingerprint):
        raise typer.BadParameter("an empty prefix matches everything: use --all")
    wanted = [""] if everything else fingerprint or None
    if wanted is not None:
        to_delete = features.sizes(wanted)
        for row in to_delete:
            size = _megabytes(row.bytes)
            line = f"{row.name} {row.fingerprint[:12]} {row.precision}: {size}"
            typer.echo(line, err=as_json)
        if to_delete and not yes:
            typer.confirm("Delete these?", abort=True, err=as_json)
    deleted = list(map(str, features.prune(fingerprints=wanted)))
    if as_json:
        print_json(FeaturesPruneOutput(store=str(features.root), deleted=deleted))
        return
    for path in deleted:
        typer.echo(f"deleted {path}")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
