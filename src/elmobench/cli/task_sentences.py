"""The sentences of tasks, for commands that encode them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elmobench.data.cards.catalog import CardCatalog
    from elmobench.data.examples import Sentence


def task_sentences(tasks: list[str], cards: CardCatalog, trust_first: bool) -> list[Sentence]:
    """Return the distinct sentences of all splits of ``tasks``, in order of first occurrence."""
    from elmobench.tasks.task import Task

    sentences: dict[Sentence, None] = {}
    for name in tasks:
        task = Task(cards.get(name), trust_first)
        pipeline = task.pipeline
        for split in task.splits:
            for example in task.split(split):
                for slot_sentences in pipeline.slots(example).values():
                    sentences.update(dict.fromkeys(slot_sentences))
    return list(sentences)
