"""What readers left out and how splits were made, in words: for commands that show data."""

from __future__ import annotations

from elmobench.data.cards.split_rules import HeldOutSplit
from elmobench.tasks.task import Task


def data_lines(task: Task) -> list[str]:
    """What a user should know of the data of ``task``, read now: one line each.

    How splits were made of train, and for each split and reason what its reader dropped, or changed
    by stated options.
    """
    task.examples()
    rule = task.card.split
    lines = [f"split: {rule.statement}"] if isinstance(rule, HeldOutSplit) else []
    lines += [
        f"{split}: {number:,} {reason}"
        for split, reasons in sorted(task.dropped.items())
        for reason, number in sorted(reasons.items())
        if number
    ]
    return lines
