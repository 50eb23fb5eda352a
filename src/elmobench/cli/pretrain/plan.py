"""``elmobench pretrain run``: train all models of a plan."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from elmobench.cli.options import IncludeOption
from elmobench.cli.pretrain.options import (
    DeviceOption,
    MinutesOption,
    OverlapOption,
    ThreadsOption,
    TrackingOption,
)


def run(
    plan: Annotated[Path, typer.Argument(help="A plan, such as experiments/pretrain/mini.yaml.")],
    out: Annotated[Path, typer.Option("--out", help="Each model gets a folder below this one.")],
    only: Annotated[
        list[str] | None, typer.Option(help="A model of the plan; may be given again.")
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(
            help="Train each model once per seed, such as 1-3, as NAME-seed1, NAME-seed2, … "
            "[default: once, with the seed of the plan]"
        ),
    ] = None,
    threads: ThreadsOption = 2,
    device: DeviceOption = "cpu",
    checkpoint_minutes: MinutesOption = 10.0,
    overlap: OverlapOption = True,
    include: IncludeOption = None,
    tracking_uri: TrackingOption = None,
) -> None:
    """Train all models of a plan, one after another, on the same text.

    Run the command again to resume. Models of several seeds have the same text,
    vocabulary, options and number of updates; an experiment names them all by
    a range, such as NAME-seed1..3.
    """
    from elmobench.cli.pretrain.training import encode_corpus, train_model
    from elmobench.data.cards.catalog import CardCatalog
    from elmobench.pretraining.device import device_of_process
    from elmobench.pretraining.packing import catalog_below
    from elmobench.pretraining.plan import open_corpus, parse_seeds, read_plan
    from elmobench.pretraining.runs import Pretraining

    content = read_plan(plan)
    chosen = device_of_process(device)
    _check_names(only or (), content.models, plan)
    names = list(only or content.models)
    if seeds is not None:
        numbers = parse_seeds(seeds)
        content = content.with_seeds(numbers)
        names = [f"{name}-seed{number}" for name in names for number in numbers]
    corpus = open_corpus(content, plan.parent)
    encoded = encode_corpus(corpus)
    starts = {name: content.models[name].start for name in names}
    _check_starts(starts, out)
    for name, start in starts.items():
        model = Pretraining(
            name=name,
            out=out / name,
            corpus=corpus,
            encoded=encoded,
            options=content.options(name),
            licence=content.licence,
            attribution=content.attribution,
            overlap=overlap,
            cards=CardCatalog(include or ()),
            start=None if start is None else out / start,
        )
        train_model(
            model,
            threads=threads,
            device=chosen,
            checkpoint_minutes=checkpoint_minutes,
            tracking_uri=tracking_uri,
        )
    finished = catalog_below(out)
    typer.echo(f"with ELMOBENCH_MODELS={out} experiments can use {', '.join(finished)}")


def _check_names(only: Iterable[str], models: Collection[str], plan: Path) -> None:
    from elmobench.core.errors import UnknownNameError
    from elmobench.core.registry import did_you_mean

    for name in only:
        if name not in models:
            raise UnknownNameError(
                f"the plan has no model {name!r}", where=str(plan), fix=did_you_mean(name, models)
            )


def _check_starts(starts: Mapping[str, str | None], out: Path) -> None:
    """Raise ConfigError for a model to start from that neither exists nor will be trained."""
    from elmobench.core.errors import ConfigError

    for name, start in starts.items():
        if start is not None and start not in starts and not os.path.isdir(out / start):
            raise ConfigError(
                f"{name} starts from {start}, which does not exist yet",
                where=str(out / start),
                fix=f"train {start} first, with the same --out",
            )
