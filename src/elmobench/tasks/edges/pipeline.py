"""Edge probing: the labels of one span, or of two spans together (Tenney et al. 2019)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from elmobench.core.errors import DataError
from elmobench.data.cards.card_numbers import SplitCounts
from elmobench.data.cards.counts import frequencies
from elmobench.data.examples import Edge, EdgeText, Sentence, Span
from elmobench.data.readers.tokenizers import TOKENIZERS
from elmobench.tasks.base import LabelCodec, Pipeline
from elmobench.tasks.codecs import labels_of_sets
from elmobench.tasks.control_labels import ControlLabels, item_type

TEXT = "text"
_BRACKETS = {"[": "]", "{": "}"}


class Edges(Pipeline[EdgeText]):
    """Texts with edges. An annotation has the list of labels of each edge, sorted, in order.

    A text is one example however many edges it has, so that its vectors are read once.
    """

    name: ClassVar[str] = "edges"
    text_form: ClassVar[str] = "a [first span] and a {second span}"
    labels_correspond: ClassVar[bool] = False
    has_control: ClassVar[bool] = True
    readers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "edge-probing-json": {},
        "conllu-edges": {"label": "relation"},
        "edges-of": {"reader": "wic"},
    }
    metrics: ClassVar[tuple[str, ...]] = ("edge-micro-f1", "edge-accuracy")

    def slots(self, example: EdgeText) -> dict[str, list[Sentence]]:
        """The sentences of the text."""
        return {TEXT: list(example.sentences)}

    def text_of(self, example: EdgeText) -> str:
        """See :meth:`Pipeline.text_of`; the spans of a single edge are in brackets."""
        tokens = list(example.tokens)
        if len(example.edges) == 1:
            for (first, last), (opening, closing) in zip(
                example.edges[0].spans, _BRACKETS.items(), strict=False
            ):
                tokens[first] = opening + tokens[first]
                tokens[last] += closing
        return " ".join(tokens)

    def labels_of(self, example: EdgeText) -> list[str]:
        """The labels of all edges."""
        return [label for edge in example.edges for label in edge.labels]

    def count(self, examples: Sequence[EdgeText]) -> SplitCounts:
        """Texts, tokens, edges (as ``spans``), and edges by label."""
        return SplitCounts(
            examples=len(examples),
            tokens=sum(len(example.tokens) for example in examples),
            spans=sum(len(example.edges) for example in examples),
            labels=frequencies(label for example in examples for label in self.labels_of(example)),
        )

    def codec(self, train: Sequence[EdgeText], labels: Sequence[str] | None) -> LabelCodec:
        """The card's labels in their order or, without a list, those of ``train``, sorted.

        ``extra["spans"]`` is the number of spans of an edge, and ``extra["single"]`` says whether
        every edge of ``train`` has exactly one label.

        Raises:
            DataError: an edge has a label that the card does not list, there is no label, or some
                edges have one span and others two.
        """
        occurring = {label for example in train for label in self.labels_of(example)}
        known = labels_of_sets(occurring, labels, "no edge of the training set has a label")
        numbers = sorted({len(example.edges[0].spans) for example in train})
        if len(numbers) != 1:
            raise DataError(
                f"the edges of the training set have {' or '.join(map(str, numbers))} spans",
                fix="make two tasks: one of single spans, one of pairs",
            )
        single = all(len(edge.labels) == 1 for example in train for edge in example.edges)
        return LabelCodec(labels=known, extra={"spans": numbers[0], "single": single})

    def gold(self, example: EdgeText) -> list[list[str]]:
        """The labels of each edge, sorted."""
        return [sorted(edge.labels) for edge in example.edges]

    def items_of(self, example: EdgeText) -> list[tuple[str, str]]:
        """The edges: the words of the spans, and the sorted labels as JSON."""
        tokens = example.tokens
        return [
            (
                item_type(tokens[first : last + 1] for first, last in edge.spans),
                json.dumps(sorted(edge.labels)),
            )
            for edge in example.edges
        ]

    def control_examples(
        self, splits: Mapping[str, Sequence[EdgeText]], labels: Sequence[str]
    ) -> dict[str, list[EdgeText]]:
        """One random set of labels for each pair of the spans' words, or for one span's words.

        Sets are drawn from those of the edges in ``train``, so an edge has as many labels as those
        of the data. Order matters: a pair and the same pair the other way round are two types.
        """
        sets = {
            json.dumps(sorted(edge.labels)): tuple(sorted(edge.labels))
            for example in splits["train"]
            for edge in example.edges
        }
        items = {name: [self.items_of(e) for e in examples] for name, examples in splits.items()}
        counts = Counter(label for found in items["train"] for _, label in found)
        control = ControlLabels(sorted(counts), counts)
        return {
            name: [
                replace(
                    example,
                    edges=tuple(
                        replace(edge, labels=sets[control.label(of_edge)])
                        for edge, (of_edge, _) in zip(example.edges, found, strict=True)
                    ),
                )
                for example, found in zip(examples, items[name], strict=True)
            ]
            for name, examples in splits.items()
        }

    def annotation_labels(self, annotation: Sequence[Sequence[str]]) -> list[str]:
        """The labels of all edges."""
        return [label for labels in annotation for label in labels]

    def format_annotation(self, annotation: Any, tokens: Sequence[str] | None = None) -> str:
        """The labels of each edge, with semicolons between edges; ``–`` for an edge without any."""
        return "; ".join(", ".join(labels) or "–" for labels in annotation)

    def note_on(self, gold: Sequence[Any], predicted: Sequence[Any]) -> str | None:
        """A remark if no edge gets a label, or all get the same one."""
        if any(map(self.annotation_labels, gold)) and not any(
            map(self.annotation_labels, predicted)
        ):
            return "predicts no label throughout: it may need more epochs, patience or data"
        return super().note_on(gold, predicted)

    def from_tokens(self, tokens: Sentence) -> EdgeText:
        """A text of one edge from tokens with its spans in brackets."""
        return self.from_text(" ".join(tokens), tokenized=True)

    def from_text(self, text: str, *, tokenized: bool = False) -> EdgeText:
        """A text of one edge: its first span in square brackets, its second one in braces.

        The second one may be missing, and may come before the first one.

        >>> Edges().from_text("[Ann] saw {Bob} .").edges[0].spans
        ((0, 0), (2, 2))

        Raises:
            DataError: there is no span in square brackets, a span is empty, or brackets do not
                match.
        """
        tokenize = TOKENIZERS["blanks" if tokenized else "words"]
        tokens: list[str] = []
        found: dict[str, Span] = {}
        rest = text
        while rest:
            start = min((i for i in map(rest.find, "[{") if i >= 0), default=len(rest))
            tokens += tokenize(rest[:start])
            opening = rest[start : start + 1]
            if not opening:
                break
            inside, closing, rest = rest[start + 1 :].partition(_BRACKETS[opening])
            span = tokenize(inside)
            if not closing or not span or opening in found or any(b in inside for b in "[{"):
                raise _not_marked(self.text_form, text)
            found[opening] = (len(tokens), len(tokens) + len(span) - 1)
            tokens += span
        if "[" not in found:
            raise _not_marked(self.text_form, text)
        spans = tuple(found[opening] for opening in _BRACKETS if opening in found)
        return EdgeText("text", (tuple(tokens),), (Edge(spans, ()),))


def _not_marked(form: str, text: str) -> DataError:
    return DataError(
        "a span in square brackets is needed and, for pairs, another one in braces",
        where=text[:80] or "an empty text",
        fix=f"write '{form}', for example '{{Rex}} was [seen] by Tom .'",
    )


PIPELINE = Edges()
