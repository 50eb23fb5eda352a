"""The names that experiments accept: what ``elmobench list`` shows, as an object with a frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, overload

from elmobench.api.display import Displayed
from elmobench.core.counted import counted

if TYPE_CHECKING:
    import pandas as pd

    from elmobench.data.cards.catalog import CardCatalog

KINDS = ("tasks", "features", "heads", "experiments", "metrics", "readers", "pipelines")


@dataclass(frozen=True, repr=False)
class Names(Displayed, Sequence[str]):
    """Names of one kind; a sequence of them, shown with a line about each.

    Attributes:
        kind: one of :data:`KINDS`.
        summaries: name -> one line about it.
    """

    kind: str
    summaries: dict[str, str]

    _rows = 200

    @property
    def frame(self) -> pd.DataFrame:
        """One row per name: ``name``, ``summary``."""
        import pandas as pd

        return pd.DataFrame(list(self.summaries.items()), columns=["name", "summary"])

    def __len__(self) -> int:
        """Number of names."""
        return len(self.summaries)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        return list(self.summaries)[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self.summaries)

    def __contains__(self, name: object) -> bool:
        return name in self.summaries

    def _heading(self) -> list[str]:
        return [counted(len(self), self.kind.removesuffix("s"))]

    def _shown(self) -> pd.DataFrame:
        return self.frame


def list_tasks(*, include: Sequence[str | Path] = ()) -> Names:
    """The tasks that experiments accept, in their order in ``elmobench list tasks``.

    >>> import elmobench
    >>> tasks = elmobench.list_tasks()
    >>> "ner/wnut17" in tasks
    True
    >>> [name for name in tasks if name.startswith("qa/")]
    ['qa/control-qa', 'qa/squad', 'qa/squad-small']

    Args:
        include: folders with your own task cards. A card that is not filled in is listed as
            unfinished.
    """
    from elmobench.data.cards.catalog import CardCatalog

    return listed("tasks", CardCatalog([Path(folder) for folder in include]))


def list_features() -> Names:
    """The models whose vectors experiments accept, in their order in ``elmobench list features``.

    >>> import elmobench
    >>> elmobench.list_features().summaries["glove-mini"]
    'GloVe ...'

    Other features need no entry here: ``vectors:FILE``, folders of models, and your own functions.
    """
    from elmobench.data.cards.catalog import CardCatalog

    return listed("features", CardCatalog())


def listed(kind: str, cards: CardCatalog) -> Names:
    """All names of one of :data:`KINDS`.

    Args:
        kind: what to list.
        cards: the task cards.
    """
    return Names(kind, _summaries(kind, cards))


def _summaries(kind: str, cards: CardCatalog) -> dict[str, str]:
    match kind:
        case "tasks":
            titles = {name: card.title for name, card in cards.by_id.items()}
            return titles | {
                name: f"(unfinished: {', '.join(error.fields)})"
                for name, error in cards.unfinished.items()
            }
        case "features":
            from elmobench.features.catalog.catalog import ModelCatalog

            catalog = ModelCatalog()
            return {name: catalog.entry(name).description for name in catalog.names()}
        case "experiments":
            from elmobench.bench.experiment.schema import known_experiments, load_experiment

            return {n: load_experiment(p).description for n, p in known_experiments().items()}
        case "heads":
            from elmobench.tasks.registries import HEADS

            return {name: HEADS.summary(name) for name in HEADS}
        case "pipelines":
            from elmobench.tasks.registries import PIPELINES

            return {name: PIPELINES.summary(name) for name in PIPELINES}
        case "metrics":
            from elmobench.metrics.base import METRICS

            return {name: METRICS.summary(name) for name in METRICS}
        case _:
            from elmobench.data.readers.base import READERS

            return {name: READERS.summary(name) for name in READERS}
