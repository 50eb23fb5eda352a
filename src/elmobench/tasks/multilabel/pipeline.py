"""Any number of labels per text, none included (emotions, topics, GoEmotions)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from elmobench.data.cards.card_numbers import SplitCounts
from elmobench.data.cards.counts import frequencies
from elmobench.data.examples import LabelledText, Sentence
from elmobench.data.label_kinds import LabelKind
from elmobench.tasks.base import LabelCodec, Pipeline
from elmobench.tasks.codecs import labels_of_sets
from elmobench.tasks.control_labels import TEXTS_DO_NOT_RECUR

TEXT = "text"


class MultiLabel(Pipeline[LabelledText]):
    """A set of labels per text. An annotation is the list of them, sorted."""

    name: ClassVar[str] = "multilabel"
    reads_texts: ClassVar[bool] = True
    label_kind: ClassVar[LabelKind] = "set"
    labels_correspond: ClassVar[bool] = False
    readers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "table": {"text": "text", "label": "labels", "delimiter": "tab"},
        "indicator-table": {"text": "text", "delimiter": "comma", "quoting": "csv"},
        "lines": {"label_field": "first"},
        "label-lines": {},
        "jsonl": {"text": "text", "label": "labels"},
        "parquet": {"text": "text", "label": "labels"},
    }
    metrics: ClassVar[tuple[str, ...]] = (
        "label-set-micro-f1",
        "label-set-macro-f1",
        "subset-accuracy",
    )
    no_control: ClassVar[str] = TEXTS_DO_NOT_RECUR

    def slots(self, example: LabelledText) -> dict[str, list[Sentence]]:
        """The text."""
        return {TEXT: [example.tokens]}

    def items_of(self, example: LabelledText) -> list[tuple[str, str]]:
        """The text by itself, and its sorted labels as JSON."""
        return [(" ".join(example.tokens), json.dumps(sorted(example.labels)))]

    def labels_of(self, example: LabelledText) -> list[str]:
        """The labels."""
        return list(example.labels)

    def count(self, examples: Sequence[LabelledText]) -> SplitCounts:
        """Texts, tokens, and texts by label."""
        return SplitCounts(
            examples=len(examples),
            tokens=sum(len(example.tokens) for example in examples),
            labels=frequencies(label for example in examples for label in example.labels),
        )

    def codec(self, train: Sequence[LabelledText], labels: Sequence[str] | None) -> LabelCodec:
        """The card's labels in their order or, without a list, those of ``train``, sorted.

        Raises:
            DataError: a text has a label that the card does not list, or there is no label.
        """
        occurring = {label for example in train for label in example.labels}
        known = labels_of_sets(occurring, labels, "no training example has a label")
        return LabelCodec(labels=known)

    def gold(self, example: LabelledText) -> list[str]:
        """The labels, sorted."""
        return sorted(example.labels)

    def annotation_labels(self, annotation: Sequence[str]) -> list[str]:
        """The labels."""
        return list(annotation)

    def format_annotation(self, annotation: Any, tokens: Sequence[str] | None = None) -> str:
        """The labels with commas between them."""
        return ", ".join(annotation) or "no label"

    def note_on(self, gold: Sequence[Any], predicted: Sequence[Any]) -> str | None:
        """A remark if no text gets a label, or all get the same one."""
        if any(gold) and not any(predicted):
            return "predicts no label throughout: it may need more epochs, patience or data"
        return super().note_on(gold, predicted)

    def from_tokens(self, tokens: Sentence) -> LabelledText:
        """A text whose labels are not known."""
        return LabelledText(id="text", tokens=tokens, labels=())


PIPELINE = MultiLabel()
