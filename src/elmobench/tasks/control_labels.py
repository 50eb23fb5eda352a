"""Control labels (Hewitt and Liang 2019): random labels that depend on the word type alone."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

CONTROL_VERSION = 1
"""Raised by hand when control labels are drawn differently; part of a control cell's identity."""


TEXTS_DO_NOT_RECUR = (
    "its texts are whole sentences, which do not occur in train and in test alike: a random label "
    "for each text cannot be learned, so the score would be that of guessing for every probe"
)
"""Why pipelines with one label per text have no control."""


def item_type(spans: Iterable[Sequence[str]]) -> str:
    r"""The type of an item with one or more spans: the words of each.

    >>> item_type([["New", "York"], ["in"]])
    'New York\nin'
    """
    return "\n".join(" ".join(words) for words in spans)


def share_in_train(train: Iterable[str], other: Sequence[str]) -> float | None:
    """The share of the items of another split whose type occurs in train; None without items.

    Only those have control labels that can be known; all others can only be guessed.

    >>> share_in_train(["the", "dog"], ["the", "cat", "the", "dog"])
    0.75
    """
    known = set(train)
    return sum(one in known for one in other) / len(other) if other else None


class ControlLabels:
    """One label for every word type, drawn from a distribution of labels by a hash of the word.

    A probe can get such labels right only by remembering them word by word. Its score on them is
    therefore what it owes to its own capacity, and the score on the given labels minus this one is
    its *selectivity*. Source: Hewitt and Liang (2019), "Designing and Interpreting Probes with
    Control Tasks".

    The label of a word is the quantile function of the distribution at the word's SHA-256, so it
    is the same in all splits, for all seeds and for all representations.

    >>> control = ControlLabels(["DET", "NOUN"], {"DET": 1, "NOUN": 3})
    >>> [control.label(word) for word in ("the", "river", "runs", "the")]
    ['NOUN', 'NOUN', 'DET', 'NOUN']

    Args:
        labels: the labels in their order, which decides what interval each label has.
        counts: how often each label occurs; labels that are not listed are not drawn.

    Raises:
        ValueError: no label has a count.
    """

    def __init__(self, labels: Sequence[str], counts: Mapping[str, int]) -> None:
        self._labels = [label for label in labels if counts.get(label, 0) > 0]
        self._bounds = list(accumulate(counts[label] for label in self._labels))
        if not self._bounds:
            raise ValueError("there is no label to draw")

    def label(self, word: str) -> str:
        """The label of the word type ``word``; upper and lower case are different types.

        For items that are no words it is that of :func:`item_type`.
        """
        number = int.from_bytes(hashlib.sha256(word.encode("utf-8")).digest()[:8], "big")
        # In whole numbers: the interval of a label is exactly as wide as its count says.
        return self._labels[bisect_right(self._bounds, number * self._bounds[-1] >> 64)]
