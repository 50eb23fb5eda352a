"""Encoding any number of sentences in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from elmobench.data.examples import Sentence, as_sentence
from elmobench.features.provider import FeatureProvider, FloatArray

CHUNK_VALUES: Final = 1 << 24
"""Values of all layers of the sentences that are encoded together: 64 MB as float32."""


def chunked(
    sentences: Iterable[Sequence[str]], width: int, values: int = CHUNK_VALUES
) -> Iterator[list[Sentence]]:
    """Runs of ``sentences``, each of at most ``values`` values, or of one sentence alone.

    Args:
        sentences: read as far as the next run needs.
        width: values a token, over all layers.
        values: bound for a run. An empty sentence counts as one token.
    """
    most = max(1, values // width)
    chunk: list[Sentence] = []
    tokens = 0
    for sentence in map(as_sentence, sentences):
        size = max(1, len(sentence))
        if chunk and tokens + size > most:
            yield chunk
            chunk, tokens = [], 0
        chunk.append(sentence)
        tokens += size
    if chunk:
        yield chunk


def encode_stream(
    provider: FeatureProvider, sentences: Iterable[Sequence[str]], values: int = CHUNK_VALUES
) -> Iterator[FloatArray]:
    """All layers of one sentence after another: one (L, T, D) array each.

    The same vectors as :meth:`FeatureProvider.encode` to 5e-6, without holding them all.
    """
    for chunk in chunked(sentences, provider.num_layers * provider.dim, values):
        yield from provider.encode(chunk)
