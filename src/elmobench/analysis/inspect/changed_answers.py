"""The examples on which two compared systems differ, with their texts, in one run of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from elmobench.analysis.inspect.annotation_format import format_annotation
from elmobench.analysis.inspect.changed_examples import ChangedExample, changed_examples
from elmobench.analysis.inspect.example_texts import example_texts
from elmobench.analysis.stats.difference_row import Difference
from elmobench.data.cards.catalog import CardCatalog
from elmobench.tracking.record_store import RecordStore


@dataclass(frozen=True)
class ChangedAnswers:
    """The examples on which the systems of one comparison differ, in one run of each.

    Attributes:
        row: the comparison.
        title: which runs these are: ``seed 1``.
        pipeline: pipeline of the task, which says how annotations are written.
        changes: the examples, those that improved most first.
        texts: id -> tokens and text of the example, if its data are on this machine.
    """

    row: Difference
    title: str
    pipeline: str
    changes: list[ChangedExample]
    texts: dict[str, tuple[Any, str]]

    def chosen(self, count: int) -> list[tuple[bool, ChangedExample]]:
        """The ``count`` examples that improved most and that worsened most."""
        gains = [example for example in self.changes if example.gain > 0]
        losses = [example for example in self.changes if example.gain < 0]
        return [(True, example) for example in gains[:count]] + [
            (False, example) for example in losses[::-1][:count]
        ]

    def text(self, example: ChangedExample) -> str:
        """The text of the example; empty if its data are not on this machine."""
        return self.texts.get(example.id, (None, ""))[1]

    def lines(self, example: ChangedExample) -> dict[str, str]:
        """The annotation and both answers as text: ``gold``, ``left``, ``right``."""
        tokens, _ = self.texts.get(example.id, (None, ""))
        annotations = {"gold": example.gold, "left": example.left, "right": example.right}
        return {
            name: format_annotation(self.pipeline, annotation, tokens)
            for name, annotation in annotations.items()
        }

    def answers(self, count: int) -> list[dict[str, Any]]:
        """The chosen examples as ``elmobench compare --examples`` has them."""
        return [
            {
                **{"task": self.row.task, "head": self.row.head, "id": example.id},
                **{"better": is_better, "text": self.text(example)},
                **self.lines(example),
            }
            for is_better, example in self.chosen(count)
        ]


def changed_answers(
    store: RecordStore, row: Difference, cards: CardCatalog
) -> ChangedAnswers | None:
    """Compare two runs of a row, of the same seed if there is one; None without their records.

    Args:
        store: the results folder.
        row: a comparison of two systems in that folder.
        cards: the task cards, to find the texts with.

    Raises:
        DataError: if predictions are missing or damaged.
    """
    seed = next((s for s in row.left_seeds if s in row.right_seeds), None)
    left, right = (
        store.read(cells[0 if seed is None else seeds.index(seed)])
        for cells, seeds in ((row.left_cells, row.left_seeds), (row.right_cells, row.right_seeds))
    )
    if left is None or right is None:
        return None
    changes = changed_examples(store, left, right)
    texts = example_texts(left.task, left.identity.get("fold"), cards)
    title = f"seeds {left.seed}, {right.seed}" if seed is None else f"seed {seed}"
    return ChangedAnswers(row, title, left.pipeline, changes, texts)
