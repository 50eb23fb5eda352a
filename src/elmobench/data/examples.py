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


def as_sentence(tokens: Sequence[str]) -> Sentence:
    """``tokens`` as a tuple. Raises TypeError for a bare string, a common slip."""
    if isinstance(tokens, str):
        raise TypeError(f"a sentence is a sequence of tokens, not a string: {tokens[:40]!r}")
    return tuple(tokens)
