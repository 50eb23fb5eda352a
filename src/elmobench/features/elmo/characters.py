"""Map tokens to character ids as the published models were trained.

A token is ``[258] + its first UTF-8 bytes + [259]``, padded with 260, and 1 is added to every id.
The ids below include this 1, so that 0 is left for padding *tokens* and never occurs here. The rule
works on bytes, so a character of several bytes can be cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

N_IDS: Final = 262
BEGIN_SENTENCE: Final = "<S>"
END_SENTENCE: Final = "</S>"

_BEGIN_SENTENCE_ID: Final = 257
_END_SENTENCE_ID: Final = 258
_BEGIN_WORD_ID: Final = 259
_END_WORD_ID: Final = 260
PADDING_ID: Final = 261
"""Of the positions after a word's end; a padding *token* is a row of zeros."""


def character_ids(
    words: Sequence[str], length: int = 50
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the character ids of every word, and the number of ids before the padding.

    ``<S>`` and ``</S>`` become the sentence boundaries, lone surrogates (which have no UTF-8 form)
    are dropped, and the empty string is a token like any other.

    Args:
        words: V tokens.
        length: ids per token.

    Returns:
        (V, ``length``) ids and (V,) numbers of ids that are not padding.
    """
    pieces = [word.encode("utf-8", "ignore")[: length - 2] for word in words]
    sizes = np.fromiter(map(len, pieces), dtype=np.int64, count=len(pieces))
    ids = np.full((len(pieces), length), PADDING_ID, dtype=np.int64)
    rows = np.arange(len(pieces))
    ids[:, 0] = _BEGIN_WORD_ID
    text = np.frombuffer(b"".join(pieces), dtype=np.uint8)
    starts = np.cumsum(sizes) - sizes
    columns = np.arange(len(text)) - np.repeat(starts, sizes) + 1
    ids[np.repeat(rows, sizes), columns] = text.astype(np.int64) + 1
    ids[rows, sizes + 1] = _END_WORD_ID
    for row, word in enumerate(words):
        if word in (BEGIN_SENTENCE, END_SENTENCE):
            boundary = _BEGIN_SENTENCE_ID if word == BEGIN_SENTENCE else _END_SENTENCE_ID
            ids[row] = PADDING_ID
            ids[row, :3] = (_BEGIN_WORD_ID, boundary, _END_WORD_ID)
            sizes[row] = 1
    return ids, sizes + 2
