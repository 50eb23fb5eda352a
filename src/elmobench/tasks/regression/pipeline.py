"""Regression on texts (ratings) and on pairs of texts (semantic textual similarity)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from elmobench.core.errors import DataError
from elmobench.data.examples import RatedPair, RatedText, Sentence
from elmobench.data.label_kinds import LabelKind
from elmobench.tasks.base import SEPARATOR, LabelCodec, Pipeline
from elmobench.tasks.control_labels import TEXTS_DO_NOT_RECUR
from elmobench.tasks.two_texts import two_texts

TEXT = "text"
FIRST = "first"
SECOND = "second"
MEAN = "mean"
SPREAD = "spread"


class Rated(Protocol):
    """An example with an id and one number."""

    @property
    def id(self) -> str:
        """The example's id."""

    @property
    def value(self) -> float:
        """Its number."""


R = TypeVar("R", bound=Rated)


def number_codec(train: Sequence[Rated]) -> LabelCodec:
    """A codec with the mean and standard deviation of the numbers in ``train``.

    Heads predict standardised numbers: what they learn does not depend on the unit. If all numbers
    are equal, the deviation counts as 1.

    Raises:
        DataError: ``train`` is empty.
    """
    values = [example.value for example in train]
    if not values:
        raise DataError("there is no training example to take numbers from")
    mean = math.fsum(values) / len(values)
    centred = [value - mean for value in values]
    # Squares of very small numbers vanish; a power of two as the unit rounds nothing.
    _, exponent = math.frexp(max(map(abs, centred)))
    scaled = [math.ldexp(value, -exponent) for value in centred]
    variance = math.fsum(value**2 for value in scaled) / len(values)
    spread = math.ldexp(math.sqrt(variance), exponent)
    return LabelCodec(labels=[], extra={MEAN: mean, SPREAD: spread or 1.0})


class Regression(Pipeline[R], Generic[R]):
    """Base of the pipelines whose annotation is one number."""

    label_kind: ClassVar[LabelKind] = "number"
    reads_texts: ClassVar[bool] = True
    metrics: ClassVar[tuple[str, ...]] = ("pearson", "spearman")
    no_control: ClassVar[str] = TEXTS_DO_NOT_RECUR

    def gold(self, example: R) -> float:
        """The number."""
        return example.value

    def codec(self, train: Sequence[R], labels: Sequence[str] | None) -> LabelCodec:
        """Mean and standard deviation of the numbers in ``train``; see :func:`number_codec`.

        Raises:
            DataError: the card lists labels.
        """
        if labels:
            raise DataError(
                f"the card lists labels, but the pipeline {self.name} predicts numbers",
                fix="leave out 'labels', or use a pipeline of classes (sentiment, nli)",
            )
        return number_codec(train)

    def codec_of_part(self, codec: LabelCodec, part: Sequence[R]) -> LabelCodec:
        """Mean and standard deviation of the part: the rest of train must not be known."""
        return number_codec(part)

    def format_annotation(self, annotation: Any, tokens: Sequence[str] | None = None) -> str:
        """The number with at most six significant digits."""
        return f"{annotation:.6g}"

    def note_on(self, gold: Sequence[Any], predicted: Sequence[Any]) -> str | None:
        """A remark if all predictions are equal and the gold numbers are not."""
        if len(set(predicted)) == 1 < len(set(gold)):
            return (
                f"predicts {self.format_annotation(predicted[0])} throughout: its correlations are "
                "undefined and count as 0; it may need more epochs, patience or data"
            )
        return None


class TextRegression(Regression[RatedText]):
    """One number per text."""

    name: ClassVar[str] = "regression"
    readers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "table": {"text": "text", "label": "score", "delimiter": "tab"},
        "lines": {"label_field": "first"},
        "label-lines": {},
        "jsonl": {"text": "text", "label": "score"},
        "parquet": {"text": "text", "label": "score"},
    }

    def slots(self, example: RatedText) -> dict[str, list[Sentence]]:
        """The text."""
        return {TEXT: [example.tokens]}

    def from_tokens(self, tokens: Sentence) -> RatedText:
        """A text whose number is not known."""
        return RatedText(id="text", tokens=tokens, value=0.0)


class PairRegression(Regression[RatedPair]):
    """One number per pair of texts. Each text is encoded by itself."""

    name: ClassVar[str] = "pair-regression"
    readers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "pair-table": {
            "premise": "sentence1",
            "hypothesis": "sentence2",
            "label": "score",
            "delimiter": "tab",
            "tokenizer": "words",
        },
        "pair-jsonl": {"label": "score", "id": None},
        "jsonl": {"premise": "sentence1", "hypothesis": "sentence2", "label": "score"},
        "parquet": {"premise": "sentence1", "hypothesis": "sentence2", "label": "score"},
        "pair-lines": {"tokenizer": "spaces"},
    }
    text_form: ClassVar[str] = f"first text {SEPARATOR} second text"

    def slots(self, example: RatedPair) -> dict[str, list[Sentence]]:
        """Both texts."""
        return {FIRST: [example.first], SECOND: [example.second]}

    def from_tokens(self, tokens: Sentence) -> RatedPair:
        """A pair from the tokens of a text, ``|||`` and the tokens of another one."""
        return self.from_text(" ".join(tokens), tokenized=True)

    def from_text(self, text: str, *, tokenized: bool = False) -> RatedPair:
        """A pair from the text ``first text ||| second text``.

        Raises:
            DataError: a text is missing, or there is more than one separator.
        """
        first, second = two_texts(text, self.text_form, tokenized=tokenized)
        return RatedPair("text", first, second, value=0.0)


TEXT_PIPELINE = TextRegression()
PAIR_PIPELINE = PairRegression()
