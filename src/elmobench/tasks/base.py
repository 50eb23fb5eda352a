"""Pipelines: the contract between a data set's examples and everything that is built on them.

This module and the pipelines' modules do not import torch, so data can be read, counted and shown
without it. What heads need is in :mod:`elmobench.tasks.head`.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import ConfigDict, Field

from elmobench.core.strict_model import StrictModel
from elmobench.data.cards.card_numbers import SplitCounts
from elmobench.data.examples import Sentence
from elmobench.data.label_kinds import LabelKind
from elmobench.data.readers.tokenizers import TOKENIZERS

E = TypeVar("E")
TypedSpan = tuple[str, int, int]
"""Type, first token and last token of a span; the last token is part of it."""
SEPARATOR = "|||"
"""Separates the two texts of an example that a user writes for ``predict``."""


class LabelCodec(StrictModel):
    """What a trained head must know about its training set to be used again; plain JSON."""

    model_config = ConfigDict(frozen=False)

    labels: list[str]
    """Output labels in index order."""
    extra: dict[str, Any] = Field(default_factory=dict)
    """Anything else that a head needs, for example the characters that occur."""


class HeadOptions(StrictModel):
    """Base of every head's options. Unknown options are errors."""

    def training_data(self) -> dict[str, Any]:
        """The options that :meth:`Pipeline.training_examples` reads; none unless overridden."""
        return {}


