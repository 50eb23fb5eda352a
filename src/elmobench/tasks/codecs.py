"""Labels and characters of a training set, for the codecs of several pipelines."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
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


def labels_of_sets(
    occurring: Collection[str], labels: Sequence[str] | None, nothing: str
) -> list[str]:
    """The card's labels in their order or, without a list, those that occur in train, sorted.

    Args:
        occurring: the labels in train.
        labels: those of the card, or None.
        nothing: the message if there is no label at all.

    Raises:
        DataError: there is no label, or train has one that the card does not list.
    """
    known = sorted(occurring) if labels is None else list(labels)
    if not known:
        raise DataError(nothing)
    unknown = sorted(set(occurring) - set(known))
    if unknown:
        raise DataError(
            f"label {unknown[0]!r} is not among the card's {', '.join(known)}",
            fix="correct the card's labels or its reader's options",
        )
    return known


def label_number(index: Mapping[str, int], label: str, example_id: str) -> int:
    """The number of a label in ``index``, which has all labels of a head in their order.

    >>> label_number({"bad": 0, "good": 1}, "good", "train-1")
    1

    Raises:
        DataError: the head has no such label.
    """
    number = index.get(label)
    if number is None:
        raise DataError(
            f"label {label!r} is not among {', '.join(index)}",
            where=f"example {example_id}",
            fix="list it in the task card's labels, or leave out such examples in the reader",
        )
    return number


def characters_of(sentences: Iterable[Sequence[str]]) -> str:
    """The distinct characters of ``sentences``, sorted, as one string.

    >>> characters_of([["a", "cab"], ["b"]])
    'abc'
    """
    return "".join(sorted({char for tokens in sentences for token in tokens for char in token}))
