"""``elmobench pretrain``: models of one's own text."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from elmobench.pretraining.bilm.train import Bilm
    from elmobench.pretraining.bilm.train import Progress as Standing
    from elmobench.pretraining.corpus import Corpus
    from elmobench.pretraining.encoded import EncodedCorpus

app = typer.Typer(
    help="Train a model on your own text, or look for evaluation sets in it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

CorpusOption = Annotated[
    list[Path],
    typer.Option(
        "--corpus",
        help="Text, or .gz, .xz, .bz2: a sentence a line (or see --tokenizer). Again for more.",
    ),
]
TokenizerOption = Annotated[
    str | None,
    typer.Option(
        help="For raw paragraphs, one a line: whitespace, words or clitics. "
        "Left out: a sentence a line, tokens separated by spaces."
    ),
]
OutOption = Annotated[Path, typer.Option("--out", help="Folder for checkpoints and the model.")]
LicenceOption = Annotated[str, typer.Option(help="Of the weights; goes into the model card.")]
AttributionOption = Annotated[str, typer.Option(help="Whom the text is owed to.")]


@app.command("bilm")
def bilm(
    corpus: CorpusOption,
    out: OutOption,
    tokenizer: TokenizerOption = None,
    options: Annotated[
        Path | None,
        typer.Option(help="options.json of bilm-tf, or YAML [default: the shipped model's]."),
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", help="Another value for an option: n_epochs=5, lstm.dim=256."),
    ] = None,
    start: Annotated[
        Path | None, typer.Option(help="Folder of a trained biLM to go on from (fine-tuning).")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Torch threads.")] = 2,
    checkpoint_minutes: Annotated[
        float, typer.Option(min=0, help="Minutes between checkpoints.")
    ] = 10.0,
    name: Annotated[
        str | None, typer.Option(help="What the model will be called [default: OUT's name].")
    ] = None,
    overlap: Annotated[
        bool, typer.Option(help="Look for dev and test of all task cards in the text.")
    ] = True,
    licence: LicenceOption = "not stated",
    attribution: AttributionOption = "not stated",
) -> None:
    """Pre-train the biLM of an ELMo. Interrupt at any time; the same command goes on."""
    from elmobench.pretraining.bilm.presets import read_bilm_options
    from elmobench.pretraining.bilm.train import train_bilm

    chosen = read_bilm_options(options, _changes(change or []))
    text, encoded = _encoded(corpus, tokenizer)
    with _until_interrupted() as stop, _bilm_display(out) as display:
        model = train_bilm(
            encoded,
            chosen,
            out,
            start=start,
            threads=threads,
            checkpoint_seconds=60 * checkpoint_minutes,
            stop=stop,
            on_progress=display,
        )
    if model.step < model.total_steps:
        typer.echo(
            f"stopped at step {model.step:,} of {model.total_steps:,}; the model so far is in "
            f"{out}, and the same command goes on"
        )
        raise typer.Exit(130)
    _write_bilm_card(model, text, out, name or out.name, threads, overlap, licence, attribution)
    typer.echo(f"model: {out}   card: {out}/README.md   use: --features elmo:{out}")


@app.command("overlap")
def overlap_command(
    corpus: CorpusOption,
    tokenizer: TokenizerOption = None,
    tasks: Annotated[
        list[str] | None, typer.Option("--task", help="A card; again for more [default: all].")
    ] = None,
) -> None:
    """How much of the cards' dev and test sets a corpus holds."""
    from rich.console import Console
    from rich.table import Table

    from elmobench.pretraining.corpus import Corpus
    from elmobench.pretraining.overlap import WORDS, check_cards

    text = Corpus.open(corpus, tokenizer)
    with _bytes_display(text, "reading") as on_bytes:
        rows, missing = check_cards(text, tasks, on_bytes)
    table = Table(title=f"runs of {WORDS} words that the corpus has")
    for column in ("task", "split", "runs", "found", "sentences", "with a run found"):
        table.add_column(column, justify="left" if column in ("task", "split") else "right")
    for row in rows:
        table.add_row(
            row.task,
            row.split,
            f"{row.runs:,}",
            f"{row.runs_found:,}",
            f"{row.sentences:,}",
            f"{row.sentences_found:,}",
        )
    Console().print(table)
    for task, reason in missing.items():
        typer.echo(f"not checked: {task}: {reason}", err=True)


def _changes(pairs: list[str]) -> dict[str, Any]:
    """``name=value`` pairs; values as YAML reads them."""
    import yaml

    changes = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise typer.BadParameter(f"write name=value, not {pair!r}", param_hint="--set")
        changes[key] = yaml.safe_load(value)
    return changes


