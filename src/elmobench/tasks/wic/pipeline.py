"""Words in context (WiC): does a marked word mean the same in two sentences?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from elmobench.core.errors import DataError
from elmobench.data.cards.card_numbers import SplitCounts
from elmobench.data.cards.counts import frequencies
from elmobench.data.examples import MarkedPair, Sentence, Span
from elmobench.data.readers.tokenizers import TOKENIZERS
from elmobench.tasks.base import SEPARATOR, LabelCodec, Pipeline
from elmobench.tasks.codecs import label_codec
from elmobench.tasks.control_labels import ControlLabels, item_type

FIRST = "first"
SECOND = "second"
_RECORD_FIELDS = {
    "premise": "sentence1",
    "hypothesis": "sentence2",
    "label": "label",
    "premise_start": "start1",
    "premise_end": "end1",
    "hypothesis_start": "start2",
    "hypothesis_end": "end2",
}
"""The fields of WiC in SuperGLUE, as options of the readers of records."""


class Wic(Pipeline[MarkedPair]):
    """One label per pair of sentences with a marked word each. Each is encoded by itself."""

    name: ClassVar[str] = "wic"
    readers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "wic": {},
        "jsonl": _RECORD_FIELDS,
        "parquet": _RECORD_FIELDS,
        "marked-table": {},
    }
    metrics: ClassVar[tuple[str, ...]] = ("accuracy", "macro-f1")
    has_control: ClassVar[bool] = True
    text_form: ClassVar[str] = f"a [word] {SEPARATOR} the [word] again"

    def slots(self, example: MarkedPair) -> dict[str, list[Sentence]]:
        """Both sentences."""
        return {FIRST: [example.first], SECOND: [example.second]}

    def text_of(self, example: MarkedPair) -> str:
        """See :meth:`Pipeline.text_of`; the marked words are in brackets."""
        parts = []
        for tokens, (first, last) in zip(
            (example.first, example.second), example.marks, strict=True
        ):
            marked = f"[{' '.join(tokens[first : last + 1])}]"
            parts.append(" ".join((*tokens[:first], marked, *tokens[last + 1 :])))
        return f" {SEPARATOR} ".join(parts)

    def items_of(self, example: MarkedPair) -> list[tuple[str, str]]:
        """The pair: the two marked words as they are written, and the label."""
        (a, b), (c, d) = example.marks
        return [(item_type([example.first[a : b + 1], example.second[c : d + 1]]), example.label)]

    def control_examples(
        self, splits: Mapping[str, Sequence[MarkedPair]], labels: Sequence[str]
    ) -> dict[str, list[MarkedPair]]:
        """One random label for each pair of marked words, in their order and as they are written.

        The rest of the two sentences does not matter.
        """
        control = ControlLabels(labels, Counter(example.label for example in splits["train"]))
        return {
            split: [
                replace(example, label=control.label(self.items_of(example)[0][0]))
                for example in examples
            ]
            for split, examples in splits.items()
        }

    def labels_of(self, example: MarkedPair) -> list[str]:
        """The label."""
        return [example.label]

    def count(self, examples: Sequence[MarkedPair]) -> SplitCounts:
        """Pairs, tokens of both sentences, and labels."""
        return SplitCounts(
            examples=len(examples),
            tokens=sum(len(example.tokens) for example in examples),
            labels=frequencies(example.label for example in examples),
        )

    def codec(self, train: Sequence[MarkedPair], labels: Sequence[str] | None) -> LabelCodec:
        """The labels; see :func:`label_codec`."""
        return label_codec(train, labels)

    def gold(self, example: MarkedPair) -> str:
        """The label."""
        return example.label

    def from_tokens(self, tokens: Sentence) -> MarkedPair:
        """A pair from the tokens of both sentences with ``|||`` between and words in brackets."""
        return self.from_text(" ".join(tokens), tokenized=True)

    def from_text(self, text: str, *, tokenized: bool = False) -> MarkedPair:
        """A pair from the text ``a [word] ||| the [word] again``.

        Raises:
            DataError: there are not two sentences, or one has no marked word.
        """
        parts = text.split(SEPARATOR)
        if len(parts) != 2:
            raise self._not_marked(text)
        first, second = (self._marked(part, text, tokenized) for part in parts)
        return MarkedPair("text", first[0], second[0], (first[1], second[1]), label="")

    def _marked(self, part: str, text: str, tokenized: bool) -> tuple[Sentence, Span]:
        tokenize = TOKENIZERS["blanks" if tokenized else "words"]
        before, opening, rest = part.partition("[")
        word, closing, after = rest.partition("]")
        head, marked, tail = (tuple(tokenize(piece)) for piece in (before, word, after))
        if not opening or not closing or not marked:
            raise self._not_marked(text)
        return head + marked + tail, (len(head), len(head) + len(marked) - 1)

    def _not_marked(self, text: str) -> DataError:
        return DataError(
            "two sentences with a word in square brackets each are needed",
            where=text[:80] or "an empty text",
            fix=f"write '{self.text_form}', for example 'A [bank] opened. {SEPARATOR} We sat on "
            "the [bank].'",
        )


PIPELINE = Wic()
