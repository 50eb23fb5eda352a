"""Tagging: one tag per token (named entities, chunks, parts of speech)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from elmobench.core.errors import DataError
from elmobench.data.cards.card_numbers import SplitCounts
from elmobench.data.cards.counts import frequencies
from elmobench.data.examples import Sentence, TaggedSentence
from elmobench.data.tag_schemes import are_span_tags, check_shape, spans, split_tag, violation
from elmobench.tasks.annotated_text import format_tags
from elmobench.tasks.base import LabelCodec, Pipeline, TypedSpan
from elmobench.tasks.codecs import characters_of
from elmobench.tasks.control_labels import ControlLabels

SENTENCE = "sentence"
BIOUL = "bioul"
PLAIN = "plain"


class TaggingPipeline(Pipeline[TaggedSentence]):
    """One tag per token. A subclass names the task and says whether its tags mark spans.

    Span tags are BIO in the data and in annotations, and BIOUL inside a head with a CRF.

    Attributes:
        marks_spans: whether the tags mark spans.
    """

    annotation_repeats_text: ClassVar[bool] = True
    has_control: ClassVar[bool] = True
    marks_spans: ClassVar[bool]

    def slots(self, example: TaggedSentence) -> dict[str, list[Sentence]]:
        """The sentence."""
        return {SENTENCE: [example.tokens]}

    def labels_of(self, example: TaggedSentence) -> tuple[str, ...]:
        """The tags."""
        return example.tags

    def problem_of(self, example: TaggedSentence) -> str | None:
        """The first tag of spans that is not legal BIO, with what to state in the card."""
        if not self.marks_spans:
            return None
        wrong = next((tag for tag in example.tags if check_shape(tag, "bio")), None)
        if wrong is not None:
            return f"{wrong!r} is not a BIO tag: state the tags' 'scheme' and 'convert: bio'"
        illegal = violation(example.tags, "bio")
        if illegal is not None:
            return f"token {illegal[0] + 1}: {illegal[1]}, and heads take BIO: add 'convert: bio'"
        return None

    def count(self, examples: Sequence[TaggedSentence]) -> SplitCounts:
        """Sentences and tokens, with spans by type or, for plain tags, the tags."""
        size = len(examples)
        tokens = sum(len(example.tokens) for example in examples)
        tags = frequencies(tag for example in examples for tag in example.tags)
        if not (self.marks_spans and are_span_tags(tags)):
            return SplitCounts(examples=size, tokens=tokens, labels=tags)
        types = frequencies(kind for example in examples for _, _, kind in spans(example.tags))
        return SplitCounts(examples=size, tokens=tokens, spans=sum(types.values()), types=types)

    def codec(self, train: Sequence[TaggedSentence], labels: Sequence[str] | None) -> LabelCodec:
        """The tags, and the characters of ``train``.

        Tags come from the card or, if it lists none, from ``train``. For spans the codec has all
        BIOUL tags over their types. Plain tags keep the card's order or are sorted.

        Raises:
            DataError: a span tag is not BIO, or there are no tags at all.
        """
        if labels is None:
            labels = sorted({tag for example in train for tag in example.tags})
            if not labels:
                raise DataError("there is no training example to take tags from")
        if self.marks_spans:
            # Imported here, since it needs torch, which reading data does not.
            from elmobench.nn.bioul import bioul_tags

            types = {kind for prefix, kind in map(split_tag, labels) if prefix != "O"}
            labels = bioul_tags(types)
        return LabelCodec(
            labels=list(labels),
            extra={
                "scheme": BIOUL if self.marks_spans else PLAIN,
                "characters": characters_of(example.tokens for example in train),
            },
        )

    def items_of(self, example: TaggedSentence) -> list[tuple[str, str]]:
        """The words with their tags."""
        return list(zip(example.tokens, example.tags, strict=True))

    def control_examples(
        self, splits: Mapping[str, Sequence[TaggedSentence]], labels: Sequence[str]
    ) -> dict[str, list[TaggedSentence]]:
        """The sentences with one random tag per word type, drawn from the tags in ``train``.

        Where tags mark spans, a word type is outside of all spans (O) or has a type of spans, drawn
        from how many tokens of ``train`` are inside spans of each type. Every such word is a span
        by itself, B, so that neither the word before nor the one after has an effect on its tag.
        """

        def drawn(tag: str) -> str:
            return tag if not self.marks_spans or tag == "O" else f"B-{split_tag(tag)[1]}"

        counts = Counter(drawn(tag) for example in splits["train"] for tag in example.tags)
        control = ControlLabels(list(dict.fromkeys(map(drawn, labels))), counts)
        return {
            split: [
                replace(example, tags=tuple(map(control.label, example.tokens)))
                for example in examples
            ]
            for split, examples in splits.items()
        }

    def annotation_labels(self, annotation: Sequence[str]) -> list[str]:
        """The tags."""
        return list(annotation)

    def annotation_spans(self, annotation: Sequence[str]) -> list[TypedSpan] | None:
        """The spans of BIO tags; None for plain tags."""
        if not self.marks_spans:
            return None
        return [(kind, start, end - 1) for start, end, kind in spans(annotation)]

    def format_annotation(self, annotation: Any, tokens: Sequence[str] | None = None) -> str:
        """The sentence with spans in brackets, or with a tag after each token."""
        return format_tags(annotation, tokens)

    def gold(self, example: TaggedSentence) -> list[str]:
        """The tags."""
        return list(example.tags)

    def from_tokens(self, tokens: Sentence) -> TaggedSentence:
        """A sentence whose tags are all O."""
        return TaggedSentence(id="text", tokens=tokens, tags=("O",) * len(tokens))


class Ner(TaggingPipeline):
    """Named entities, as spans."""

    name: ClassVar[str] = "ner"
    marks_spans: ClassVar[bool] = True
    readers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "conll-columns": {"token": 0, "tag": 1, "separator": "whitespace", "scheme": "bio"},
        "tag-lines": {"scheme": "bio"},
        "word-tags": {"scheme": "bio"},
        "jsonl": {"tokens": "tokens", "tags": "ner_tags", "scheme": "bio"},
        "parquet": {"tokens": "tokens", "tags": "ner_tags", "scheme": "bio"},
    }
    metrics: ClassVar[tuple[str, ...]] = ("span-f1",)


class Chunking(TaggingPipeline):
    """Base phrases as spans (Tjong Kim Sang and Buchholz 2000)."""

    name: ClassVar[str] = "chunking"
    marks_spans: ClassVar[bool] = True
    # The columns of CoNLL-2000: word, part of speech, chunk.
    readers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "conll-columns": {"token": 0, "tag": 2, "separator": "whitespace", "scheme": "bio"},
        "tag-lines": {"scheme": "bio"},
        "word-tags": {"scheme": "bio"},
        "jsonl": {"tokens": "tokens", "tags": "chunk_tags", "scheme": "bio"},
        "parquet": {"tokens": "tokens", "tags": "chunk_tags", "scheme": "bio"},
    }
    metrics: ClassVar[tuple[str, ...]] = ("span-f1",)


class Pos(TaggingPipeline):
    """Parts of speech, as plain tags."""

    name: ClassVar[str] = "pos"
    marks_spans: ClassVar[bool] = False
    # The columns of CoNLL-U: 3 holds universal parts of speech, 4 those of the language.
    readers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "conll-columns": {"id": 0, "token": 1, "tag": 3, "comment": "#", "scheme": "none"},
        "tag-lines": {"scheme": "none"},
        "word-tags": {"scheme": "none"},
        "jsonl": {"tokens": "tokens", "tags": "pos_tags", "scheme": "none"},
        "parquet": {"tokens": "tokens", "tags": "pos_tags", "scheme": "none"},
    }
    metrics: ClassVar[tuple[str, ...]] = ("token-accuracy",)


NER = Ner()
CHUNKING = Chunking()
POS = Pos()
