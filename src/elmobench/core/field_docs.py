"""Descriptions of a model's fields, taken from the docstrings of its class."""

from __future__ import annotations

import inspect
import re
from typing import Any

_ENTRY = re.compile(r"^    ([\w, ]+): (.*)$")
_SECTION = re.compile(r"^(Attributes|Args|Raises|Returns):$")
_MARKUP = re.compile(r":\w+:`~?([^`]*)`|`+")


def described_attributes(kind: type[Any]) -> dict[str, str]:
    """Field -> its text in the block ``Attributes:`` of the class's own docstring.

    >>> class Box:
    ...     '''A box.
    ...
    ...     Attributes:
    ...         width, height: in metres,
    ...             inside.
    ...     '''
    >>> described_attributes(Box)
    {'width': 'in metres, inside.', 'height': 'in metres, inside.'}
    """
    found: dict[str, str] = {}
    names: list[str] = []
    inside = False
    for line in inspect.cleandoc(kind.__doc__ or "").splitlines():
        if _SECTION.match(line):
            inside = line == "Attributes:"
            continue
        entry = _ENTRY.match(line) if inside else None
        if entry is not None:
            names = [name.strip() for name in entry[1].split(",")]
            found |= dict.fromkeys(names, entry[2].strip())
        elif inside and line.startswith("     ") and names:
            text = f"{found[names[0]]} {line.strip()}"
            found |= dict.fromkeys(names, text)
    return found


def summary(kind: type[Any]) -> str:
    """The docstring of a class up to its first section, as plain text.

    >>> summary(dict)[:4]
    'dict'
    """
    lines = []
    for line in inspect.cleandoc(kind.__doc__ or "").splitlines():
        if _SECTION.match(line) or line.startswith(">>>"):
            break
        lines.append(line)
    return plain("\n".join(lines))


def plain(text: str) -> str:
    """Text on one line, without the markup of docstrings.

    >>> plain("See :class:`Box`,  with ``x``.")
    'See Box, with x.'
    """
    return _MARKUP.sub(lambda found: found[1] or "", " ".join(text.split()))
