"""Task cards: what a dataset is, where its bytes are, what it should hold, how it is scored.

A card is a YAML file below ``tasks/`` (or an included folder, or another package). A released
card is never edited; a new one with a higher version supersedes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Discriminator,
    Field,
    PrivateAttr,
    Tag,
    field_validator,
    model_validator,
)

from elmobench.core.registry import did_you_mean
from elmobench.core.strict_model import StrictModel
from elmobench.data.cards.card_numbers import Ceiling, Published, SplitCounts
from elmobench.data.cards.published_data import PUBLISHED_DATASETS
from elmobench.data.cards.source_kinds import (
    Component,
    FileSource,
    GenerateSource,
    HubSource,
    ListedSource,
    Name,
    PathSource,
    Source,
    UrlSource,
)
from elmobench.data.cards.split_rules import HashSplit, HeldOutSplit

SPLITS = ("train", "dev", "test")


CorpusName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)?$")]


class FoldSplit(StrictModel):
    """A split for cross-validation: each file of ``all`` is test in one fold.

    Attributes:
        by: always ``fold``.
        folds: texts that name the test files of fold 0, of fold 1, …, one name a line; a
            name's suffix (``.tsv``) is not looked at. In fold k the files of k are test, those
            of k - 1 (of the last fold for k = 0) dev, all others train.
    """

    by: Literal["fold"]
    folds: Annotated[list[FileSource], Field(min_length=1)]

    @field_validator("folds")
    @classmethod
    def _plain(cls, value: list[FileSource]) -> list[FileSource]:
        if any(source.beside or source.options or source.drop for source in value):
            raise ValueError("a list of names has no 'options', 'drop' or 'beside'")
        return value


def _kind_of_split(value: Any) -> str | None:
    if isinstance(value, HeldOutSplit) or (isinstance(value, Mapping) and "from" in value):
        return "from"
    by = value.get("by") if isinstance(value, Mapping) else getattr(value, "by", None)
    return by if by in ("hash", "fold") else None


Split = Annotated[
    Annotated[HashSplit, Tag("hash")]
    | Annotated[HeldOutSplit, Tag("from")]
    | Annotated[FoldSplit, Tag("fold")],
    Discriminator(
        _kind_of_split,
        custom_error_type="split_kind",
        custom_error_message="'by' is 'hash' or 'fold', or 'from' is 'train'",
    ),
]


class TaskCard(StrictModel):
    """One dataset of one pipeline; CONTRIBUTING shows how to write one.

    ``labels``, where given, are all labels that may occur: classes, or tags. Of a set with folds,
    ``counts`` of ``train``, ``dev`` and ``test`` are those of fold 0, and ``all`` holds for every
    fold.

    ``same_as`` and ``corpus`` describe the data and have no effect on a cell's identity.
    ``same_as`` is the id of the published data set (see
    :data:`~elmobench.data.cards.published_data.PUBLISHED_DATASETS`) that these data are: the same
    texts, annotation and splits, so that scores are compared with published ones. ``corpus`` is the
    corpus of the texts; averages over tasks weight corpora, since tasks on the same texts are not
    independent.
    """

    name: Name
    """Name of the data set, without its pipeline."""
    pipeline: Name
    """Kind of task; `elmobench list pipelines` lists them."""
    version: Annotated[int, Field(ge=1)]
    """Version of the card, part of the identity of results."""
    title: str
    """One line that names the data set."""
    description: str
    """What the data are, and how they are read."""
    language: str
    """Language of the texts, as a code such as ``en``."""
    corpus: CorpusName | None = None
    """Corpus of the texts; averages over tasks give each corpus the same weight."""
    same_as: str | None = None
    """Id of the published data set that these data are, so that published scores are compared."""
    reader: Component | None = None
    """Reader of the files, and its options."""
    splits: dict[
        Literal["train", "dev", "test", "all"], Annotated[list[Source], Field(min_length=1)]
    ]
    """Split -> its sources, in their order; ``all`` for a set that ``split`` divides."""
    split: Split | None = None
    """How a set without official splits is divided."""
    counts: dict[Literal["train", "dev", "test", "all"], SplitCounts] = Field(default_factory=dict)
    """Split -> sizes that are checked when the data are read; of folds, those of fold 0."""
    labels: list[str] | None = None
    """All labels that may occur: classes, or tags."""
    metric: str
    """The metric; `elmobench list metrics` lists them."""
    context_unit: str = "sentence"
    """What a model reads at a time."""
    licence: str
    """Licence of the data."""
    redistributable: Literal["yes", "no", "unclear"]
    """Whether the data may be passed on."""
    citation: str
    """Publication of the data."""
    published: list[Published] = Field(default_factory=list)
    """Published scores."""
    head: str = "small"
    """Head preset for the task."""
    ceiling: Ceiling | None = None
    """The best score of a model without context, if it is known."""
    superseded_by: str | None = None
    """Id of the card that replaces this one."""
    notes: str | None = None
    """Anything else that a user of the data should know."""

    _file: Path | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _consistent(self) -> TaskCard:
        if "all" in self.splits:
            if len(self.splits) > 1:
                raise ValueError("splits: 'all' cannot be combined with other splits")
            if self.split is None:
                raise ValueError(
                    "splits has only 'all', so the card needs 'split' (by: hash or fold)"
                )
            if isinstance(self.split, HeldOutSplit):
                raise ValueError("split: 'from: train' is for a set whose 'splits' has 'train'")
        else:
            self._check_divided()
        made = [isinstance(source, GenerateSource) for source in self.sources()]
        read = [source for source in self.sources() if not isinstance(source, GenerateSource)]
        if self.reader is None and any(source.reader is None for source in read):
            raise ValueError("field 'reader' is missing")
        if any(made) and self.split is not None:
            raise ValueError("splits: generated sets make their own splits, not 'all'")
        if self.labels is not None and len(set(self.labels)) < len(self.labels):
            raise ValueError("labels: one appears twice")
        if self.superseded_by in (self.id, self.name):
            raise ValueError("superseded_by: a card cannot supersede itself")
        return self

    def _check_divided(self) -> None:
        """Raise ValueError unless every split is either listed or made from train."""
        made = self.split.made if isinstance(self.split, HeldOutSplit) else ()
        if self.split is not None and not made:
            raise ValueError("split: without 'from: train', only for a set whose 'splits' is 'all'")
        twice = [name for name in made if name in self.splits]
        if twice:
            raise ValueError(f"split: {twice[0]} is made from train, and 'splits' lists it too")
        missing = [name for name in SPLITS if name not in (*self.splits, *made)]
        if missing:
            advice = ""
            if "train" not in missing:
                shares = ", ".join(f"{name}: 0.1" for name in missing)
                advice = f"; 'split: {{{shares}, from: train, by: hash}}' takes a part of train"
            raise ValueError(f"splits: {', '.join(missing)} missing{advice}")

    @model_validator(mode="after")
    def _is_the_published_data(self) -> TaskCard:
        if self.same_as is None:
            return self
        dataset = PUBLISHED_DATASETS.get(self.same_as)
        if dataset is None:
            raise ValueError(
                f"same_as: there is no published data set {self.same_as!r}; "
                + did_you_mean(self.same_as, PUBLISHED_DATASETS)
            )
        for name in ("pipeline", "metric", "corpus"):
            own, published = getattr(self, name), getattr(dataset, name)
            if own not in (published, None):
                raise ValueError(
                    f"same_as: {dataset.id} has the {name} {published!r}, this card has {own!r}"
                )
        return self

    @property
    def id(self) -> str:
        """``"pipeline/name"``, the name that experiments and commands use."""
        return f"{self.pipeline}/{self.name}"

    @property
    def corpus_name(self) -> str:
        """The corpus of the texts: the card's own, that of the published data, or the card's id."""
        if self.corpus is not None:
            return self.corpus
        return PUBLISHED_DATASETS[self.same_as].corpus if self.same_as is not None else self.id

    @property
    def file(self) -> Path | None:
        """The file it was read from; None for a card made in Python."""
        return self._file

    def at(self, file: Path) -> TaskCard:
        """The same card, known to come from ``file``."""
        card = self.model_copy()
        card._file = file.absolute()
        return card

    @property
    def folder(self) -> Path:
        """The folder that ``path`` sources are relative to."""
        return self._file.parent if self._file is not None else Path.cwd()

    def stated(self, split: str) -> SplitCounts:
        """The counts that the card states for ``split``; all None if it states none."""
        return next((c for name, c in self.counts.items() if name == split), SplitCounts())

    def sources(self) -> list[UrlSource | HubSource | PathSource | ListedSource | GenerateSource]:
        """All sources, split by split, in the card's order."""
        return [source for group in self.splits.values() for source in group]
