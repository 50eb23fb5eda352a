"""``elmobench pretrain``: models of one's own text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elmobench.cli.run_experiment import IncludeOption

if TYPE_CHECKING:
    from elmobench.pretraining.corpus import Corpus
    from elmobench.pretraining.encoded import EncodedCorpus
    from elmobench.pretraining.runs import Pretraining
    from elmobench.tracking.training_log import TrainingLog

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
NameOption = Annotated[
    str | None, typer.Option(help="What the model will be called [default: OUT's name].")
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="Another value for an option, NAME=VALUE.")
]
OptionsOption = Annotated[
    Path | None, typer.Option(help="Options in YAML or JSON [default: the shipped model's].")
]
ThreadsOption = Annotated[int, typer.Option(min=1, help="Torch threads.")]
MinutesOption = Annotated[float, typer.Option(min=0, help="Minutes between checkpoints.")]
TrackingOption = Annotated[
    str | None,
    typer.Option(help="MLflow store or server [default: SQLite in the model's folder]; 'none'."),
]
OverlapOption = Annotated[
    bool, typer.Option(help="Look for dev and test of all task cards in the text.")
]
LicenceOption = Annotated[str, typer.Option(help="Of the weights; goes into the model card.")]
AttributionOption = Annotated[str, typer.Option(help="Whom the text is owed to.")]


@app.command("bilm")
def bilm(
    corpus: CorpusOption,
    out: OutOption,
    tokenizer: TokenizerOption = None,
    options: OptionsOption = None,
    change: SetOption = None,
    start: Annotated[
        Path | None, typer.Option(help="Folder of a trained biLM to go on from (fine-tuning).")
    ] = None,
    name: NameOption = None,
    threads: ThreadsOption = 2,
    checkpoint_minutes: MinutesOption = 10.0,
    overlap: OverlapOption = True,
    include: IncludeOption = None,
    tracking_uri: TrackingOption = None,
    licence: LicenceOption = "not stated",
    attribution: AttributionOption = "not stated",
) -> None:
    """The biLM of an ELMo; takes bilm-tf's options.json. Run again to go on after an interrupt.

    With several processes: torchrun --nproc-per-node N -m elmobench pretrain bilm …
    """
    from elmobench.pretraining.bilm.options import BilmOptions
    from elmobench.pretraining.distributed import Group
    from elmobench.pretraining.runs import Pretraining

    if options is None and start is not None:
        options = start / "options.json"
    chosen = _options(BilmOptions, options, change, ("mini-three-passes.yaml", "elmo-mini-3"))
    group = Group.of_environment()
    text, encoded = _encoded(corpus, tokenizer, group.first)
    _train(
        Pretraining(
            name or out.name,
            out,
            text,
            encoded,
            chosen,
            threads,
            licence,
            attribution,
            overlap,
            start,
            60 * checkpoint_minutes,
            group,
            tuple(include or ()),
        ),
        tracking_uri,
    )


@app.command("glove")
def glove(
    corpus: CorpusOption,
    out: OutOption,
    tokenizer: TokenizerOption = None,
    options: OptionsOption = None,
    change: SetOption = None,
    name: NameOption = None,
    threads: ThreadsOption = 2,
    overlap: OverlapOption = True,
    include: IncludeOption = None,
    tracking_uri: TrackingOption = None,
    licence: LicenceOption = "not stated",
    attribution: AttributionOption = "not stated",
) -> None:
    """GloVe vectors. Run again to go on after an interrupt."""
    from elmobench.pretraining.glove.options import GloveOptions
    from elmobench.pretraining.runs import Pretraining

    chosen = _options(GloveOptions, options, change, ("mini.yaml", "glove-mini"))
    text, encoded = _encoded(corpus, tokenizer)
    _train(
        Pretraining(
            name or out.name,
            out,
            text,
            encoded,
            chosen,
            threads,
            licence,
            attribution,
            overlap,
            include=tuple(include or ()),
        ),
        tracking_uri,
    )


@app.command("bert")
def bert(
    corpus: CorpusOption,
    out: OutOption,
    tokenizer: TokenizerOption = None,
    options: OptionsOption = None,
    change: SetOption = None,
    name: NameOption = None,
    threads: ThreadsOption = 2,
    checkpoint_minutes: MinutesOption = 10.0,
    overlap: OverlapOption = True,
    include: IncludeOption = None,
    tracking_uri: TrackingOption = None,
    licence: LicenceOption = "not stated",
    attribution: AttributionOption = "not stated",
) -> None:
    """A small BERT: WordPiece and masked words. Run again to go on after an interrupt."""
    from elmobench.pretraining.bert.options import BertOptions
    from elmobench.pretraining.runs import Pretraining

    chosen = _options(BertOptions, options, change, ("mini-three-passes.yaml", "bert-mini-3"))
    text, encoded = _encoded(corpus, tokenizer)
    _train(
        Pretraining(
            name or out.name,
            out,
            text,
            encoded,
            chosen,
            threads,
            licence,
            attribution,
            overlap,
            None,
            60 * checkpoint_minutes,
            include=tuple(include or ()),
        ),
        tracking_uri,
    )


@app.command("run")
def run(
    plan: Annotated[Path, typer.Argument(help="A plan, such as experiments/pretrain/mini.yaml.")],
    out: Annotated[Path, typer.Option("--out", help="Each model gets a folder below it.")],
    only: Annotated[
        list[str] | None, typer.Option(help="A model of the plan; again for more.")
    ] = None,
    threads: ThreadsOption = 2,
    checkpoint_minutes: MinutesOption = 10.0,
    overlap: OverlapOption = True,
    include: IncludeOption = None,
    tracking_uri: TrackingOption = None,
) -> None:
    """All models of a plan, one after another, on the same text. Run again to go on."""
    from elmobench.core.errors import ConfigError, UnknownNameError
    from elmobench.core.registry import did_you_mean
    from elmobench.pretraining.packing import catalogue_below
    from elmobench.pretraining.plan import open_corpus, read_plan
    from elmobench.pretraining.runs import Pretraining

    content = read_plan(plan)
    for name in only or ():
        if name not in content.models:
            raise UnknownNameError(
                f"the plan has no model {name!r}",
                where=str(plan),
                fix=did_you_mean(name, content.models),
            )
    text = open_corpus(content, plan.parent)
    encoded = _encode(text)
    wanted = {name: content.models[name].start for name in only or content.models}
    for name, start in wanted.items():
        if start is not None and start not in wanted and not (out / start).is_dir():
            raise ConfigError(
                f"{name} goes on from {start}, which is not there yet",
                where=str(out / start),
                fix=f"train {start} first, with the same --out",
            )
    for name, start in wanted.items():
        _train(
            Pretraining(
                name,
                out / name,
                text,
                encoded,
                content.options(name),
                threads,
                content.licence,
                content.attribution,
                overlap,
                None if start is None else out / start,
                60 * checkpoint_minutes,
                include=tuple(include or ()),
            ),
            tracking_uri,
        )
    known = catalogue_below(out)
    typer.echo(f"with ELMOBENCH_MODELS={out} experiments know {', '.join(known)}")


@app.command("pack")
def pack_command(
    models: Annotated[list[Path], typer.Argument(help="Folders of finished models.")],
    out: Annotated[Path, typer.Option("--out", help="Each gets a folder of its name below it.")],
) -> None:
    """Small copies of finished models, to give away: weights in half precision, no checkpoints."""
    from elmobench.pretraining.packing import pack

    for card in pack(models, out):
        files = [file for file in (out / card.name).iterdir() if file.is_file()]
        size = sum(file.stat().st_size for file in files)
        typer.echo(f"{card.name}: {size / 1e6:.1f} MB in {out / card.name}")
    typer.echo(f"with ELMOBENCH_MODELS={out} experiments know them by these names")


@app.command("overlap")
def overlap_command(
    corpus: CorpusOption,
    tokenizer: TokenizerOption = None,
    tasks: Annotated[
        list[str] | None, typer.Option("--task", help="A card; again for more [default: all].")
    ] = None,
    include: IncludeOption = None,
) -> None:
    """How much of the cards' dev and test sets a corpus holds."""
    from rich.console import Console
    from rich.table import Table

    from elmobench.cli.pretrain_display import bytes_display
    from elmobench.pretraining.corpus import Corpus
    from elmobench.pretraining.overlap import WORDS, check_cards

    text = Corpus.open(corpus, tokenizer)
    with bytes_display("reading") as on_bytes:
        rows, missing = check_cards(text, tasks, include or (), on_bytes)
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


