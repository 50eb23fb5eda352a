"""Labels and characters of a training set, for the codecs of several pipelines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from elmobench.core.errors import DataError
from elmobench.tasks.base import LabelCodec


class Labelled(Protocol):
    """An example with an id and one label."""

    @property
    def id(self) -> str:
        """The example's id."""

    @property
    def label(self) -> str:
        """The example's label."""


def label_codec(train: Sequence[Labelled], labels: Sequence[str] | None) -> LabelCodec:
    """A codec of the card's labels in their order or, without a list, of those in ``train``.

    Labels that come from ``train`` are sorted.

    Raises:
        DataError: an example has a label that the card does not list, or ``train`` is empty and
            the card lists none.
    """
    if labels is None:
        occurring = sorted({example.label for example in train})
        if not occurring:
            raise DataError("there is no training example to take labels from")
        return LabelCodec(labels=occurring)
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
    """The distinct characters of ``sentences``, sorted, as one string.

    >>> characters_of([["a", "cab"], ["b"]])
    'abc'
    """
    return "".join(sorted({char for tokens in sentences for token in tokens for char in token}))
