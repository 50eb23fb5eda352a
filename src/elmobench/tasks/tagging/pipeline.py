"""Tagging: one tag a token (NER, chunks, parts of speech)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from elmobench.core.errors import DataError
from elmobench.data.examples import Sentence, TaggedSentence
from elmobench.data.tag_schemes import split_tag
from elmobench.nn.bioul import bioul_tags
from elmobench.tasks.base import HeadPreset, LabelCodec, MixDefaults, Pipeline, TrainingOptions
from elmobench.tasks.characters import characters_of
from elmobench.tasks.tagging.heads import (
    BIOUL,
    PLAIN,
    UNIT,
    LinearTagger,
    LinearTaggerOptions,
    LstmTagger,
    LstmTaggerOptions,
    SoftmaxTagger,
    SoftmaxTaggerOptions,
)


class TaggingPipeline(Pipeline[TaggedSentence]):
    """One tag a token. A subclass names the task and says whether its tags mark spans.

    Span tags are BIO in the data, in gold and in predictions, and BIOUL inside the head.
    """

    spans: ClassVar[bool]

    def units(self, example: TaggedSentence) -> dict[str, list[Sentence]]:
        """The sentence."""
        return {UNIT: [example.tokens]}

    def codec(self, train: Sequence[TaggedSentence], labels: Sequence[str] | None) -> LabelCodec:
        """Tags and characters.

        Spans: all BIOUL tags over the types that occur in the card's tags, else in ``train``.
        Plain: the card's tags in its order, else those found, sorted. Characters: those of
        ``train``.

        Raises:
            DataError: for a span tag that is not BIO, or if there is nothing to take tags from.
        """
        if labels is None:
            labels = sorted({tag for example in train for tag in example.tags})
            if not labels:
                raise DataError("there is no training example to take tags from")
        if self.spans:
            types = {kind for prefix, kind in map(split_tag, labels) if prefix != "O"}
            labels = bioul_tags(types)
        return LabelCodec(
            labels=list(labels),
            extra={
                "scheme": BIOUL if self.spans else PLAIN,
                "characters": characters_of(example.tokens for example in train),
            },
        )

    def gold(self, example: TaggedSentence) -> list[str]:
        """The tags."""
        return list(example.tags)

    def from_tokens(self, tokens: Sentence) -> TaggedSentence:
        """A sentence tagged O throughout."""
        return TaggedSentence(id="text", tokens=tokens, tags=("O",) * len(tokens))


class Ner(TaggingPipeline):
    """Entity spans."""

    name: ClassVar[str] = "ner"
    spans: ClassVar[bool] = True
    readers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "conll-columns": {"token": 0, "tag": 1, "separator": "whitespace", "scheme": "bio"}
    }
    metrics: ClassVar[tuple[str, ...]] = ("span-f1",)


class Chunking(TaggingPipeline):
    """Base phrases as spans (Tjong Kim Sang and Buchholz 2000)."""

    name: ClassVar[str] = "chunking"
    spans: ClassVar[bool] = True
    # The columns of CoNLL-2000: word, part of speech, chunk.
    readers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "conll-columns": {"token": 0, "tag": 2, "separator": "whitespace", "scheme": "bio"}
    }
    metrics: ClassVar[tuple[str, ...]] = ("span-f1",)


class Pos(TaggingPipeline):
    """Parts of speech: plain tags."""

    name: ClassVar[str] = "pos"
    spans: ClassVar[bool] = False
    # The columns of CoNLL-U: 3 holds universal parts of speech, 4 those of the language.
    readers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "conll-columns": {"id": 0, "token": 1, "tag": 3, "comment": "#", "scheme": "none"}
    }
    metrics: ClassVar[tuple[str, ...]] = ("token-accuracy",)


NER = Ner()
CHUNKING = Chunking()
POS = Pos()

LINEAR = HeadPreset(
    head=LinearTagger,
    options=LinearTaggerOptions(),
    training=TrainingOptions(
        batch_size=32,
        epochs=15,
        patience=3,
        grid={"training.lr": [1e-4, 1e-3, 1e-2], "options.dropout": [0.0, 0.3]},
    ),
    mix=MixDefaults(standardize=True),
    version=1,
)

SMALL = HeadPreset(
    head=LstmTagger,
    options=LstmTaggerOptions(layers=1, hidden=100, char_filters=64, dropout=0.3),
    # F1 can stay at zero for the first epochs: more patience than a classifier needs.
    training=TrainingOptions(batch_size=32, epochs=15, patience=5),
    mix=MixDefaults(),
    version=1,
)

PAPER = HeadPreset(
    head=LstmTagger,
    options=LstmTaggerOptions(reduction="sum"),
    training=TrainingOptions(batch_size=64, epochs=75, patience=25),
    mix=MixDefaults(l2=0.1),
    version=1,
)

POS_LINEAR = HeadPreset(
    head=SoftmaxTagger,
    options=SoftmaxTaggerOptions(),
    training=TrainingOptions(batch_size=80, epochs=50, patience=3, clip_norm=None),
    mix=MixDefaults(standardize=True),
    version=1,
)
