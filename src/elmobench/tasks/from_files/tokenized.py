"""Whether texts are tokenised already."""

from __future__ import annotations

import re
from collections.abc import Sequence

_APART = re.compile(r"\w [.,!?;:](?: |$)")
_JOINED = re.compile(r"\w[.,!?;:](?:\s|$)")

TOKENIZED = {
    True: "blanks stand before punctuation: the texts are tokenised",
    False: "punctuation is joined to words",
}
"""Why a tokenizer is chosen, by :func:`is_tokenized`."""


def is_tokenized(texts: Sequence[str]) -> bool:
    """Whether a blank stands before most of the punctuation.

    >>> is_tokenized(["a fine film , too long ."]), is_tokenized(["A fine film, too long."])
    (True, False)
    """
    apart = sum(len(_APART.findall(text)) for text in texts)
    joined = sum(len(_JOINED.findall(text)) for text in texts)
    return apart > 4 * joined
