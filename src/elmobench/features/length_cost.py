"""How long a provider takes for a sentence, by the sentence's length."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from elmobench.data.examples import Sentence
from elmobench.features.provider import FeatureProvider

LENGTHS = (5, 10, 20, 40, 80, 160, 320)
"""Tokens of the sentences that are measured."""

_ROUNDS = 3


@dataclass(frozen=True)
class LengthCost:
    """What sentences of one length cost.

    Attributes:
        length: tokens of each.
        sentences: encoded together.
        seconds: wall time a sentence, the median of a few rounds.
    """

    length: int
    sentences: int
    seconds: float

    @property
    def microseconds_per_token(self) -> float:
        """Wall time a token."""
        return 1e6 * self.seconds / self.length


def time_by_length(
    provider: FeatureProvider,
    text: Iterable[Sentence],
    lengths: Sequence[int] = LENGTHS,
    *,
    tokens: int = 2000,
    clock: Callable[[], float] = time.perf_counter,
) -> list[LengthCost]:
    """Encode running text cut into sentences of equal length, once for each length.

    Every round has other text, so that no word's vector is there from the round before.

    Args:
        provider: encodes.
        text: sentences whose words, one after another, are the running text; read again from its
            beginning where it ends.
        lengths: tokens a sentence.
        tokens: of a round, or one sentence's if that has more.
        clock: tells seconds.

    Raises:
        ValueError: for a text without a word.
    """
    words = [word for sentence in text for word in sentence]
    if not words:
        raise ValueError("a text without a word")
    running = itertools.cycle(words)
    found = []
    for length in lengths:
        count = max(1, tokens // length)
        seconds = []
        for _ in range(_ROUNDS + 1):
            sentences = [tuple(itertools.islice(running, length)) for _ in range(count)]
            start = clock()
            provider.encode(sentences)
            seconds.append((clock() - start) / count)
        # The first round warms up.
        found.append(LengthCost(length, count, statistics.median(seconds[1:])))
    return found
