"""Warnings of vocabularies that leave out most of the text."""

from __future__ import annotations

import warnings

import numpy as np

from elmobench.core.errors import ElmobenchWarning
from elmobench.pretraining.encoded import EncodedCorpus
from elmobench.pretraining.vocabulary import SPECIAL

LEAST = 0.5
"""Share of the tokens that a useful vocabulary covers at least; usual ones cover nine tenths."""


def warn_of_coverage(corpus: EncodedCorpus, words: int) -> None:
    """Warn if the vocabulary covers less than :data:`LEAST` of the training or held-out tokens.

    Args:
        corpus: the text.
        words: the vocabulary are the word types with smaller ids, except the special ones.
    """
    share = float(corpus.counts[len(SPECIAL) : words].sum() / max(1, corpus.counts.sum()))
    if share < LEAST:
        warnings.warn(
            f"the vocabulary covers only {100 * share:.1f} % of the training tokens; all others "
            "are unknown words. Use a larger vocabulary, or the vocabulary of this text",
            ElmobenchWarning,
            stacklevel=2,
        )
    elif not corpus.heldout_is_train:
        tokens = corpus.heldout.tokens
        known = np.zeros(len(corpus.types), dtype=bool)
        known[:words] = corpus.counts[:words] > 0
        held_out = float(known[tokens].mean())
        if held_out < LEAST:
            warnings.warn(
                f"only {100 * held_out:.1f} % of the held-out tokens are words that the vocabulary "
                "has and the training text too: the held-out measures say little. The text changes "
                "its language or form from place to place",
                ElmobenchWarning,
                stacklevel=2,
            )