def _encoded(files: list[Path], tokenizer: str | None) -> tuple[Corpus, EncodedCorpus]:
    """The corpus, encoded once for all models that are trained on it."""
    from elmobench import paths
    from elmobench.pretraining.corpus import Corpus
    from elmobench.pretraining.encoded import EncodedCorpus

    text = Corpus.open(files, tokenizer)
    folder = paths.home() / "corpora" / text.digest[:16]
    with _bytes_display(text, "encoding the corpus") as on_bytes:
        encoded = EncodedCorpus.build(text, folder, on_bytes=on_bytes)
    typer.echo(
        f"{len(encoded.train.tokens):,} tokens to train on, {len(encoded.heldout.tokens):,} held "
        f"out, {len(encoded.types):,} word types (in {folder})"
    )
    return text, encoded


@contextmanager
def _bytes_display(text: Corpus, what: str) -> Iterator[Callable[[int], object]]:
    """A bar over the text's bytes; their number is not known where files are compressed."""
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task(what, total=None)
        yield lambda count: bars.advance(bar, count)


@contextmanager
def _until_interrupted() -> Iterator[Callable[[], bool]]:
    """A function that says whether Ctrl-C was pressed, or the process told to end."""
    asked: list[int] = []

    def ask(number: int, _: object) -> None:
        if asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked.append(number)
        typer.echo("stopping after a checkpoint; Ctrl-C again to stop without one", err=True)

    before = {s: signal.signal(s, ask) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _bilm_display(out: Path) -> Iterator[Callable[[Standing], object]]:
    """A bar with speed, perplexity and time left; a line at each measure of held-out text."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("training"),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:.1f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[detail]}"),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bars:
        bar = bars.add_task("training", total=None, detail="")

        def told(progress: Standing) -> None:
            left = progress.total - progress.step
            tokens = progress.tokens / max(progress.step, 1)
            seconds = left * tokens / max(progress.tokens_per_second, 1e-9)
            bars.update(
                bar,
                total=progress.total,
                completed=progress.step,
                detail=f"{progress.tokens_per_second:,.0f} tokens/s · sampled perplexity "
                f"{progress.perplexity:.1f} · {_duration(seconds)} left",
            )
            if progress.heldout is not None:
                forward, backward = progress.heldout
                console.print(
                    f"step {progress.step:,} of {progress.total:,}, {progress.tokens:,} tokens, "
                    f"{_duration(progress.seconds)}: held-out perplexity {forward:.1f} forward, "
                    f"{backward:.1f} backward; {progress.tokens_per_second:,.0f} tokens/s; "
                    f"checkpoint in {out}",
                    highlight=False,
                )

        yield told


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def _write_bilm_card(
    model: Bilm,
    text: Corpus,
    out: Path,
    name: str,
    threads: int,
    overlap: bool,
    licence: str,
    attribution: str,
) -> None:
    import json

    from elmobench.pretraining.bilm.export import OPTIONS, WEIGHTS
    from elmobench.pretraining.bilm.train import LOG
    from elmobench.pretraining.model_card import (
        CorpusFacts,
        ModelCard,
        machine,
        overlap_rows,
        write_card,
    )
    from elmobench.pretraining.overlap import check_cards

    rows: list[dict[str, str | int]] | None = None
    missing: dict[str, str] = {}
    if overlap:
        with _bytes_display(text, "looking for evaluation sets in the text") as on_bytes:
            found, missing = check_cards(text, None, on_bytes)
        rows = overlap_rows(found)
    last = json.loads((out / LOG).read_text("utf-8").splitlines()[-1])
    softmax = sum(w.numel() for n, w in model.weights.items() if n.startswith("softmax/"))
    whole = sum(w.numel() for w in model.weights.values())
    lstm = model.options.lstm
    card = ModelCard(
        name=name,
        kind="bilm",
        description=f"ELMo of {lstm.n_layers} layers of {lstm.dim} cells and "
        f"{lstm.projection_dim} values a direction, trained on one's own text",
        corpus=CorpusFacts.of(text, model.corpus),
        tokens_seen=last["tokens"],
        parameters={"model": whole - softmax, "softmax (training only)": softmax},
        heldout={
            "perplexity forward": last["heldout"][0],
            "perplexity backward": last["heldout"][1],
        },
        seconds=last["seconds"],
        options=model.options.model_dump(mode="json"),
        licence=licence,
        attribution=attribution,
        overlap=rows,
        not_checked=sorted(missing),
        **machine(threads),
    )
    write_card(
        out,
        card,
        "elmo",
        {"options": OPTIONS, "weights": WEIGHTS},
        2 * lstm.projection_dim,
        lstm.n_layers + 1,
    )