class Pipeline(ABC, Generic[E]):
    """A kind of task: how its examples are encoded, labelled, counted, scored and shown.

    Nothing outside a pipeline looks at the type of its examples or annotations. A pipeline of
    another package is therefore complete with the four abstract methods below. The methods with a
    default are worth overriding where the annotation has labels, spans or a readable form.

    An *annotation* is the value that the metric reads: what :meth:`gold` returns, and what the
    pipeline's heads predict. It must survive a round trip through JSON.

    Attributes:
        name: as registered.
        text_form: how a user writes a text of their own for ``predict``.
        annotation_repeats_text: whether :meth:`format_annotation` repeats the annotated tokens;
            where it does not, ``predict`` prints the text next to the prediction.
        reads_texts: whether all heads can read one vector per text in place of one per token.
        label_kind: what readers of texts and pairs take labels for: one class, a set of classes,
            or a number.
        labels_correspond: whether gold and predicted labels of an example belong together one by
            one, so that they can be counted in a confusion matrix.
        readers: readers that give this pipeline's examples, the usual one first, each with the
            options that ``elmobench new task`` writes into a card to begin with.
        metrics: metrics that read this pipeline's annotations, the usual one first.
        has_control: whether :meth:`control_examples` has control labels for this pipeline.
        no_control: why it has none, for the error that refuses them.
    """

    name: ClassVar[str]
    text_form: ClassVar[str] = "your own text"
    annotation_repeats_text: ClassVar[bool] = False
    reads_texts: ClassVar[bool] = False
    label_kind: ClassVar[LabelKind] = "class"
    labels_correspond: ClassVar[bool] = True
    readers: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    metrics: ClassVar[tuple[str, ...]] = ()
    has_control: ClassVar[bool] = False
    no_control: ClassVar[str] = "it defines none"

    # What an example consists of.

    @abstractmethod
    def slots(self, example: E) -> dict[str, list[Sentence]]:
        """The sentences to encode, by slot: ``{"premise": [...], "hypothesis": [...]}``.

        Every example of the pipeline has the same slots in the same order.
        """

    @abstractmethod
    def gold(self, example: E) -> Any:
        """The gold annotation."""

    def resampling_unit(self, example: E) -> str:
        """The unit that counts as a whole in significance tests: the example's id by default.

        A pipeline with several dependent examples per sentence or article returns the id of that
        sentence or article.
        """
        return str(example.id)  # type: ignore[attr-defined]

    def tokens(self, example: E) -> Sentence:
        """All tokens of the example: those of its slots, one sentence after another."""
        return tuple(
            token
            for sentences in self.slots(example).values()
            for sentence in sentences
            for token in sentence
        )

    def text_of(self, example: E) -> str:
        """The example as people read it: its tokens with blanks between, and ``|||`` between slots.

        Pipelines whose users write something else for ``predict`` show that.
        """
        return f" {SEPARATOR} ".join(
            " ".join(token for sentence in sentences for token in sentence)
            for sentences in self.slots(example).values()
        )

    # What a set of examples contains.

    def labels_of(self, example: E) -> Iterable[str]:
        """The labels or tags that occur in the example; none by default.

        They are checked against the labels that a card lists.
        """
        return ()

    def problem_of(self, example: E) -> str | None:
        """What makes the example unusable for every head; None, the default, if nothing does.

        Checked when a split is read, so that a run does not fail after it has begun.
        """
        return None

    def count(self, examples: Sequence[E]) -> SplitCounts:
        """Sizes of a split, to compare with those that a card states.

        By default the number of examples and of tokens in all slots; what a pipeline does not
        count is None.
        """
        tokens = sum(len(self.tokens(example)) for example in examples)
        return SplitCounts(examples=len(examples), tokens=tokens)

    # What heads train on.

    def training_examples(self, examples: Sequence[E], options: HeadOptions) -> list[E]:
        """What a head trains on: the examples themselves, or for instance their sub-trees."""
        return list(examples)

    @abstractmethod
    def codec(self, train: Sequence[E], labels: Sequence[str] | None) -> LabelCodec:
        """Collect what a head must know of the training set: its labels and, for some, characters.

        Args:
            train: the training set.
            labels: the labels that the task card lists; None to take those in ``train``.
        """

    def codec_of_part(self, codec: LabelCodec, part: Sequence[E]) -> LabelCodec:
        """The codec of a head that is trained on a part of the training set, by default the same.

        Args:
            codec: that of the whole training set: a part may lack a rare label, which must still
                have an index.
            part: the examples that the head is trained on.
        """
        return codec

    def control_examples(
        self, splits: Mapping[str, Sequence[E]], labels: Sequence[str]
    ) -> dict[str, list[E]]:
        """The same examples with control labels, which depend on the types of items alone.

        An item is what has one label (:meth:`items_of`). See
        :class:`~elmobench.tasks.control_labels.ControlLabels`.

        Args:
            splits: the examples by split; the labels are drawn from the distribution in ``train``.
            labels: all labels of the task in their order.

        Raises:
            NotImplementedError: the pipeline has none (``has_control`` is false).
        """
        raise NotImplementedError(f"pipeline {self.name} has no control labels: {self.no_control}")

    def items_of(self, example: E) -> list[tuple[str, str]]:
        """The labelled items of an example: the type and the label of each; none by default.

        A type is what can be known of an item without its context: a word, or the words of both
        spans of a pair. Control labels and the head ``majority`` depend on it alone.
        """
        return []

    # What an annotation says.

    def annotation_labels(self, annotation: Any) -> list[str]:
        """The labels or tags in an annotation; by default a string is a label of its own."""
        return [annotation] if isinstance(annotation, str) else []

    def note_on(self, gold: Sequence[Any], predicted: Sequence[Any]) -> str | None:
        """A remark for the record if the predictions show that the head has not learned.

        By default: every prediction has one label, and gold annotations have several.
        """
        found, known = (
            {label for annotation in side for label in self.annotation_labels(annotation)}
            for side in (predicted, gold)
        )
        if len(found) == 1 < len(known):
            (label,) = found
            return f"predicts {label!r} throughout: it may need more epochs, patience or data"
        return None

    def annotation_spans(self, annotation: Any) -> list[TypedSpan] | None:
        """The typed spans that an annotation marks; None if the pipeline marks none."""
        return None

    def format_annotation(self, annotation: Any, tokens: Sequence[str] | None = None) -> str:
        """A gold annotation or a prediction as one line of text.

        By default a string is shown as it is and anything else as JSON.

        Args:
            annotation: as the metric reads it; None is a question without an answer.
            tokens: the tokens that it annotates (:meth:`tokens`), if they are known.
        """
        if annotation is None:
            return "no answer"
        if isinstance(annotation, str):
            return annotation
        return json.dumps(annotation, ensure_ascii=False)

    # Examples from a user's own text.

    @abstractmethod
    def from_tokens(self, tokens: Sentence) -> E:
        """An unlabelled example from a user's own text, for ``predict``."""

    def from_text(self, text: str, *, tokenized: bool = False) -> E:
        """An unlabelled example from a string.

        The string is cut into words, or at blanks and tabs only if it is ``tokenized``. A pipeline
        whose examples are more than one sentence overrides this method.
        """
        return self.from_tokens(tuple(TOKENIZERS["blanks" if tokenized else "words"](text)))
