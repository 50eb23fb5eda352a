"""The training examples of skip-gram: pairs of words that occur near each other, and negatives."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from elmobench.pretraining.encoded import EncodedPart
from elmobench.pretraining.vocabulary import SPECIAL

Ids = NDArray[np.int64]

_POWER: Final = 0.5
"""Negatives are drawn in proportion to this power of the counts, as in the published code."""


def blocks_of(part: EncodedPart, tokens: int) -> Ids:
    """(B + 1,) bounds of blocks of whole sentences, of about ``tokens`` tokens each."""
    marks = np.arange(0, int(part.offsets[-1]) + tokens, tokens)
    bounds = np.unique(np.searchsorted(part.offsets, marks[1:-1]))
    inner = bounds[(bounds > 0) & (bounds < len(part))]
    return np.concatenate([[0], inner, [len(part)]]).astype(np.int64)


def keep_probability(counts: NDArray[np.int64], t: float) -> NDArray[np.float64]:
    """(V,) probability with which an occurrence of each word is kept: √(t/f) + t/f, at most 1.

    Source: ``Dictionary::initTableDiscard`` of the published code; f is the share of the word.
    """
    share = counts / max(1, int(counts.sum()))
    with np.errstate(divide="ignore"):
        kept: NDArray[np.float64] = np.minimum(1.0, np.sqrt(t / share) + t / share)
    return kept


def negative_table(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """(V,) cumulative probabilities of the words as negatives."""
    weights = counts.astype(np.float64) ** _POWER
    sums: NDArray[np.float64] = np.cumsum(weights) / weights.sum()
    return sums


def pairs_of(
    part: EncodedPart,
    first: int,
    last: int,
    keep: NDArray[np.float64],
    ws: int,
    rng: np.random.Generator,
) -> tuple[Ids, Ids]:
    """(P,) centre words and (P,) context words of some sentences.

    Words are numbered without the special words; those outside of the vocabulary, and the
    occurrences that are left out by chance, are removed first, so that the words around them
    become neighbours. For each word a window of 1 to ``ws`` words on either side is drawn; it ends
    with the sentence.

    Args:
        part: the text.
        first, last: sentences ``first`` to ``last - 1``.
        keep: (V,) of :func:`keep_probability`.
        ws: largest window.
        rng: draws what is left out, then the windows.
    """
    offsets = part.offsets[first : last + 1]
    ids = part.tokens[offsets[0] : offsets[-1]].astype(np.int64) - len(SPECIAL)
    sentences = np.repeat(np.arange(first, last), np.diff(offsets))
    known = (ids >= 0) & (ids < len(keep))
    ids, sentences = ids[known], sentences[known]
    kept = rng.random(len(ids)) < keep[ids]
    ids, sentences = ids[kept], sentences[kept]
    windows = rng.integers(1, ws + 1, len(ids))
    centres, contexts = [], []
    for distance in range(1, min(ws, len(ids) - 1) + 1):
        same = sentences[:-distance] == sentences[distance:]
        left, right = ids[:-distance], ids[distance:]
        forward = same & (windows[:-distance] >= distance)
        backward = same & (windows[distance:] >= distance)
        centres += [left[forward], right[backward]]
        contexts += [right[forward], left[backward]]
    if not centres:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return np.concatenate(centres), np.concatenate(contexts)


def negatives_of(
    contexts: Ids, number: int, table: NDArray[np.float64], rng: np.random.Generator
) -> tuple[Ids, NDArray[np.bool_]]:
    """(P, ``number``) negatives of P pairs, and whether each differs from the pair's context.

    The published code draws again if a negative is the context; here it has no part in the loss.
    """
    drawn = np.searchsorted(table, rng.random((len(contexts), number)), side="right")
    drawn = np.minimum(drawn, len(table) - 1)
    return drawn, drawn != contexts[:, None]
