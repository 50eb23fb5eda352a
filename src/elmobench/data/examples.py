"""Examples: one frozen structure for each kind of annotation. Text is already tokenised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Sentence: TypeAlias = tuple[str, ...]
"""A tokenised sentence. Interfaces accept any ``Sequence[str]``; examples hold tuples."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A labelled part of a sentence: tokens ``[start, end)``."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class ClassifiedText:
    """One text with one label, and labelled phrases inside it where the data has them.

    ``phrases`` holds every sub-tree of a treebank sentence, the whole sentence included.
    """

    id: str
    tokens: Sentence
    label: str
    phrases: tuple[Phrase, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class TaggedSentence:
    """One sentence with one tag a token (BIO for spans, plain tags for POS)."""

    id: str
    tokens: Sentence
    tags: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.tokens) != len(self.tags):
            raise ValueError(f"{self.id}: {len(self.tokens)} tokens but {len(self.tags)} tags")


@dataclass(frozen=True, slots=True)
class SentencePair:
    """A premise, a hypothesis, and what the one says of the other."""

    id: str
    premise: Sentence
    hypothesis: Sentence
    label: str

    @property
    def tokens(self) -> Sentence:
        """Both sentences, the premise first; for counting and for hashed splits."""
        return self.premise + self.hypothesis


@dataclass(frozen=True, slots=True)
class Proposition:
    """One predicate of a sentence and its arguments.

    Attributes:
        tokens: the sentence; propositions of one sentence hold equal tokens.
        predicate: index of the predicate's token.
        tags: one BIO tag a token over role labels. The predicate itself is tagged V; ``C-X``
            labels continue an argument X to their left, ``R-X`` refer to one.
        roleset: the predicate's sense (``get.01``), where known.
    """

    id: str
    tokens: Sentence
    predicate: int
    tags: tuple[str, ...]
    roleset: str | None = None

    def __post_init__(self) -> None:
        if len(self.tokens) != len(self.tags):
            raise ValueError(f"{self.id}: {len(self.tokens)} tokens but {len(self.tags)} tags")
        if not 0 <= self.predicate < len(self.tokens):
            raise ValueError(f"{self.id}: no token {self.predicate} to be the predicate")


def as_sentence(tokens: Sequence[str]) -> Sentence:
    """``tokens`` as a tuple. Raises TypeError for a bare string, a common slip."""
    if isinstance(tokens, str):
        raise TypeError(f"a sentence is a sequence of tokens, not a string: {tokens[:40]!r}")
    return tuple(tokens)
