"""What an experiment will have to encode: sentences, bytes and about how long."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elmobench.bench.context import RunContext
from elmobench.bench.experiment.cells import Cell
from elmobench.bench.experiment.parts import PartSettings
from elmobench.data.examples import Sentence
from elmobench.features.provider import FeatureProvider
from elmobench.training.machine import torch_threads

_SAMPLE_TOKENS = 400
_VALUE_BYTES = {"fp16": 2, "fp32": 4, "int8": 1}


@dataclass(frozen=True)
class EncodingEstimate:
    """What one provider lacks of one task.

    Attributes:
        features, task: whose.
        sentences, tokens: to be encoded.
        bytes: that the store grows by, for vectors of tokens (those of word types are few).
        seconds: about how long it takes, from a sample of at most 400 tokens.
    """

    features: str
    task: str
    sentences: int
    tokens: int
    bytes: int
    seconds: float


def estimate_encoding(context: RunContext, cells: Sequence[Cell]) -> list[EncodingEstimate]:
    """What the store lacks for ``cells``, by provider and task.

    Heads may need more of a task than others (its phrases, for instance): the most of them counts.
    """
    missing: dict[tuple[str, str], tuple[PartSettings, list[Sentence]]] = {}
    distinct = {(c.task, c.fold, c.options, tuple(p.key for p in c.parts)): c for c in cells}
    for cell in distinct.values():
        for part in cell.parts:
            stored = context.store.open(context.provider(part))
            found = stored.missing(context.sentences(cell))
            key = (part.name, cell.task)
            if key not in missing or len(found) > len(missing[key][1]):
                missing[key] = (part, [tuple(sentence) for sentence in found])
    speeds: dict[str, tuple[float, float]] = {}
    rows = []
    for (features, task), (part, sentences) in missing.items():
        provider = context.provider(part)
        tokens = sum(map(len, sentences))
        width = sum(layer.dim for layer in provider.layers if layer.kind == "token")
        if sentences and provider.fingerprint not in speeds:
            with torch_threads(context.experiment.settings.threads):
                speeds[provider.fingerprint] = _speed(provider, sentences)
        start, token = speeds[provider.fingerprint] if sentences else (0.0, 0.0)
        rows.append(
            EncodingEstimate(
                features,
                task,
                len(sentences),
                tokens,
                tokens * width * _VALUE_BYTES[context.experiment.settings.precision],
                start + tokens * token,
            )
        )
    return rows


def _speed(provider: FeatureProvider, sentences: Sequence[Sentence]) -> tuple[float, float]:
    """Seconds that a call takes for nothing (a static provider reads its file), and by token.

    Measured on sentences from all over; their batches are smaller than those of a build.
    """
    sample: list[Sentence] = []
    for i in np.random.default_rng(1).permutation(len(sentences)):
        sample.append(sentences[i])
        if sum(map(len, sample)) >= _SAMPLE_TOKENS:
            break
    provider.encode(sample[:1])  # the first call also warms up
    one = _seconds(provider, sample[:1])
    if len(sample) == 1:
        return 0.0, one / max(1, len(sample[0]))
    rest = sum(map(len, sample)) - len(sample[0])
    token = max(0.0, _seconds(provider, sample) - one) / max(1, rest)
    return max(0.0, one - token * len(sample[0])), token


def _seconds(provider: FeatureProvider, sentences: Sequence[Sentence]) -> float:
    start = time.perf_counter()
    provider.encode(sentences)
    return time.perf_counter() - start
