"""What an experiment will have to encode: sentences, bytes and about how long."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elmobench.bench.cells import Cell, PartSettings
from elmobench.bench.workbench import Workbench
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


def estimate_encoding(bench: Workbench, cells: Sequence[Cell]) -> list[EncodingEstimate]:
    """What the store lacks for ``cells``, by provider and task.

    Heads may need more of a task than others (its phrases, for instance): the most of them counts.
    """
    missing: dict[tuple[str, str], tuple[PartSettings, list[Sentence]]] = {}
    distinct = {(c.task, c.fold, c.options, tuple(p.key for p in c.parts)): c for c in cells}
    for cell in distinct.values():
        for part in cell.parts:
            stored = bench.store.open(bench.provider(part))
            found = stored.missing(bench.sentences(cell))
            key = (part.name, cell.task)
            if key not in missing or len(found) > len(missing[key][1]):
                missing[key] = (part, [tuple(sentence) for sentence in found])
    speeds: dict[str, float] = {}
    rows = []
    for (features, task), (part, sentences) in missing.items():
        provider = bench.provider(part)
        tokens = sum(map(len, sentences))
        width = sum(layer.dim for layer in provider.layers if layer.kind == "token")
        if sentences and provider.fingerprint not in speeds:
            with torch_threads(bench.experiment.settings.threads):
                speeds[provider.fingerprint] = _seconds_a_token(provider, sentences)
        rows.append(
            EncodingEstimate(
                features,
                task,
                len(sentences),
                tokens,
                tokens * width * _VALUE_BYTES[bench.experiment.settings.precision],
                tokens * speeds.get(provider.fingerprint, 0.0),
            )
        )
    return rows


def _seconds_a_token(provider: FeatureProvider, sentences: Sequence[Sentence]) -> float:
    """Measured on sentences from all over; their batches are smaller than those of a build."""
    sample: list[Sentence] = []
    for i in np.random.default_rng(1).permutation(len(sentences)):
        sample.append(sentences[i])
        if sum(map(len, sample)) >= _SAMPLE_TOKENS:
            break
    provider.encode(sample[:1])  # the first call also warms up
    start = time.perf_counter()
    provider.encode(sample)
    return (time.perf_counter() - start) / max(1, sum(map(len, sample)))
