"""Lone surrogates: halves of characters, which JSON can state and UTF-8 cannot write."""

from __future__ import annotations

import re
from typing import Final

SURROGATE: Final = re.compile("[\ud800-\udfff]")
"""One lone surrogate."""


def replace_surrogates(text: str) -> str:
    r"""``text`` with U+FFFD in place of each lone surrogate, for libraries that take no others.

    >>> replace_surrogates("a\ud800") == "a\N{REPLACEMENT CHARACTER}"
    True
    """
    return SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def escape_surrogates(text: str) -> str:
    r"""Write lone surrogates of a JSON text as JSON's own escapes, ``\ud800``; the rest stays.

    >>> escape_surrogates('"a\ud800"') == '"a' + chr(92) + 'ud800"'
    True
    """
    return SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
