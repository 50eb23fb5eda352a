"""What labels of texts and pairs are: one class, a set of them, or a number."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from elmobench.core.errors import DataError
from elmobench.core.quoting import quoted

LabelKind: TypeAlias = Literal["class", "set", "number"]
"""What a pipeline needs labels to be: one class, any number of classes, or one number."""


@dataclass(frozen=True)
class LabelForm:
    """How the labels of a file are written, and what they are.

    Attributes:
        kind: what they are.
        names: other names for classes.
        separator: what is between the labels of a text that has several in one field.
        strip: whether blanks around each of them are cut.
    """

    kind: LabelKind = "class"
    names: Mapping[str, str] = field(default_factory=dict)
    separator: str = ","
    strip: bool = False

    def split(self, label: str) -> list[str]:
        """The labels in one field; an empty field has none.

        >>> LabelForm("set").split("joy,love"), LabelForm("set").split("")
        (['joy', 'love'], [])
        """
        if not label.strip():
            return []
        parts = label.split(self.separator)
        return [part.strip() for part in parts] if self.strip else parts


LARGEST = 1e100
"""Larger numbers are not read: their squares would not be finite."""

NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
"""A decimal number as JSON has it, also with a plus sign or without a digit before the point."""


def number_of(label: str, where: str) -> float:
    """The number that a label is.

    >>> number_of("3.50", "a.tsv:1")
    3.5

    Args:
        label: as the file has it, or renamed by the reader's options.
        where: file and line.

    Raises:
        DataError: it is no finite decimal number, or too large.
    """
    if not NUMBER.fullmatch(label):
        raise DataError(
            f"the label {quoted(label)} is no number",
            where=where,
            fix="this pipeline predicts numbers, written as 3.5, not 3,5: check the column of the "
            "label",
        )
    value = float(label)
    if not math.isfinite(value) or abs(value) > LARGEST:
        raise DataError(f"the label {quoted(label)} is beyond 1e100", where=where)
    return value
