"""Decide from several lines of a text file how many values each word has."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from elmobench.core.errors import ModelError
from elmobench.features.static.formats import WIDEST

_SEPARATORS: Final = re.compile(rb"[ \t]+")
_NUMBER: Final = re.compile(rb"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_LONGEST_NUMBER: Final = 400
_SHOWN: Final = 60


@dataclass(frozen=True)
class Layout:
    """How the rows of a text file are written.

    Attributes:
        dim: values per row, D.
        single_blanks: whether single blanks separate all fields of the sample.
    """

    dim: int
    single_blanks: bool


def layout_of(sample: Sequence[bytes], dim: int | None, where: str, *, first: int) -> Layout:
    """Return the layout of the rows of a file.

    A row is a word and D numbers, separated by blanks or tabs. Words may contain blanks and single
    rows may be damaged, so D is the most frequent number of fields after the first one, which at
    least half of the lines must have. Every row is checked against it when it is read.

    Args:
        sample: the first lines, without blanks at their ends.
        dim: D if a header states it; the rows themselves are then checked when they are read.
        where: the file, for messages.
        first: number of the sample's first line.

    Raises:
        ModelError: the lines are not rows of word vectors; the message shows one of them.
    """
    single_blanks = not any(b"\t" in line or b"  " in line for line in sample)
    if dim is not None:
        if not 1 <= dim <= WIDEST:
            raise ModelError(
                f"the header announces vectors of {dim} values",
                where=f"{where}:1",
                fix=f"use a file with 1 to {WIDEST:,} values per word",
            )
        return Layout(dim, single_blanks)
    widths = [len(_SEPARATORS.findall(line)) for line in sample]
    found, rows = Counter(widths).most_common(1)[0]
    if not 1 <= found <= WIDEST:
        problem, odd = "there are no vectors in the first lines", 0
    elif 2 * rows < len(sample):
        problem = "the first lines are not rows of one length"
        odd = next(i for i, width in enumerate(widths) if width != widths[0])
        problem += f": {widths[0]} values, then {widths[odd]}"
    else:
        return Layout(found, single_blanks)
    raise ModelError(
        f"{problem}; the line is {shown(sample[odd])}",
        where=f"{where}:{first + odd}",
        fix=_advice(sample[odd]),
    )


def is_number(piece: bytes) -> bool:
    """Whether a field is a number; infinities and NaN are, and reported by a later check."""
    if len(piece) > _LONGEST_NUMBER:
        return False
    return _NUMBER.fullmatch(piece) is not None or piece.lower().lstrip(b"+-") in (b"nan", b"inf")


def shown(text: bytes) -> str:
    """The beginning of some bytes of a file, quoted, for messages."""
    start = repr(text[:_SHOWN].decode("utf-8", "replace"))
    return start if len(text) <= _SHOWN else f"{start}..."


def _advice(line: bytes) -> str:
    if b"," in line or b";" in line:
        return (
            "write each line as word, blank, values with decimal points and blanks between them; "
            "commas and semicolons are not read"
        )
    return "check the format option; each line is a word, a blank, and values with blanks between"
