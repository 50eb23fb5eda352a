"""``elmobench pretrain bilm``, ``glove``, ``fasttext`` and ``bert``: train one model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elmobench.cli.pretrain.options import MinutesOption, TrainOptions, with_train_options

if TYPE_CHECKING:
    from elmobench.pretraining.distributed import ProcessGroup
    from elmobench.pretraining.runs import Options

SHIPPED = {
    "bilm": ("mini-three-passes.yaml", "elmo-mini-3"),
    "glove": ("mini.yaml", "glove-mini"),
    "fasttext": ("mini-fasttext.yaml", "fasttext-mini"),
    "bert": ("mini.yaml", "bert-mini"),
}
"""Plan and model whose options are the defaults of each kind: those of the shipped models, and of a
fastText model on the same text.
"""


@with_train_options
def bilm(
    shared: TrainOptions,
    *,
    start: Annotated[
        Path | None, typer.Option(help="Folder of a trained biLM to start from (fine-tuning).")
    ] = None,
    vocabulary: Annotated[
        Path | None,
        typer.Option(
            help="File with the words to predict, as bilm-tf's: one per line, <S>, </S> and <UNK> "
            "first, then the most frequent first. [default: the text's most frequent words, "
            "n_tokens_vocab of them]"
        ),
    ] = None,
    min_count: Annotated[
        int | None,
        typer.Option(min=1, help="Predict only words that the training text has this often."),
    ] = None,
    checkpoint_minutes: MinutesOption = 10.0,
) -> None:
    """Train the biLM of an ELMo. Run the command again to resume after an interrupt.

    --options also reads an options.json of bilm-tf. The default options are
    those of elmo-mini, except that arithmetic is fp32. With several processes:
    torchrun --nproc-per-node N -m elmobench pretrain bilm ARGUMENTS
    With --device cuda each of them takes a GPU.
    """
    from elmobench.pretraining.device import device_of_process
    from elmobench.pretraining.distributed import ProcessGroup

    file = shared.options
    if file is None and start is not None:
        file = start / "options.json"
    options = chosen_options("bilm", file, shared.settings)
    group = ProcessGroup.from_environment(device_of_process(shared.device))
    _train(
        shared,
        options,
        start=start,
        vocabulary=vocabulary,
        min_count=min_count,
        checkpoint_minutes=checkpoint_minutes,
        group=group,
    )


@with_train_options
def glove(shared: TrainOptions) -> None:
    """Train GloVe vectors. Run the command again to resume after an interrupt.

    The default options are those of glove-mini.
    """
    _train(shared, chosen_options("glove", shared.options, shared.settings))


@with_train_options
def fasttext(shared: TrainOptions, *, checkpoint_minutes: MinutesOption = 10.0) -> None:
    """Train fastText vectors, which a word without one gets from its n-grams.

    Run the command again to resume after an interrupt.
    """
    options = chosen_options("fasttext", shared.options, shared.settings)
    _train(shared, options, checkpoint_minutes=checkpoint_minutes)


@with_train_options
def bert(shared: TrainOptions, *, checkpoint_minutes: MinutesOption = 10.0) -> None:
    """Train a small BERT as a masked language model on WordPiece subwords.

    Run the command again to resume after an interrupt.

    The default options are those of bert-mini.
    """
    options = chosen_options("bert", shared.options, shared.settings)
    _train(shared, options, checkpoint_minutes=checkpoint_minutes)


def _train(
    shared: TrainOptions,
    options: Options,
    *,
    start: Path | None = None,
    vocabulary: Path | None = None,
    min_count: int | None = None,
    checkpoint_minutes: float = 10.0,
    group: ProcessGroup | None = None,
) -> None:
    from elmobench.cli.pretrain.training import encode_corpus, train_model
    from elmobench.data.cards.catalog import CardCatalog
    from elmobench.pretraining.corpus import Corpus
    from elmobench.pretraining.device import device_of_process
    from elmobench.pretraining.model_card import check_model_name
    from elmobench.pretraining.runs import Pretraining

    name = shared.name or shared.out.resolve().name
    check_model_name(name, "--name")
    device = device_of_process(shared.device)
    corpus = Corpus.open(shared.corpus, shared.tokenizer)
    run = Pretraining(
        name=name,
        out=shared.out,
        corpus=corpus,
        encoded=encode_corpus(corpus, quiet=group is not None and not group.is_first),
        options=options,
        licence=shared.licence,
        attribution=shared.attribution,
        overlap=shared.overlap,
        cards=CardCatalog(shared.include or ()),
        start=start,
        vocabulary=vocabulary,
        min_count=min_count,
        group=group,
    )
    train_model(
        run,
        threads=shared.threads,
        device=device,
        checkpoint_minutes=checkpoint_minutes,
        tracking_uri=shared.tracking_uri,
    )


def chosen_options(kind: str, file: Path | None, settings: list[str] | None = None) -> Any:
    """The options of a training: those of a file or of the shipped model, with some changed.

    Args:
        kind: ``bilm``, ``glove``, ``fasttext`` or ``bert``.
        file: YAML or JSON; None for the options of the shipped model, see :data:`SHIPPED`.
        settings: ``name=value`` or ``block.name=value``, values in YAML.

    Raises:
        ConfigError: for unknown options or values that do not fit.
    """
    from elmobench.core.errors import ConfigError
    from elmobench.core.paths import builtin
    from elmobench.core.validation import validated
    from elmobench.core.yaml_files import parse_yaml, read_yaml
    from elmobench.pretraining.plan import KINDS, read_plan

    model = KINDS[kind]
    if file is None:
        plan, name = SHIPPED[kind]
        values = read_plan(builtin("experiments") / "pretrain" / plan).models[name].options
    else:
        # JSON is YAML.
        values = read_yaml(file)
        if not isinstance(values, dict):
            raise ConfigError("not a mapping of options", where=str(file))
    changed: dict[str, Any] = {**values}
    for setting in settings or ():
        key, equals, value = setting.partition("=")
        if not equals:
            raise ConfigError(f"{setting!r} is no setting", where="--set", fix="write NAME=VALUE")
        block, _, name = key.rpartition(".")
        fields = model.model_fields
        if block in fields:
            fields = getattr(fields[block].annotation, "model_fields", {})
        if name not in fields or (block and block not in model.model_fields):
            raise ConfigError(f"no option {key!r}", fix=f"the options are {', '.join(fields)}")
        if block:
            outer = changed.get(block, {})
            if not isinstance(outer, dict):
                raise ConfigError(
                    f"{block} is not a block of options", where=str(file or "options")
                )
            changed[block] = {**outer, name: parse_yaml(value, f"--set {key}")}
        else:
            changed[name] = parse_yaml(value, f"--set {key}")
    return validated(model, changed, str(file or "options"))
