"""Warn when almost none of the words of a text have a vector, before anyone believes the scores.

The usual reasons are a file of another language, tokens or case, and a file that was read wrongly.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from elmobench.core.errors import ElmobenchWarning

LOW_SHARE: Final = 0.05
"""Share of tokens with a vector below which there is a warning. On real text, published vectors
have one for more than 90 % of the tokens.
"""
FEWEST_TOKENS: Final = 5
"""A shorter text says nothing about the vectors."""
_EXAMPLES: Final = 3


class CoverageCount:
    """Count the tokens of a text that have a vector other than zero.

    Args:
        name: of the features, for the warning.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.tokens = 0
        self.covered = 0
        self._uncovered: list[str] = []

    def add(
        self,
        sentences: Sequence[Sequence[str]],
        vectors: Sequence[NDArray[np.float32]],
        share: float | None = None,
    ) -> None:
        """Count sentences by their (L, T, D) vectors; a token without a vector has only zeros.

        Args:
            sentences, vectors: of one batch.
            share: of the batch's tokens that have a vector, if it is known: unknown words can have
                the mean of all vectors, or random ones.
        """
        tokens = covered = 0
        for sentence, own in zip(sentences, vectors, strict=True):
            has: NDArray[np.bool_] = np.asarray(own.any(axis=(0, 2)))
            tokens += len(sentence)
            covered += int(has.sum())
            if len(self._uncovered) < _EXAMPLES and not has.all():
                absent = [token for token, known in zip(sentence, has, strict=True) if not known]
                self._uncovered = list(dict.fromkeys([*self._uncovered, *absent]))[:_EXAMPLES]
        self.tokens += tokens
        self.covered += covered if share is None else min(covered, round(share * tokens))

    def warn(self) -> None:
        """Emit an ElmobenchWarning if almost no token has a vector."""
        if self.tokens >= FEWEST_TOKENS and self.covered < LOW_SHARE * self.tokens:
            examples = ", ".join(map(repr, self._uncovered))
            warnings.warn(
                f"features {self.name!r}: {self.covered} of {self.tokens} tokens have a vector"
                + (f"; {examples} have none" if examples else "")
                + ". Check that the vectors are of this language, and spelt and cut like the text",
                ElmobenchWarning,
                stacklevel=3,
            )


def low_coverage(coverage: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return one remark for each part of a features spec that lacks almost all words.

    >>> low_coverage({"glove": {"tokens": 0.004, "types": 0.01}, "other": {"tokens": 0.9}})
    ["'glove' has vectors for only 0.4 % of the tokens: check its language, case and tokens"]

    Args:
        coverage: shares of ``tokens`` with a vector, by part, as a run record has them.
    """
    return [
        f"{label!r} has vectors for only {100 * shares['tokens']:.1f} % of the tokens: check its "
        "language, case and tokens"
        for label, shares in coverage.items()
        if shares["tokens"] < LOW_SHARE
    ]
