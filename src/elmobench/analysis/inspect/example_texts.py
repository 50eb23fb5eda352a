"""The words of a task's test examples, where its data is on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


def texts_of(
    task_name: str, fold: int | None, include: Sequence[Path] = ()
) -> dict[str, tuple[tuple[str, ...] | None, str]]:
    """Tokens and text of the test examples by id; nothing where the data is not here.

    Args:
        task_name: of a card.
        fold: for tasks that are split by folds.
        include: folders of further cards.
    """
    from elmobench.core.errors import ElmobenchError
    from elmobench.tasks.task import load_task

    try:
        task = load_task(task_name, include=include, fold=fold)
        if not task.is_local:
            return {}
        examples = task.split("test")
    except ElmobenchError:
        # The card is not here, or its data: ids must do.
        return {}
    found: dict[str, tuple[tuple[str, ...] | None, str]] = {}
    for example in examples:
        sentences: list[Any] = [s for slot in task.pipeline.slots(example).values() for s in slot]
        tokens = tuple(token for sentence in sentences for token in sentence)
        found[example.id] = (tokens, " | ".join(" ".join(sentence) for sentence in sentences))
    return found
