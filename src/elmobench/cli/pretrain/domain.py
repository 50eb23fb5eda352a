"""``elmobench pretrain domain``: does a domain's own text help on its tasks?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elmobench.cli.options import IncludeOption
from elmobench.cli.pretrain.options import (
    DeviceOption,
    MinutesOption,
    OverlapOption,
    ThreadsOption,
    TokenizerOption,
)

if TYPE_CHECKING:
    from elmobench.data.cards.catalog import CardCatalog
    from elmobench.pretraining.corpus import Corpus
    from elmobench.pretraining.encoded import EncodedCorpus

EXPERIMENT = "domain.yaml"
"""The file in the output folder that compares the models."""


# Long: most lines declare the options with their help.
def domain(
    general: Annotated[
        list[Path], typer.Option("--general", help="General text. May be given again.")
    ],
    domain: Annotated[
        list[Path], typer.Option("--domain", help="Text of the domain. May be given again.")
    ],
    task: Annotated[
        list[str], typer.Option("--task", help="A task of the domain. May be given again.")
    ],
    out: Annotated[
        Path, typer.Option("--out", help="Folder for the models, the experiment and its results.")
    ],
    head: Annotated[
        list[str] | None, typer.Option("--head", help="Head preset [default: linear].")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=100, help="Seeds of each head.")] = 5,
    tokens: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Tokens that each training reads [default: n_epochs passes over the smaller "
            "text].",
        ),
    ] = None,
    tokenizer: TokenizerOption = None,
    options: Annotated[
        Path | None,
        typer.Option(help="Options in YAML or JSON [default: those of elmo-mini, in fp32]."),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Another value for an option, NAME=VALUE.")
    ] = None,
    threads: ThreadsOption = 2,
    device: DeviceOption = "cpu",
    checkpoint_minutes: MinutesOption = 10.0,
    overlap: OverlapOption = True,
    include: IncludeOption = None,
) -> None:
    """Train biLMs on general text, on a domain's text and on both; compare them on its tasks.

    All trainings read equally many tokens and have equal options. The third one, which continues
    the first on the domain's text, so reads twice as many in all. Run the command again to resume.
    The comparison is the experiment OUT/domain.yaml; change it and run it again as any other.
    """
    from elmobench.cli.claims import claims
    from elmobench.cli.pretrain.train import chosen_options
    from elmobench.cli.pretrain.training import train_model
    from elmobench.cli.run_experiment import run
    from elmobench.data.cards.catalog import CardCatalog
    from elmobench.pretraining.corpus import Corpus
    from elmobench.pretraining.device import device_of_process
    from elmobench.pretraining.domain import (
        CONTINUED,
        DOMAIN,
        GENERAL,
        domain_experiment,
        equal_passes,
        write_experiment,
    )
    from elmobench.pretraining.model_card import card_of
    from elmobench.pretraining.packing import catalog_below
    from elmobench.pretraining.runs import Pretraining

    cards = CardCatalog(include or ())
    heads = head or ["linear"]
    _check_grid(cards, task, heads)
    chosen = device_of_process(device)
    corpora = {
        GENERAL: Corpus.open(general, tokenizer),
        DOMAIN: Corpus.open(domain, tokenizer),
    }
    encoded = {name: _encoded(name, corpus) for name, corpus in corpora.items()}
    common = chosen_options("bilm", options, settings)
    passes = equal_passes(
        common.n_epochs,
        {name: len(text.train.tokens) for name, text in encoded.items()},
        tokens,
    )
    for name, text in ((GENERAL, GENERAL), (DOMAIN, DOMAIN), (CONTINUED, DOMAIN)):
        model = Pretraining(
            name=name,
            out=out / name,
            corpus=corpora[text],
            encoded=encoded[text],
            options=common.model_copy(update={"n_epochs": passes[text]}),
            overlap=overlap,
            cards=cards,
            start=out / GENERAL if name == CONTINUED else None,
        )
        train_model(
            model,
            threads=threads,
            device=chosen,
            checkpoint_minutes=checkpoint_minutes,
            tracking_uri=None,
        )
    catalog_below(out)
    found = {name: card_of(out / name) for name in (GENERAL, DOMAIN, CONTINUED)}
    trained = {name: card for name, card in found.items() if card is not None}
    experiment = domain_experiment(out, trained, task, heads, range(1, seeds + 1))
    path = out / EXPERIMENT
    if write_experiment(path, experiment):
        typer.echo(f"the comparison: {path}")
    else:
        typer.echo(f"{path} is there already and is run as it is; delete it to have it made again")
    results = out / "results"
    run(str(path), results=results, include=include)
    claims(str(results))


def _check_grid(cards: CardCatalog, tasks: list[str], heads: list[str]) -> None:
    """Raise UnknownNameError for a task or head that does not exist, before hours of training."""
    from elmobench.tasks.registries import get_head

    for name in tasks:
        card = cards.get(name)
        for head in heads:
            get_head(card.pipeline, head)


def _encoded(name: str, corpus: Corpus) -> EncodedCorpus:
    from elmobench.cli.pretrain.training import encode_corpus

    typer.echo(f"{name}:")
    return encode_corpus(corpus)
