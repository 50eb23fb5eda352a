"""``elmobench inspect``: what context does to a word's vectors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elmobench.cli.run_experiment import IncludeOption

if TYPE_CHECKING:
    from elmobench.analysis.inspect.neighbours import NeighbourSearch
    from elmobench.data.examples import Sentence
    from elmobench.features.provider import FeatureProvider
    from elmobench.features.store.feature_store import FeatureStore


def inspect(
    word: Annotated[str, typer.Argument(help="The word, one token.")],
    texts: Annotated[
        list[str], typer.Argument(metavar="SENTENCE...", help="Sentences that have the word.")
    ],
    features: Annotated[
        list[str] | None,
        typer.Option(
            help="Features to compare; may be given again [default: the shipped models, or the "
            "random baselines]."
        ),
    ] = None,
    layer: Annotated[
        int | None,
        typer.Option(help="One layer, counted from 0 [default: all]; static ones have one."),
    ] = None,
    tasks: Annotated[
        list[str] | None,
        typer.Option(
            "--in",
            help="Task in whose sentences the nearest occurrences are looked up (encoded and "
            "stored as far as they are missing); may be given again.",
        ),
    ] = None,
    nearest: Annotated[int, typer.Option(min=1, help="How many, with --in.")] = 5,
    same_word: Annotated[
        bool, typer.Option("--same-word", help="Nearest occurrences of this word only.")
    ] = False,
    tokenized: Annotated[
        bool, typer.Option("--tokenized", help="Split at spaces only: the text is tokenised.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    include: IncludeOption = None,
    store: Annotated[
        Path | None,
        typer.Option("--store", help="Feature store to use [default: ELMOBENCH_STORE]."),
    ] = None,
    trust_first: Annotated[
        bool, typer.Option("--trust-first", help="Pin files whose digest nobody knows yet.")
    ] = False,
    threads: Annotated[int, typer.Option(min=1, help="Threads to encode with.")] = 1,
) -> None:
    """Compare the vectors of WORD between sentences, in each layer of several embeddings."""
    import json

    from rich.console import Console

    from elmobench.analysis.inspect.occurrences import find_occurrences, layer_views
    from elmobench.analysis.inspect.word_tables import (
        InspectedLayer,
        Inspection,
        default_features,
        print_inspection,
        to_json,
    )
    from elmobench.cli.features import _sentences
    from elmobench.data.readers.tokenizers import TOKENIZERS
    from elmobench.features.catalog.catalog import ModelCatalog, load_provider
    from elmobench.features.export.layer_selection import check_layer
    from elmobench.features.store.feature_store import FeatureStore
    from elmobench.training.machine import torch_threads

    if same_word and not tasks:
        raise typer.BadParameter("needs --in TASK", param_hint="--same-word")
    cut = TOKENIZERS["whitespace" if tokenized else "words"]
    if len(cut(word)) != 1:
        raise typer.BadParameter(f"{word!r} is {len(cut(word))} tokens: {cut(word)}")
    occurrences = find_occurrences(word, [tuple(cut(text)) for text in texts])
    names = list(dict.fromkeys(features or default_features(ModelCatalog().names())))
    providers = [load_provider(name, trust_first=trust_first) for name in names]
    if layer is not None:
        for name, provider in zip(names, providers, strict=True):
            if provider.num_layers > 1:
                check_layer(provider, layer, f"features {name!r}")
    sentences = _sentences(tasks, list(include or []), trust_first) if tasks else []
    found = Inspection(word, occurrences, searched=", ".join(tasks or []))
    with torch_threads(threads):
        for name, provider in zip(names, providers, strict=True):
            search = None
            if tasks:
                wanted = word if same_word else None
                search = _search(FeatureStore(store), provider, sentences, wanted)
            # A provider of one layer is shown beside any layer of the others.
            views = layer_views(provider, occurrences, layer if provider.num_layers > 1 else None)
            found.features[name] = [
                InspectedLayer(
                    view,
                    None if search is None else search.nearest(view.vectors, view.number, nearest),
                )
                for view in views
            ]
    if as_json:
        typer.echo(json.dumps(to_json(found), ensure_ascii=False))
    else:
        print_inspection(found, Console())


def _search(
    store: FeatureStore, provider: FeatureProvider, sentences: list[Sentence], word: str | None
) -> NeighbourSearch:
    """Encode what is missing, with progress, and open it."""
    from functools import partial

    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    from elmobench.analysis.inspect.neighbours import NeighbourSearch

    with Progress(console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task(f"encoding {escape(provider.name)}", total=len(sentences))
        store.build(provider, sentences, partial(bars.advance, bar))
    return NeighbourSearch(store.open(provider), sentences, word)
