"""``elmobench inspect``: how context changes a word's vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from elmobench.cli.options import (
    IncludeOption,
    JsonOption,
    StoreOption,
    ThreadsOption,
    TokenizedOption,
    TrustFirstOption,
)
from elmobench.cli.streams import argument_text

if TYPE_CHECKING:
    from elmobench.analysis.inspect.neighbours import NeighbourSearch
    from elmobench.data.examples import Sentence
    from elmobench.features.provider import FeatureProvider
    from elmobench.features.store.feature_store import FeatureStore


# Long: most lines declare the options with their help.
def inspect(
    word: Annotated[str, typer.Argument(metavar="WORD", help="A word (one token).")],
    texts: Annotated[
        list[str], typer.Argument(metavar="SENTENCE", help="Sentences that contain the word.")
    ],
    features: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPEC",
            help="Features to compare. Repeatable [default: the shipped models].",
        ),
    ] = None,
    layer: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Show one layer, counted from 0 [default: all]; static ones have one."
        ),
    ] = None,
    tasks: Annotated[
        list[str] | None,
        typer.Option(
            "--in",
            metavar="TASK",
            help="Find the nearest occurrences in the sentences of this task; sentences that are "
            "not in the store are encoded. Repeatable.",
        ),
    ] = None,
    nearest: Annotated[
        int, typer.Option(metavar="N", min=1, help="With --in: show N occurrences.")
    ] = 5,
    same_word: Annotated[
        bool, typer.Option("--same-word", help="With --in: only occurrences of the same word.")
    ] = False,
    tokenized: TokenizedOption = False,
    as_json: JsonOption = False,
    include: IncludeOption = None,
    store: StoreOption = None,
    trust_first: TrustFirstOption = False,
    threads: ThreadsOption = 1,
) -> None:
    """Compare the vectors of WORD between sentences, layer by layer."""
    from rich.console import Console

    from elmobench.analysis.inspect.occurrences import find_occurrences, layer_views
    from elmobench.analysis.inspect.word_tables import (
        InspectedLayer,
        Inspection,
        default_features,
        print_inspection,
        to_json,
    )
    from elmobench.cli.output.base import for_programs
    from elmobench.cli.output.findings import InspectOutput
    from elmobench.cli.task_sentences import task_sentences
    from elmobench.core.errors import ConfigError
    from elmobench.data.cards.catalog import CardCatalog
    from elmobench.data.readers.tokenizers import TOKENIZERS
    from elmobench.features.catalog.catalog import ModelCatalog, load_provider
    from elmobench.features.export.layer_selection import check_layer
    from elmobench.features.store.feature_store import FeatureStore
    from elmobench.training.machine import torch_threads

    if same_word and not tasks:
        raise typer.BadParameter("needs --in TASK", param_hint="--same-word")
    word, texts = argument_text(word), list(map(argument_text, texts))
    tokenize = TOKENIZERS["blanks" if tokenized else "words"]
    if len(tokenize(word)) != 1:
        raise typer.BadParameter(f"{word!r} is {len(tokenize(word))} tokens: {tokenize(word)}")
    occurrences = find_occurrences(word, [tuple(tokenize(text)) for text in texts])
    names = list(dict.fromkeys(features or default_features(ModelCatalog().names())))
    providers = [load_provider(name, trust_first=trust_first) for name in names]
    for name, provider in zip(names, providers, strict=True):
        if provider.per_text:
            raise ConfigError(
                "has one vector per text, and none per word",
                where=f"features {name!r}",
                fix="inspect the vectors of tokens, such as those of bert:FOLDER",
            )
    if layer is not None:
        for name, provider in zip(names, providers, strict=True):
            if provider.num_layers > 1:
                check_layer(provider, layer, f"features {name!r}")
    cards = CardCatalog(include or ())
    sentences = task_sentences(tasks, cards, trust_first) if tasks else []
    inspection = Inspection(word, occurrences, searched=", ".join(tasks or []))
    with torch_threads(threads):
        for name, provider in zip(names, providers, strict=True):
            search = None
            if tasks:
                wanted = word if same_word else None
                search = _search(FeatureStore(store), provider, sentences, wanted)
            # A provider with one layer is shown with any layer of the others.
            views = layer_views(provider, occurrences, layer if provider.num_layers > 1 else None)
            inspection.features[name] = [
                InspectedLayer(
                    view,
                    None if search is None else search.nearest(view.vectors, view.number, nearest),
                )
                for view in views
            ]
    if not for_programs(InspectOutput.from_values(to_json(inspection)), as_json=as_json):
        print_inspection(inspection, Console())


def _search(
    store: FeatureStore, provider: FeatureProvider, sentences: list[Sentence], word: str | None
) -> NeighbourSearch:
    """Encode the missing sentences with a progress bar, and open them for search."""
    from functools import partial

    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    from elmobench.analysis.inspect.neighbours import NeighbourSearch

    with Progress(console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task(f"encoding {escape(provider.name)}", total=len(sentences))
        store.build(provider, sentences, partial(bars.advance, bar))
    return NeighbourSearch(store.open(provider), sentences, word)
