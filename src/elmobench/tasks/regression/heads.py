"""Heads for regression on texts and pairs of texts."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from elmobench.data.examples import RatedPair, RatedText
from elmobench.tasks.head import Batch
from elmobench.tasks.regression.base import NumberHead
from elmobench.tasks.regression.pipeline import FIRST, SECOND, TEXT
from elmobench.tasks.vector_heads import (
    LinearHead,
    MlpHead,
    Pool,
    RecurrentHead,
    States,
    compared,
)


class TextHead(NumberHead[RatedText]):
    """Base of the heads that read the vector of a text."""

    def vector(self, batch: Batch[RatedText], states: States, pool: Pool) -> Tensor:
        """(B, D) vectors of the texts."""
        return pool(states[TEXT], batch.slots[TEXT].mask)


class PairHead(NumberHead[RatedPair]):
    """Base of the heads that read ``[|u - v| ; u * v]`` of the vectors of two texts."""

    copies: ClassVar[int] = 2

    def vector(self, batch: Batch[RatedPair], states: States, pool: Pool) -> Tensor:
        """(B, 2 D) vectors of the pairs; see :func:`compared`."""
        u, v = (pool(states[slot], batch.slots[slot].mask) for slot in (FIRST, SECOND))
        return compared(u, v)


class Linear(TextHead, LinearHead[RatedText]):
    """:class:`LinearHead` on texts."""

    reads_means = True


class Mlp(TextHead, MlpHead[RatedText]):
    """:class:`MlpHead` on texts."""

    reads_means = True


class Recurrent(TextHead, RecurrentHead[RatedText]):
    """:class:`RecurrentHead` on texts."""


class LinearPair(PairHead, LinearHead[RatedPair]):
    """:class:`LinearHead` on pairs."""

    reads_means = True


class MlpPair(PairHead, MlpHead[RatedPair]):
    """:class:`MlpHead` on pairs."""

    reads_means = True


class RecurrentPair(PairHead, RecurrentHead[RatedPair]):
    """:class:`RecurrentHead` on pairs."""
