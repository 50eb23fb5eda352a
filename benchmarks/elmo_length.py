"""ELMo's time against the amount of text: many sentences, and one endless sentence.

The small published shape with random weights. Printed are tokens per second, and the exponent of
time = tokens^x between the smallest and the largest amount: 1 is linear. A single sentence has
one row a product, whatever its length, so its rate is that of reading the weights.
"""

from __future__ import annotations

import math
import time

from benchmarks.elmo_speed import english, shape
from elmobench.core.errors import DownloadError
from elmobench.data.examples import Sentence
from elmobench.features.elmo.provider import ElmoProvider


def _seconds(provider: ElmoProvider, sentences: list[Sentence]) -> float:
    start = time.perf_counter()
    provider.encode(sentences)
    return time.perf_counter() - start


def main() -> None:
    try:
        text = english(100_000)
    except DownloadError as error:
        print(f"skipped, no data: {error}")
        return
    provider = ElmoProvider.random(shape("small"))
    words = [word for sentence in text for word in sentence]
    provider.encode(text[:100])
    for what, sizes in (("sentences", (1000, 10_000, 100_000)), ("one sentence", (1000, 10_000))):
        taken = []
        for size in sizes:
            some = english(size) if what == "sentences" else [tuple(words[:size])]
            tokens = sum(map(len, some))
            taken.append((tokens, _seconds(provider, some)))
            rate = tokens / taken[-1][1]
            print(
                f"{what}: {tokens} tokens, {taken[-1][1]:.2f} s, {rate:,.0f} tokens/s", flush=True
            )
        (few, short), (many, long) = taken[0], taken[-1]
        exponent = math.log(long / short) / math.log(many / few)
        print(f"{what}: time = tokens^{exponent:.2f}", flush=True)
