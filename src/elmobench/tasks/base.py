"""Pipelines: the contract between a data set's examples and what is built on them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from elmobench.data.examples import Sentence
from elmobench.data.readers.tokenizers import TOKENIZERS

E = TypeVar("E")

SEPARATOR = "|||"
"""Between the two texts of an example that a user writes for ``predict``."""


class LabelCodec(BaseModel):
    """What a head must remember of the training set to be used again; plain JSON.

    Attributes:
        labels: output labels in index order.
        extra: anything else, for example the characters seen.
    """

    model_config = ConfigDict(extra="forbid")

    labels: list[str]
    extra: dict[str, Any] = Field(default_factory=dict)


class HeadOptions(BaseModel):
    """Base of every head's options. Unknown options are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def training_data(self) -> dict[str, Any]:
        """The options that :meth:`Pipeline.training_examples` reads; none unless overridden."""
        return {}


class Pipeline(ABC, Generic[E]):
    """A kind of task: how examples become context units, labels, heads and scores.

    Attributes:
        name: as registered.
        text_form: how a user's own text is written for ``predict``.

    ``readers`` and ``metrics`` are what ``elmobench new task`` writes into a card to fill in.
    """

    name: ClassVar[str]
    text_form: ClassVar[str] = "your own text"
    readers: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Readers that give its examples, the usual one first, and options to begin with."""
    metrics: ClassVar[tuple[str, ...]] = ()
    """Metrics that read its predictions, the usual one first."""

    @abstractmethod
    def slots(self, example: E) -> dict[str, list[Sentence]]:
        """The sentences to encode, by unit name."""

    def training_examples(self, examples: Sequence[E], options: HeadOptions) -> list[E]:
        """What a head trains on: the examples themselves, or for instance their sub-trees."""
        return list(examples)

    @abstractmethod
    def codec(self, train: Sequence[E], labels: Sequence[str] | None) -> LabelCodec:
        """Labels (from the card if it lists them, else as found) and other training state."""

    @abstractmethod
    def gold(self, example: E) -> Any:
        """The gold annotation, of the form that the metric reads."""

    def resampling_unit(self, example: E) -> str:
        """What stands or falls together in tests of significance: the id of the example, or of
        what several examples are drawn from.
        """
        return str(example.id)  # type: ignore[attr-defined]

    @abstractmethod
    def from_tokens(self, tokens: Sentence) -> E:
        """An unlabelled example from a user's own text, for ``predict``."""

    def from_text(self, text: str, *, tokenized: bool = False) -> E:
        """The same from a string: cut into words, or at white space if it is ``tokenized``.

        A pipeline whose examples are more than one sentence overrides it.
        """
        return self.from_tokens(tuple(TOKENIZERS["whitespace" if tokenized else "words"](text)))
