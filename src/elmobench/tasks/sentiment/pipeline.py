"""Sentiment: one label per text (SST-5, SST-2, and any classification of short texts)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from elmobench.data.cards.card_numbers import SplitCounts
from elmobench.data.cards.counts import frequencies
from elmobench.data.examples import ClassifiedText, Sentence
from elmobench.tasks.base import HeadOptions, LabelCodec, Pipeline
from elmobench.tasks.codecs import label_codec
from elmobench.tasks.control_labels import TEXTS_DO_NOT_RECUR
from elmobench.tasks.sentiment.phrases import PhraseOptions, with_phrases

TEXT = "text"


class Sentiment(Pipeline[ClassifiedText]):
    """One label per text. Each phrase is encoded by itself, as published."""

    name: ClassVar[str] = "sentiment"
    reads_texts: ClassVar[bool] = True
    readers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "table": {"text": "text", "label": "label", "delimiter": "tab"},
        "lines": {"label_field": "first"},
        "label-lines": {},
        "text-file": {"label": "positive"},
        "jsonl": {"text": "text", "label": "label"},
        "parquet": {"text": "text", "label": "label"},
        "sst": {},
    }
    metrics: ClassVar[tuple[str, ...]] = ("accuracy", "macro-f1")
    no_control: ClassVar[str] = TEXTS_DO_NOT_RECUR

    def slots(self, example: ClassifiedText) -> dict[str, list[Sentence]]:
        """The text."""
        return {TEXT: [example.tokens]}

    def items_of(self, example: ClassifiedText) -> list[tuple[str, str]]:
        """The text by itself, with its label."""
        return [(" ".join(example.tokens), example.label)]

    def labels_of(self, example: ClassifiedText) -> list[str]:
        """The text's label and those of its phrases."""
        return [example.label, *(phrase.label for phrase in example.phrases)]

    def count(self, examples: Sequence[ClassifiedText]) -> SplitCounts:
        """Texts, tokens, labels of the texts, and labelled phrases where there are any."""
        return SplitCounts(
            examples=len(examples),
            tokens=sum(len(example.tokens) for example in examples),
            labels=frequencies(example.label for example in examples),
            phrases=sum(len(example.phrases) for example in examples) or None,
        )

    def training_examples(
        self, examples: Sequence[ClassifiedText], options: HeadOptions
    ) -> list[ClassifiedText]:
        """The texts, with their phrases if the head's ``phrases`` option asks for them."""
        if not isinstance(options, PhraseOptions):
            return list(examples)
        return with_phrases(examples, options)

    def codec(self, train: Sequence[ClassifiedText], labels: Sequence[str] | None) -> LabelCodec:
        """The labels; see :func:`label_codec`."""
        return label_codec(train, labels)

    def gold(self, example: ClassifiedText) -> str:
        """The label."""
        return example.label

    def from_tokens(self, tokens: Sentence) -> ClassifiedText:
        """A text without a label."""
        return ClassifiedText(id="text", tokens=tokens, label="")


PIPELINE = Sentiment()
