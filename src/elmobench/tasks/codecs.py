"""What the pipelines' codecs have in common: labels and characters of the training set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from elmobench.core.errors import DataError
from elmobench.tasks.base import LabelCodec


class Labelled(Protocol):
    """What an example must have."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def label(self) -> str:
        """Its label."""


def label_codec(train: Sequence[Labelled], labels: Sequence[str] | None) -> LabelCodec:
    """The card's labels in its order, else those found, sorted.

    Raises:
        DataError: if an example has a label that the card does not list, or there is none.
    """
    if labels is None:
        found = sorted({example.label for example in train})
        if not found:
            raise DataError("there is no training example to take labels from")
        return LabelCodec(labels=found)
    known = set(labels)
    for example in train:
        if example.label not in known:
            raise DataError(
                f"label {example.label!r} is not among the card's {', '.join(labels)}",
                where=f"example {example.id}",
                fix="correct the card's labels or its reader's options",
            )
    return LabelCodec(labels=list(labels))


def characters_of(sentences: Iterable[Sequence[str]]) -> str:
    """All characters of ``sentences``, sorted, as one string."""
    return "".join(sorted({char for tokens in sentences for token in tokens for char in token}))
