"""Measure a provider's encoding time per sentence by sentence length."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from elmobench.data.examples import Sentence
from elmobench.features.provider import FeatureProvider

LENGTHS = (5, 10, 20, 40, 80, 160, 320)
"""Sentence lengths that are measured, in tokens."""

_ROUNDS = 3


@dataclass(frozen=True)
class LengthCost:
    """Encoding time of sentences of one length.

    Attributes:
        length: tokens per sentence.
        sentences: number of sentences encoded together.
        seconds: wall time per sentence, the median over the rounds.
    """

    length: int
    sentences: int
    seconds: float

    @property
    def microseconds_per_token(self) -> float:
        """Wall time per token."""
        return 1e6 * self.seconds / self.length


def time_by_length(
    provider: FeatureProvider,
    text: Iterable[Sentence],
    lengths: Sequence[int] = LENGTHS,
    *,
    tokens: int = 2000,
    clock: Callable[[], float] = time.perf_counter,
) -> list[LengthCost]:
    """Time the encoding of running text that is cut into sentences of equal length.

    Every round uses different text, so that no vector is left from the round before.

    Args:
        provider: to measure.
        text: sentences whose words form the running text; it starts again when it ends.
        lengths: tokens per sentence, each measured separately.
        tokens: per round; at least one sentence is encoded.
        clock: returns the time in seconds.

    Raises:
        ValueError: if the text has no words.
    """
    words = [word for sentence in text for word in sentence]
    if not words:
        raise ValueError("the text has no words")
    running = itertools.cycle(words)
    costs = []
    for length in lengths:
        count = max(1, tokens // length)
        seconds = []
        for _ in range(_ROUNDS + 1):
            sentences = [tuple(itertools.islice(running, length)) for _ in range(count)]
            start = clock()
            provider.encode(sentences)
            seconds.append((clock() - start) / count)
        # The first round is a warm-up.
        costs.append(LengthCost(length, count, statistics.median(seconds[1:])))
    return costs
