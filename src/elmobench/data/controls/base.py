"""Base class of generators of control tasks, and draws that no Python version changes."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import MutableSequence, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import Field, model_validator

from elmobench.core.registry import Registry
from elmobench.core.strict_model import StrictModel

O = TypeVar("O", bound="GeneratorOptions")  # noqa: E741
T = TypeVar("T")


class Sizes(StrictModel):
    """Examples in each split; even numbers, since examples come in pairs."""

    train: int = Field(default=600, ge=2, multiple_of=2)
    """Number of training examples."""
    dev: int = Field(default=150, ge=2, multiple_of=2)
    """Number of dev examples."""
    test: int = Field(default=300, ge=2, multiple_of=2)
    """Number of test examples."""

    def items(self) -> list[tuple[str, int]]:
        """Splits and sizes, in the order in which they are generated."""
        return [("train", self.train), ("dev", self.dev), ("test", self.test)]


class GeneratorOptions(StrictModel):
    """Options that all generators have. Unknown options are errors."""

    seed: int = 1802
    """Seed of the random choices."""
    sizes: Sizes = Sizes()
    """Number of examples in each split."""
    ambiguous: float = Field(default=0.6, ge=0, le=1)
    """Share of examples that cannot be decided without context."""

    @model_validator(mode="after")
    def _share_is_possible(self) -> GeneratorOptions:
        for _, size in self.sizes.items():
            self.ambiguous_pairs(size)
        return self

    def ambiguous_pairs(self, size: int) -> int:
        """Pairs of ambiguous examples among ``size`` examples."""
        pairs = round(size * self.ambiguous / 2)
        if abs(2 * pairs - size * self.ambiguous) > 1:
            raise ValueError(f"{self.ambiguous} of {size} examples are not whole pairs")
        return pairs


class Generator(ABC, Generic[O]):
    """Makes the examples of all splits from a seed, the same ones on every machine.

    Attributes:
        name: registered name.
        version: raised by hand when the same options give other examples.
        options_type: class of its options.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    options_type: type[O]

    @abstractmethod
    def generate(self, options: O) -> dict[str, list[Any]]:
        """Make the examples of every split; no text is in two splits."""

    @abstractmethod
    def context_free_ceiling(self, examples: Sequence[Any]) -> float:
        """The best score, in percent, that a model without context can reach on ``examples``."""


GENERATORS: Registry[Generator[Any]] = Registry("generator", "elmobench.generators")
GENERATORS.add_lazy(
    "control-ner", "elmobench.data.controls.ner:GENERATOR", "names of persons or places"
)
GENERATORS.add_lazy(
    "control-sentiment",
    "elmobench.data.controls.sentiment:GENERATOR",
    "the same words in two orders, with opposite labels",
)
GENERATORS.add_lazy(
    "control-pos", "elmobench.data.controls.pos:GENERATOR", "words that can be a noun or a verb"
)
GENERATORS.add_lazy(
    "control-chunking",
    "elmobench.data.controls.chunking:GENERATOR",
    "words that can be a noun phrase or a verb phrase",
)
GENERATORS.add_lazy(
    "control-nli",
    "elmobench.data.controls.nli:GENERATOR",
    "the same words in two orders: who did what to whom",
)
GENERATORS.add_lazy(
    "control-multilabel",
    "elmobench.data.controls.multilabel:GENERATOR",
    "the same words in two orders, with different sets of labels",
)
GENERATORS.add_lazy(
    "control-regression",
    "elmobench.data.controls.regression:GENERATOR",
    "the same words in two orders, with different numbers",
)
GENERATORS.add_lazy(
    "control-pair-regression",
    "elmobench.data.controls.regression:PAIR_GENERATOR",
    "pairs with the same words in two orders, with different numbers",
)
GENERATORS.add_lazy(
    "control-srl",
    "elmobench.data.controls.srl:GENERATOR",
    "semantic roles that only the voice of the clause decides",
)
GENERATORS.add_lazy(
    "control-edges",
    "elmobench.data.controls.edges:GENERATOR",
    "edges from a predicate to its arguments, whose role only the voice of the clause decides",
)
GENERATORS.add_lazy(
    "control-tree-distance",
    "elmobench.data.controls.trees:GENERATOR",
    "trees in which only the order of two verbs says what goes with which",
)
GENERATORS.add_lazy(
    "control-tree-depth",
    "elmobench.data.controls.trees:DEPTH_GENERATOR",
    "the same trees, in which only the order of two verbs says which one is the root",
)
GENERATORS.add_lazy(
    "control-qa",
    "elmobench.data.controls.qa:GENERATOR",
    "who won and who lost, which only the words next to a name decide",
)
GENERATORS.add_lazy(
    "control-wsd",
    "elmobench.data.controls.wsd:GENERATOR",
    "nouns that can mean an animal or a thing",
)
GENERATORS.add_lazy(
    "control-wic",
    "elmobench.data.controls.wic:GENERATOR",
    "a noun in two sentences, in the same sense or in two",
)
GENERATORS.add_lazy(
    "control-coref",
    "elmobench.data.controls.coref:GENERATOR",
    "a pronoun and two names; a noun next to each name gives the gender",
)
GENERATORS.add_lazy(
    "control-both-sides",
    "elmobench.data.controls.both_sides:GENERATOR",
    "whether the nouns before and after a verb have the same kind",
)
GENERATORS.add_lazy(
    "control-word-knowledge",
    "elmobench.data.controls.word_knowledge:GENERATOR",
    "animals and things, other words in train than in test",
)


class StableRandom:
    """Seeded draws that use ``random.Random.random`` alone.

    Python promises that its sequence never changes for a seed; it does not promise that for
    ``choice`` or ``shuffle``.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def below(self, n: int) -> int:
        """An integer in [0, n)."""
        return int(self._random.random() * n)

    def choice(self, items: Sequence[T]) -> T:
        """One of ``items``."""
        return items[self.below(len(items))]

    def chance(self, share: float) -> bool:
        """True with probability ``share``."""
        return self._random.random() < share

    def shuffle(self, items: MutableSequence[T]) -> None:
        """Reorder ``items`` in place (Fisher and Yates)."""
        for i in range(len(items) - 1, 0, -1):
            j = self.below(i + 1)
            items[i], items[j] = items[j], items[i]
