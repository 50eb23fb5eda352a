"""Find parts of the features whose vectors say nothing: all zero, or the same for every token."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from elmobench.tasks.head import SlotBatch


class _Part:
    """What was seen of one part so far.

    Attributes:
        first: the vectors of the first token, of shape (L, D); None before there was one.
        varies: whether another token has other vectors.
    """

    def __init__(self, varies: bool) -> None:
        self.first: Tensor | None = None
        self.varies = varies

    def see(self, vectors: Tensor) -> None:
        """Look at (N, L, D) vectors of tokens."""
        if len(vectors) == 0:
            return
        if self.first is None:
            self.first = vectors[0].clone()
        self.varies = bool((vectors != self.first).any())


def uninformative_parts(slots: Iterable[SlotBatch], names: Sequence[str | None]) -> list[str]:
    """Say which parts have only zeros, or one vector for all tokens, in the training set.

    No head can learn anything from such a part. Batches are read until every part has two
    different vectors, so usually only the first one is.

    Args:
        slots: the vectors of the training set, in batches.
        names: the parts, in the order of ``SlotBatch.parts``; None for a part that is not looked
            at, since its vectors are trained.

    Returns:
        One sentence for each such part; none if all tokens of the training set are one word.
    """
    parts = [_Part(varies=name is None) for name in names]
    words: set[str] = set()
    for slot in slots:
        words.update(token for tokens in slot.tokens for token in tokens)
        for part, vectors in zip(parts, slot.parts, strict=True):
            if not part.varies:
                # (B, L, T, D) to (B, T, L, D), and of those the tokens that are no padding.
                part.see(vectors.transpose(1, 2)[slot.mask])
        if all(part.varies for part in parts):
            return []
    if len(words) < 2:
        return []
    return [
        _sentence(name, part.first)
        for name, part in zip(names, parts, strict=True)
        if name is not None and part.first is not None and not part.varies
    ]


def _sentence(name: str, vector: Tensor) -> str:
    if torch.count_nonzero(vector) == 0:
        what = f"all vectors of {name} are zero in the training set"
    else:
        what = f"all tokens of the training set have the same vector in {name}"
    return f"{what}: nothing can be learned from them"
