"""``elmobench encode --for``: write the vectors of the sentences that tasks need to a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elmobench.features.export.token_lines import LineCounts


def encode_needed(
    spec: str,
    names: list[str],
    out: Path,
    choice: dict[str, Any],
    *,
    precision: str | None,
    store: Path | None,
    include: list[Path] | None,
    trust_first: bool,
    threads: int,
) -> tuple[LineCounts, str, str]:
    """Store what is not stored yet, as a run does, and write the stored vectors to ``out``.

    Therefore a run with the file has the same vectors, to the bit, as a run with the model.

    Args:
        spec: features with one part.
        names: tasks, or one experiment.
        out: the file.
        choice: ``layer``, ``average`` and ``output``; see :func:`make_selection`.
        precision: of the stored and the written values; None for the experiment's, or fp16.
        store: folder of the feature store.
        include: folders with further cards.
        trust_first: accept files without a known digest, and pin them.
        threads: for encoding, if no experiment says it.

    Returns:
        Counts of the sentences, the names of the written arrays, and their width and precision.
    """
    from functools import partial

    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    from elmobench.bench.needed_sentences import needed_sentences
    from elmobench.data.cards.catalog import CardCatalog
    from elmobench.features.catalog.catalog import ModelCatalog
    from elmobench.features.export.layer_selection import make_selection
    from elmobench.features.export.stored_source import ListedSentences, StoredProvider
    from elmobench.features.export.vector_file import export
    from elmobench.features.spec import parse_features
    from elmobench.features.store.feature_store import FeatureStore
    from elmobench.training.machine import torch_threads

    needed = needed_sentences(names, CardCatalog(include or ()), trust_first)
    stored_as: Any = precision or needed.precision or "fp16"
    catalog = ModelCatalog(needed.models, needed.base, trust_first=trust_first)
    (part,) = parse_features(spec).parts
    provider = catalog.load(part.name, part.provider_options)
    selection = make_selection(provider, **choice)
    features = FeatureStore(store, stored_as)
    with Progress(console=Console(stderr=True), transient=True) as bars:
        for task, sentences in needed.groups:
            bar = bars.add_task(f"encoding {escape(task)}", total=len(sentences))
            with torch_threads(needed.threads or threads):
                features.build(provider, sentences, partial(bars.advance, bar))
        lines = ListedSentences(needed.distinct(), ", ".join(names))
        bar = bars.add_task(f"writing {escape(out.name)}", total=None)
        written: Any = "fp16" if stored_as == "fp16" else "fp32"
        counts = export(
            StoredProvider(provider, features.open(provider)),
            lines,
            out,
            selection,
            written,
            lambda done, total: bars.update(bar, completed=done, total=total),
        )
    return counts, ", ".join(selection.names), f"{selection.dim} values in {written}"
