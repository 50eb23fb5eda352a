"""Files with one text per line whose first or last part is the label, or with tags in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from elmobench.data.blanks import split_blanks
from elmobench.data.tag_schemes import detected_scheme

_FEW = 100
"""More labels than this are no classes."""
_SEPARATORS = ((" ", "first"), ("\t", "first"), ("@", "last"), ("\t", "last"), ("|", "last"))


def labelled_line_options(lines: Sequence[str]) -> tuple[dict[str, Any], list[str]] | None:
    """Options of the reader ``lines`` and the labels of the lines; None if they have no labels.

    Labels have letters and no blanks, every line has one, and each occurs in 3 lines on average.

    >>> labelled_line_options(["good@pos", "bad@neg", "so bad@neg"] * 2)
    ({'label_field': 'last', 'separator': '@'}, ['neg', 'pos'])
    """
    texts = [line for line in lines if line.strip()]
    for separator, place in _SEPARATORS:
        cut = [
            line.partition(separator) if place == "first" else line.rpartition(separator)[::-1]
            for line in texts
        ]
        if not all(label and found and text.strip() for label, found, text in cut):
            continue
        labels = sorted({label for label, _, _ in cut})
        are_words = all(" " not in label and any(map(str.isalpha, label)) for label in labels)
        if are_words and 2 <= len(labels) <= min(_FEW, len(texts) / 3):
            return {"label_field": place, "separator": separator}, labels
    return None


def word_tag_options(lines: Sequence[str]) -> dict[str, Any] | None:
    """Options of the reader ``word-tags``; None unless every word has a tag that recurs.

    >>> word_tag_options(["The/DT end/NN", "An/DT end/NN"])
    {'scheme': 'none'}
    """
    parts = [part for line in lines for part in split_blanks(line)]
    tags = [part.rpartition("/") for part in parts]
    if not parts or len(parts) < 2 * len(lines) or not all(word and tag for word, _, tag in tags):
        return None
    if len({tag for _, _, tag in tags}) > len(tags) / 2:
        return None
    sentences = [[part.rpartition("/")[2] for part in split_blanks(line)] for line in lines]
    return {"scheme": detected_scheme(sentences) or "none"}
