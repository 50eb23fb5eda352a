"""Encode any number of sentences in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from elmobench.data.examples import Sentence
from elmobench.data.sentences import each_sentence
from elmobench.features.coverage import CoverageCount
from elmobench.features.provider import FeatureProvider, FloatArray

CHUNK_VALUES: Final = 1 << 24
"""Maximum number of values, over all layers, that are encoded together: 64 MB as float32."""


def chunked(
    sentences: Iterable[Sequence[str]], width: int, values: int = CHUNK_VALUES
) -> Iterator[list[Sentence]]:
    """Split sentences into chunks of at most ``values`` values; a longer sentence is one chunk.

    Args:
        sentences: read only until the next chunk is full.
        width: values per token, over all layers.
        values: maximum per chunk. An empty sentence counts as one token.
    """
    max_tokens = max(1, values // width)
    chunk: list[Sentence] = []
    tokens = 0
    for sentence in each_sentence(sentences):
        size = max(1, len(sentence))
        if chunk and tokens + size > max_tokens:
            yield chunk
            chunk, tokens = [], 0
        chunk.append(sentence)
        tokens += size
    if chunk:
        yield chunk


def encode_stream(
    provider: FeatureProvider, sentences: Iterable[Sequence[str]], values: int = CHUNK_VALUES
) -> Iterator[FloatArray]:
    """Yield all layers of one sentence after another, each as an (L, T, D) array.

    The vectors equal those of :meth:`FeatureProvider.encode` to within 5e-6; only one chunk is held
    in memory. Warns at the end if almost no token has a vector.
    """
    count = CoverageCount(provider.name)
    for chunk in chunked(sentences, provider.num_layers * provider.dim, values):
        yield from provider.encode_counted(chunk, count)
    count.warn()
