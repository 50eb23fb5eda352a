"""Where a record's data come from: their corpus, and the published data set that they are."""

from __future__ import annotations

from functools import cache

from elmobench.core import paths
from elmobench.data.cards.card import TaskCard
from elmobench.data.cards.catalog import load_card
from elmobench.tracking.record import RunRecord


def corpus_of(record: RunRecord) -> str:
    """The corpus of a record's task; tasks with equal names share texts.

    That is what the record says. A record of an earlier version does not say it: then it is the
    corpus of the shipped card of that id, or else the task's id.

    >>> from elmobench.tracking.record import RunRecord
    >>> names = dict(pipeline="ner", features="x", head="linear", seed=1, axes={}, identity={})
    >>> old = RunRecord(cell="c", experiment="e", task="ner/uner-ewt", status="ok", **names)
    >>> corpus_of(old)
    'ewt'
    """
    if record.corpus is not None:
        return record.corpus
    card = _shipped_card(record.task)
    return record.task if card is None else card.corpus_name


def same_as_of(record: RunRecord) -> str | None:
    """Id of the published data set that a record's task is; None if it is none.

    A record of an earlier version does not say it: then the shipped card of that id does.
    """
    if record.same_as is not None or record.corpus is not None:
        return record.same_as
    card = _shipped_card(record.task)
    return None if card is None else card.same_as


def _shipped_card(task: str) -> TaskCard | None:
    return _shipped_cards().get(task)


@cache
def _shipped_cards() -> dict[str, TaskCard]:
    # Only the shipped cards: a folder of cards that is included now may not be the run's.
    cards = [load_card(file) for file in sorted(paths.builtin("tasks").rglob("*.yaml"))]
    return {card.id: card for card in cards}
