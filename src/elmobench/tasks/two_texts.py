"""The two texts of an example that a user writes for ``predict``."""

from __future__ import annotations

from elmobench.core.errors import DataError
from elmobench.data.examples import Sentence
from elmobench.data.readers.tokenizers import TOKENIZERS
from elmobench.tasks.base import SEPARATOR


def two_texts(text: str, form: str, *, tokenized: bool) -> tuple[Sentence, Sentence]:
    """The tokens of both parts of ``first ||| second``.

    Args:
        text: what the user wrote.
        form: how such a text is written, for the error.
        tokenized: cut the parts at blanks and tabs only.

    Raises:
        DataError: a part is missing, or there is more than one separator.
    """
    parts = text.split(SEPARATOR)
    if len(parts) != 2 or not all(part.strip() for part in parts):
        raise DataError(
            "two sentences are needed",
            where=text[:80] or "an empty text",
            fix=f"write '{form}', for example 'A man sleeps. {SEPARATOR} No one is awake.'",
        )
    tokenize = TOKENIZERS["blanks" if tokenized else "words"]
    first, second = (tuple(tokenize(part)) for part in parts)
    return first, second
