"""Sentiment: one label a text (SST-5, SST-2, and any classification of short texts)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from elmobench.data.examples import ClassifiedText, Sentence
from elmobench.tasks.base import (
    HeadOptions,
    HeadPreset,
    LabelCodec,
    MixDefaults,
    Pipeline,
    TrainingOptions,
)
from elmobench.tasks.labels import label_codec
from elmobench.tasks.sentiment.heads import (
    UNIT,
    Bcn,
    BcnOptions,
    LinearText,
    LinearTextOptions,
    MlpText,
    MlpTextOptions,
)
from elmobench.tasks.sentiment.phrases import PhraseOptions, with_phrases


class Sentiment(Pipeline[ClassifiedText]):
    """One text, one label. Phrases are encoded each alone, as published."""

    name: ClassVar[str] = "sentiment"
    readers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "table": {"text": "text", "label": "label", "delimiter": "tab"},
        "lines": {"label_field": "first"},
        "sst": {},
    }
    metrics: ClassVar[tuple[str, ...]] = ("accuracy", "macro-f1")

    def units(self, example: ClassifiedText) -> dict[str, list[Sentence]]:
        """The text."""
        return {UNIT: [example.tokens]}

    def training_examples(
        self, examples: Sequence[ClassifiedText], options: HeadOptions
    ) -> list[ClassifiedText]:
        """The texts, with their phrases if the head's ``phrases`` option asks for them."""
        if not isinstance(options, PhraseOptions):
            return list(examples)
        return with_phrases(examples, options)

    def codec(self, train: Sequence[ClassifiedText], labels: Sequence[str] | None) -> LabelCodec:
        """The card's labels in its order, else those found, sorted; see :func:`label_codec`."""
        return label_codec(train, labels)

    def gold(self, example: ClassifiedText) -> str:
        """The label."""
        return example.label

    def from_tokens(self, tokens: Sentence) -> ClassifiedText:
        """A text without a label."""
        return ClassifiedText(id="text", tokens=tokens, label="")


PIPELINE = Sentiment()

LINEAR = HeadPreset(
    head=LinearText,
    options=LinearTextOptions(),
    training=TrainingOptions(
        batch_size=64,
        epochs=15,
        patience=3,
        grid={"training.lr": [1e-4, 1e-3, 1e-2], "options.dropout": [0.0, 0.3]},
    ),
    mix=MixDefaults(standardize=True),
    version=1,
)

MLP = HeadPreset(
    head=MlpText,
    options=MlpTextOptions(),
    training=TrainingOptions(batch_size=64, epochs=15, patience=3),
    mix=MixDefaults(),
    version=1,
)

SMALL = HeadPreset(
    head=Bcn,
    options=BcnOptions(
        feedforward=100,
        encoder=100,
        integrator=100,
        maxout=(100, 50),
        pool=2,
        embedding_dropout=0.3,
        feedforward_dropout=0.2,
        integrator_dropout=0.1,
        maxout_dropout=(0.2, 0.2, 0.0),
    ),
    training=TrainingOptions(batch_size=64, epochs=12, patience=3),
    mix=MixDefaults(),
    version=1,
)

PAPER = HeadPreset(
    head=Bcn,
    options=BcnOptions(phrases="all"),
    training=TrainingOptions(batch_size=100, epochs=40, patience=5),
    mix=MixDefaults(),
    version=1,
)
