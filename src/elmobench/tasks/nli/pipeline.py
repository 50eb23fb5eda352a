"""Natural language inference: does a premise entail a hypothesis? (SNLI and similar sets)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from elmobench.data.cards.card_numbers import SplitCounts
from elmobench.data.cards.counts import frequencies
from elmobench.data.examples import Sentence, SentencePair
from elmobench.tasks.base import SEPARATOR, LabelCodec, Pipeline
from elmobench.tasks.codecs import label_codec
from elmobench.tasks.control_labels import TEXTS_DO_NOT_RECUR, item_type
from elmobench.tasks.two_texts import two_texts

PREMISE = "premise"
HYPOTHESIS = "hypothesis"


class Nli(Pipeline[SentencePair]):
    """One label per pair of sentences. Each sentence is encoded by itself."""

    name: ClassVar[str] = "nli"
    reads_texts: ClassVar[bool] = True
    readers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "pair-table": {
            "premise": "premise",
            "hypothesis": "hypothesis",
            "label": "label",
            "delimiter": "tab",
            "tokenizer": "words",
        },
        "pair-jsonl": {},
        "jsonl": {"premise": "premise", "hypothesis": "hypothesis", "label": "label"},
        "parquet": {"premise": "premise", "hypothesis": "hypothesis", "label": "label"},
        "pair-lines": {"tokenizer": "spaces"},
    }
    metrics: ClassVar[tuple[str, ...]] = ("accuracy", "macro-f1")
    no_control: ClassVar[str] = TEXTS_DO_NOT_RECUR
    text_form: ClassVar[str] = f"premise {SEPARATOR} hypothesis"

    def slots(self, example: SentencePair) -> dict[str, list[Sentence]]:
        """Premise and hypothesis."""
        return {PREMISE: [example.premise], HYPOTHESIS: [example.hypothesis]}

    def items_of(self, example: SentencePair) -> list[tuple[str, str]]:
        """The pair: the words of both sentences, and the label."""
        return [(item_type([example.premise, example.hypothesis]), example.label)]

    def labels_of(self, example: SentencePair) -> list[str]:
        """The label."""
        return [example.label]

    def count(self, examples: Sequence[SentencePair]) -> SplitCounts:
        """Pairs, tokens of both sentences, and labels."""
        return SplitCounts(
            examples=len(examples),
            tokens=sum(len(example.tokens) for example in examples),
            labels=frequencies(example.label for example in examples),
        )

    def codec(self, train: Sequence[SentencePair], labels: Sequence[str] | None) -> LabelCodec:
        """The labels; see :func:`label_codec`."""
        return label_codec(train, labels)

    def gold(self, example: SentencePair) -> str:
        """The label."""
        return example.label

    def from_tokens(self, tokens: Sentence) -> SentencePair:
        """A pair from the tokens of a premise, ``|||`` and the tokens of a hypothesis."""
        return self.from_text(" ".join(tokens), tokenized=True)

    def from_text(self, text: str, *, tokenized: bool = False) -> SentencePair:
        """A pair from the text ``premise ||| hypothesis``.

        Raises:
            DataError: the text has no premise, no hypothesis, or more than one separator.
        """
        premise, hypothesis = two_texts(text, self.text_form, tokenized=tokenized)
        return SentencePair("text", premise, hypothesis, label="")


PIPELINE = Nli()
