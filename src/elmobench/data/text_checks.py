"""Texts and labels that no data set means: they cannot be stored, or look like another label."""

from __future__ import annotations

import unicodedata

from elmobench.core.errors import DataError
from elmobench.core.quoting import quoted
from elmobench.core.surrogates import SURROGATE

_NUL = "\0"


def check_text(text: str, what: str, where: str) -> None:
    r"""Raise DataError for a text with a lone surrogate or U+0000, which cannot be stored.

    JSON can state half of a character by an escape, ``"\ud83d"``, which UTF-8 cannot write; other
    formats cannot. HDF5 ends a text at U+0000.

    Args:
        text: to be checked.
        what: what it is, for the error: ``the premise``.
        where: file and line.

    >>> check_text("caf\u00e9 \U0001f600", "the text", "a.jsonl:1")
    """
    if _NUL in text:
        raise DataError(
            f"{what} has the character U+0000 at position {text.index(_NUL) + 1}",
            where=where,
            fix="remove it",
        )
    found = None if text.isascii() else SURROGATE.search(text)
    if found is not None:
        raise DataError(
            f"{what} has half of a character, U+{ord(found[0]):04X} at position "
            f"{found.start() + 1}, which cannot be written as UTF-8",
            where=where,
            fix="write the whole character, or remove the escape",
        )


def check_label(label: str, where: str, fix: str | None = None) -> None:
    """Raise DataError for a label that is empty, has blanks around it, or cannot be shown.

    ``"pos"`` and ``"pos "`` would be two classes. Blanks around a label are an error rather than
    cut, because readers repair nothing silently.

    Args:
        label: a whole field of the data.
        where: file and line.
        fix: what to do about blanks around it, such as an option of the reader.

    >>> check_label("not bad", "a.tsv:1")
    """
    stripped = label.strip()
    if not stripped:
        raise DataError("the label is empty", where=where, kind="empty-label")
    if stripped == label and label.isprintable():
        return
    check_text(label, "the label", where)
    if stripped != label:
        raise DataError(f"the label {quoted(label)} has blanks around it", where=where, fix=fix)
    control = next((char for char in label if unicodedata.category(char) == "Cc"), None)
    if control is not None:
        raise DataError(
            f"the label {quoted(label)} has the control character U+{ord(control):04X}", where=where
        )
