"""One random vector per word type: a control that only identifies words."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from pydantic import Field

from elmobench.core.digests import digest_of
from elmobench.core.strict_model import StrictModel
from elmobench.core.validation import validated
from elmobench.data.sentences import as_words, each_sentence
from elmobench.features.provider import FeatureProvider, FloatArray, Layer, ProviderFactory, Seed
from elmobench.features.static.formats import WIDEST

VERSION: Final = 1
"""Increased by hand when any vector changes; golden tests check this."""

_UNIT_BOUND = np.float32(3**0.5)


def hashed_vectors(words: Sequence[str], dim: int, seed: int) -> FloatArray:
    """Return (V, ``dim``) values, uniform in ±√3 (variance 1), as hashes of seed and word.

    They do not depend on a random generator, a vocabulary or an order: a word's vector is the same
    in every program and on every platform.
    """
    prefix = f"elmobench-random/{seed}/".encode()
    raw = b"".join(
        hashlib.shake_128(prefix + word.encode("utf-8", "surrogatepass")).digest(4 * dim)
        for word in words
    )
    bits = np.frombuffer(raw, dtype="<u4").reshape(len(words), dim)
    # A float32 has a mantissa of 24 bits, so the conversion is exact.
    unit = (bits >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)
    return (unit * np.float32(2) - np.float32(1)) * _UNIT_BOUND


class RandomStaticProvider(FeatureProvider):
    """One layer of random vectors, a function of the seed and the word's spelling.

    Args:
        name: for messages.
        dim: values per vector.
        seed: of the vectors.
    """

    def __init__(self, name: str = "random", dim: int = 128, seed: int = 0) -> None:
        self.name = name
        self.seed = seed
        self.layers = (Layer("random", "type", dim),)

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over dimension, seed and code version."""
        return digest_of({"kind": "random", "version": VERSION, "dim": self.dim, "seed": self.seed})

    @property
    def parameters(self) -> int:
        """Zero: vectors are computed from hashes."""
        return 0

    def encode_types(self, words: Sequence[str]) -> list[FloatArray]:
        """Return one (V, dim) array."""
        return [hashed_vectors(as_words(words), self.dim, self.seed)]

    def encode_tokens(self, sentences: Sequence[Sequence[str]]) -> list[list[FloatArray]]:
        """Return an empty list per sentence, since there are no token layers."""
        return [[] for _ in each_sentence(sentences)]

    def describe(self) -> dict[str, Any]:
        """Describe this provider for a run record; JSON values only."""
        return super().describe() | {"seed": self.seed}


class _Settings(StrictModel):
    dim: int = Field(default=128, ge=1, le=WIDEST)
    width: int | None = Field(default=None, ge=1, le=WIDEST)
    seed: Seed = 0


class RandomStaticFactory(ProviderFactory):
    """Options ``dim`` and ``seed``, and ``width``, which replaces ``dim``; no files."""

    contextual = False

    def load(self, name: str, files: dict[str, Any], options: dict[str, Any]) -> FeatureProvider:
        """Build the provider. Raises ConfigError."""
        settings = validated(_Settings, options, f"features {name!r}")
        width = settings.dim if settings.width is None else settings.width
        return RandomStaticProvider(name, width, settings.seed)


FACTORY = RandomStaticFactory()