def _options(
    kind: Any, path: Path | None, pairs: list[str] | None, shipped: tuple[str, str]
) -> Any:
    """Options of one kind: of a file, or of a model in a shipped plan, with some changed."""
    import yaml

    from elmobench.core.errors import ConfigError
    from elmobench.core.paths import builtin
    from elmobench.core.validation import validated
    from elmobench.core.yaml_files import read_yaml
    from elmobench.pretraining.plan import read_plan

    if path is None:
        plan, model = shipped
        raw = read_plan(builtin("experiments") / "pretrain" / plan).models[model].options
    else:
        # JSON is YAML.
        raw = read_yaml(path)
        if not isinstance(raw, dict):
            raise ConfigError("not a mapping of options", where=str(path))
    changed: dict[str, Any] = {**raw}
    for pair in pairs or ():
        key, equals, value = pair.partition("=")
        if not equals:
            raise typer.BadParameter(f"write name=value, not {pair!r}", param_hint="--set")
        block, _, name = key.rpartition(".")
        known = kind.model_fields
        if block in known:
            known = getattr(known[block].annotation, "model_fields", {})
        if name not in known or (block and block not in kind.model_fields):
            raise ConfigError(f"no option {key!r}", fix=f"there are: {', '.join(known)}")
        if block:
            changed[block] = {**changed.get(block, {}), name: yaml.safe_load(value)}
        else:
            changed[name] = yaml.safe_load(value)
    return validated(kind, changed, str(path or "options"))


