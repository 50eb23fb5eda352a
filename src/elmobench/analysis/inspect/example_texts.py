"""Texts of test examples, if their data is on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elmobench.data.cards.catalog import CardCatalog


def example_texts(
    task_name: str, fold: int | None, cards: CardCatalog
) -> dict[str, tuple[tuple[str, ...] | None, str]]:
    """Tokens and text of the test examples by id; empty if the data is not on this machine.

    Args:
        task_name: name of a task card.
        fold: fold number, for tasks that are split into folds.
        cards: the task cards; None for those found without ``--include``.
    """
    from elmobench.core.errors import ElmobenchError
    from elmobench.tasks.task import Task

    try:
        task = Task(cards.get(task_name), fold=fold)
        if not task.is_local:
            return {}
        examples = task.split("test")
    except ElmobenchError:
        return {}  # without the card or its data, examples are shown by their ids
    texts: dict[str, tuple[tuple[str, ...] | None, str]] = {}
    for example in examples:
        sentences: list[Any] = [s for slot in task.pipeline.slots(example).values() for s in slot]
        tokens = tuple(token for sentence in sentences for token in sentence)
        texts[example.id] = (tokens, " | ".join(" ".join(sentence) for sentence in sentences))
    return texts
