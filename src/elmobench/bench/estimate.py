"""Estimate what an experiment has to encode: sentences, bytes and seconds."""

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
_SAMPLE_TYPES = 2000
_VALUE_BYTES = {"fp16": 2, "fp32": 4, "int8": 1}


@dataclass(frozen=True)
class EncodingEstimate:
    """What one provider still has to encode of one task.

    Attributes:
        features, task: name of the provider's model, and the task.
        sentences, tokens: numbers to be encoded.
        bytes: by which the store grows, for vectors of tokens (vectors of word types are few).
        seconds: estimated from a sample of about 400 tokens or, for vectors of word types, of
            2,000 types.
    """

    features: str
    task: str
    sentences: int
    tokens: int
    bytes: int
    seconds: float


def estimate_encoding(context: RunContext, cells: Sequence[Cell]) -> list[EncodingEstimate]:
    """What has to be encoded for ``cells``, by provider and task.

    Some heads read more sentences of a task than others (its phrases, for instance); the largest
    number counts.
    """
    missing: dict[tuple[str, str], tuple[PartSettings, list[Sentence]]] = {}
    distinct = {(c.task, c.fold, c.options, tuple(p.key for p in _stored(c))): c for c in cells}
    for cell in distinct.values():
        for part in _stored(cell):
            stored = context.store.open(context.provider(part))
            not_stored = stored.missing(context.sentences(cell))
            key = (part.name, cell.task)
            if key not in missing or len(not_stored) > len(missing[key][1]):
                missing[key] = (part, [tuple(sentence) for sentence in not_stored])
    speeds: dict[str, tuple[float, float]] = {}
    rows = []
    for (features, task), (part, sentences) in missing.items():
        provider = context.provider(part)
        tokens = sum(map(len, sentences))
        width = sum(layer.dim for layer in provider.layers if layer.kind == "token")
        if sentences and provider.fingerprint not in speeds:
            with torch_threads(context.experiment.settings.threads):
                speeds[provider.fingerprint] = _speed(provider, sentences)
        overhead, per_unit = speeds[provider.fingerprint] if sentences else (0.0, 0.0)
        # Vectors of word types are encoded once per type, however often it occurs.
        units = tokens if width else len({token for one in sentences for token in one})
        rows.append(
            EncodingEstimate(
                features,
                task,
                len(sentences),
                tokens,
                tokens * width * _VALUE_BYTES[context.experiment.settings.precision],
                overhead + units * per_unit,
            )
        )
    return rows


def _stored(cell: Cell) -> list[PartSettings]:
    """The parts whose vectors are stored: those of models that are frozen."""
    return [part for part in cell.parts if not part.finetuned]


def _speed(provider: FeatureProvider, sentences: Sequence[Sentence]) -> tuple[float, float]:
    """Fixed seconds per call (a static provider reads its file), and seconds per token or type.

    Measured on a random sample of sentences; its batches are smaller than those of a real build.
    A provider whose vectors depend on the spelling alone is measured on types, as it is used.
    """
    if all(layer.kind == "type" for layer in provider.layers):
        return _speed_of_types(provider, sentences)
    sample: list[Sentence] = []
    for i in np.random.default_rng(1).permutation(len(sentences)):
        sample.append(sentences[i])
        if sum(map(len, sample)) >= _SAMPLE_TOKENS:
            break
    provider.encode(sample[:1])  # the first call also warms up
    first = _seconds(provider, sample[:1])
    if len(sample) == 1:
        return 0.0, first / max(1, len(sample[0]))
    other_tokens = sum(map(len, sample)) - len(sample[0])
    per_token = max(0.0, _seconds(provider, sample) - first) / max(1, other_tokens)
    return max(0.0, first - per_token * len(sample[0])), per_token


def _speed_of_types(
    provider: FeatureProvider, sentences: Sequence[Sentence]
) -> tuple[float, float]:
    """Fixed seconds per call, and seconds per word type."""
    types = sorted({token for sentence in sentences for token in sentence})
    chosen = np.random.default_rng(1).permutation(len(types))[:_SAMPLE_TYPES]
    sample = [types[i] for i in chosen]
    seconds = []
    for words in (sample[:1], sample[:1], sample):  # the first call also warms up
        start = time.perf_counter()
        provider.encode_types(words)
        seconds.append(time.perf_counter() - start)
    if len(sample) == 1:
        return 0.0, seconds[1]
    per_type = max(0.0, seconds[2] - seconds[1]) / (len(sample) - 1)
    return max(0.0, seconds[1] - per_type), per_type


def _seconds(provider: FeatureProvider, sentences: Sequence[Sentence]) -> float:
    start = time.perf_counter()
    provider.encode(sentences)
    return time.perf_counter() - start