def _encoded(
    files: list[Path], tokenizer: str | None, tell: bool = True
) -> tuple[Corpus, EncodedCorpus]:
    from elmobench.pretraining.corpus import Corpus

    text = Corpus.open(files, tokenizer)
    return text, _encode(text, tell)


def _encode(text: Corpus, tell: bool = True) -> EncodedCorpus:
    """The corpus as numbers, kept for all models that are trained on it."""
    from elmobench.cli.pretrain_display import bytes_display
    from elmobench.core import paths
    from elmobench.pretraining.encoded import EncodedCorpus

    folder = paths.home() / "corpora" / text.digest[:16]
    with bytes_display("encoding the corpus") as on_bytes:
        encoded = EncodedCorpus.build(text, folder, on_bytes=on_bytes)
    if tell:
        typer.echo(
            f"{len(encoded.train.tokens):,} tokens to train on, "
            f"{len(encoded.heldout.tokens):,} held out, {len(encoded.types):,} word types "
            f"(in {folder})"
        )
    return encoded


def _train(run: Pretraining, tracking_uri: str | None) -> None:
    from elmobench.cli.pretrain_display import training_display, until_interrupted
    from elmobench.pretraining.runs import pretrain

    alone = run.group is None or run.group.first
    log = _training_log(run, tracking_uri) if alone else None
    with (
        until_interrupted() as stop,
        training_display(run.name, run.out) as (show, on_bytes),
    ):

        def told(progress: Any) -> None:
            show(progress)
            if log is not None:
                step, values = _measures(progress)
                log.add(step, values)
                if any(key.startswith("heldout") for key in values):
                    log.send()

        finished = pretrain(run, stop=stop, on_progress=told, on_bytes=on_bytes)
    if log is not None:
        log.close(finished)
    if not alone:
        return  # the first process speaks for all
    if not finished:
        typer.echo(f"{run.name}: stopped after a checkpoint in {run.out}; the same command goes on")
        raise typer.Exit(130)
    typer.echo(
        f"{run.name}: model and card in {run.out}; with ELMOBENCH_MODELS={run.out} "
        f"experiments know it as {run.name}"
    )


def _training_log(run: Pretraining, uri: str | None) -> TrainingLog | None:
    from elmobench.core.digests import digest_of
    from elmobench.tracking.mlflow_log import default_uri
    from elmobench.tracking.training_log import TrainingLog

    if uri == "none":
        return None
    options = run.options.model_dump(mode="json")
    key = digest_of([run.name, run.encoded.digest, options])
    parameters = {"corpus": run.encoded.digest[:16], "threads": run.threads, **options}
    return TrainingLog(uri or default_uri(run.out), run.name, key, parameters)


def _measures(progress: Any) -> tuple[int, dict[str, float]]:
    """The step, and the numbers of any kind's ``Progress``."""
    values: dict[str, float] = {}
    for key, value in vars(progress).items():
        if isinstance(value, tuple):
            values |= {f"{key}.forward": value[0], f"{key}.backward": value[1]}
        elif isinstance(value, int | float) and key not in ("step", "epoch", "total"):
            values[key] = value
    fields = vars(progress)
    return int(fields["step"] if "step" in fields else fields["epoch"]), values
