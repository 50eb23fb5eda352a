"""Published scores: those that ship with the package, and those that a task card lists."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import model_validator

from elmobench.core.strict_model import StrictModel
from elmobench.core.validation import validated
from elmobench.core.yaml_files import read_yaml
from elmobench.data.cards.card import TaskCard
from elmobench.data.cards.matching_runs import MatchingRuns
from elmobench.data.cards.published_data import PUBLISHED_DATASETS

_FILE = Path(__file__).with_name("published.yaml")


class PublishedNumber(StrictModel):
    """A published score, in percent.

    Attributes:
        pipeline: pipeline of the task.
        dataset: the dataset's name in the publication.
        data: id of the published data set, which cards name in ``same_as``; None if no card can be
            these data.
        split: the split that was scored.
        metric: key of the score.
        score, sd, seeds: mean, sample standard deviation over seeds and number of seeds, if
            they were published.
        system: the model, in words.
        source: the publication.
        table: number of the table in it.
        note: what a reader of the number should know.
        like: the cells that repeat it; None if no cell can.
        not_comparable: why no cell can repeat it, if ``like`` is None.
    """

    pipeline: str
    dataset: str
    data: str | None = None
    split: str = "test"
    metric: str
    score: float
    sd: float | None = None
    seeds: int | None = None
    system: str
    source: str
    table: str | None = None
    note: str | None = None
    like: MatchingRuns | None = None
    not_comparable: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> PublishedNumber:
        if self.data is not None and self.data not in PUBLISHED_DATASETS:
            raise ValueError(f"data: there is no published data set {self.data!r}")
        if (self.like is None) == (self.not_comparable is None):
            raise ValueError("give either 'like' or 'not_comparable'")
        return self

    @property
    def place(self) -> str:
        """Source and table in a few words, without a web address."""
        source = self.source.split(", http")[0]
        return f"{source}, table {self.table}" if self.table else source


class _File(StrictModel):
    sources: dict[str, str]
    notes: dict[str, str]
    reasons: dict[str, str]
    numbers: tuple[PublishedNumber, ...]


@cache
def published_numbers() -> tuple[PublishedNumber, ...]:
    """All published numbers that ship with the package, in file order."""
    return validated(_File, read_yaml(_FILE), str(_FILE)).numbers


def numbers_on(card: TaskCard) -> list[PublishedNumber]:
    """The published numbers that ship with the package and are on a card's data, in file order."""
    if card.same_as is None:
        return []
    return [number for number in published_numbers() if number.data == card.same_as]


def numbers_of_card(card: TaskCard) -> list[PublishedNumber]:
    """The published numbers that a card itself lists, in its order."""
    numbers = []
    for stated in card.published:
        reason = stated.not_comparable
        if reason is None and stated.like is None:
            reason = "the card does not say which cells repeat it (like)"
        numbers.append(
            PublishedNumber(
                pipeline=card.pipeline,
                dataset=card.title,
                split=stated.split,
                metric=stated.metric,
                score=stated.score,
                sd=stated.sd,
                seeds=stated.seeds,
                system=stated.model,
                source=stated.source,
                note=stated.note,
                like=stated.like,
                not_comparable=reason,
            )
        )
    return numbers


def is_control(task: str) -> bool:
    """Whether a task is a generated control with a known ceiling."""
    return task.split("/")[-1].startswith("control-")
