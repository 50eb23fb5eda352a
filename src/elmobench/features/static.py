"""Static word vectors: one vector a word type, from a text file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from elmobench.data.validation import validated
from elmobench.digests import digest_of
from elmobench.errors import ConfigError
from elmobench.features.entries import ModelEntry, ModelFile
from elmobench.features.file_digests import cached_sha256
from elmobench.features.provider import FeatureProvider, FloatArray, Layer, ProviderFactory
from elmobench.features.random_static import hashed_vectors
from elmobench.features.vector_text import Format, VectorTable, read_vectors

VERSION: Final = 1
"""Bumped by hand when any vector changes; tests guard it."""

Case = Literal["keep", "lower", "keep-then-lower"]
Unknown = Literal["zero", "mean", "random"]


class StaticProvider(FeatureProvider):
    """Vectors of a :class:`VectorTable`.

    Args:
        name: for messages.
        table: words and vectors.
        file_digest: SHA-256 of the file that the table was read from.
        case: ``keep`` looks a word up as it is spelt, ``lower`` in lower case,
            ``keep-then-lower`` as spelt and, if that is not there, in lower case.
        unknown: what an absent word gets: zeros, the ``mean`` of all vectors, or a ``random``
            vector of its own with the mean and deviation of the others.
        seed: of the random vectors.
    """

    def __init__(
        self,
        name: str,
        table: VectorTable,
        file_digest: str,
        *,
        case: Case = "keep-then-lower",
        unknown: Unknown = "zero",
        seed: int = 0,
    ) -> None:
        self.name = name
        self.case = case
        self.unknown = unknown
        self.seed = seed
        self._table = table
        self._digest = file_digest
        self.layers = (Layer("static", "type", table.vectors.shape[1]),)

    @classmethod
    def from_file(
        cls,
        path: Path,
        *,
        name: str | None = None,
        format: Format = "auto",
        case: Case = "keep-then-lower",
        unknown: Unknown = "zero",
        seed: int = 0,
    ) -> StaticProvider:
        """Read a GloVe or word2vec text file, see :func:`read_vectors`."""
        return cls(
            name or str(path),
            read_vectors(path, format),
            cached_sha256(path),
            case=case,
            unknown=unknown,
            seed=seed,
        )

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over the file, the format it was read as and the options."""
        identity: dict[str, Any] = {
            "kind": "static",
            "version": VERSION,
            "file": self._digest,
            "format": self._table.format,
            "case": self.case,
            "unknown": self.unknown,
        }
        if self.unknown == "random":
            identity["seed"] = self.seed
        return digest_of(identity)

    @property
    def parameters(self) -> int:
        """Number of values in the file."""
        return self._table.size * self.dim

    def encode_types(self, words: Sequence[str]) -> list[FloatArray]:
        """One (V, dim) array."""
        rows = np.asarray([self._row(word) for word in words], dtype=np.int64)
        out = np.zeros((len(words), self.dim), dtype=np.float32)
        known = rows >= 0
        out[known] = self._table.vectors[rows[known]]
        if self.unknown == "mean":
            out[~known] = self._table.mean
        elif self.unknown == "random":
            absent = [word for word, row in zip(words, rows, strict=True) if row < 0]
            noise = hashed_vectors(absent, self.dim, self.seed)
            out[~known] = self._table.mean + self._table.std * noise
        return [out]

    def encode_tokens(self, sentences: Sequence[Sequence[str]]) -> list[list[FloatArray]]:
        """There are no token layers: one empty list a sentence."""
        return [[] for _ in sentences]

    def coverage(self, words: Sequence[str]) -> dict[str, float] | None:
        """Share of ``words`` (``tokens``, repeats counted) and of their ``types`` with a vector.

        Both are 1 for no words at all.
        """
        types = set(words)
        known = {word for word in types if self._row(word) >= 0}
        return {
            "tokens": sum(word in known for word in words) / len(words) if words else 1.0,
            "types": len(known) / len(types) if types else 1.0,
        }

    def describe(self) -> dict[str, Any]:
        """What a record keeps of this provider; JSON values only."""
        return super().describe() | {"case": self.case, "unknown": self.unknown}

    def _row(self, word: str) -> int:
        rows = self._table.rows
        if self.case == "lower":
            return rows.get(word.lower(), -1)
        row = rows.get(word, -1)
        return rows.get(word.lower(), -1) if row < 0 and self.case == "keep-then-lower" else row


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    format: Format = "auto"
    case: Case = "keep-then-lower"
    unknown: Unknown = "zero"
    seed: int = 0


class StaticFactory(ProviderFactory):
    """File ``vectors``; options ``format``, ``case``, ``unknown`` and ``seed``."""

    def entry_at(self, path: str, base: Path | None, where: str) -> tuple[ModelEntry, Path | None]:
        """``static:file``."""
        return (
            ModelEntry(
                provider="static",
                files={"vectors": ModelFile(path=path)},
                description=f"word vectors from {path}",
            ),
            base,
        )

    def load(self, name: str, files: dict[str, Any], options: dict[str, Any]) -> FeatureProvider:
        """Build the provider. Raises ConfigError or ModelError."""
        where = f"features {name!r}"
        settings = validated(_Settings, options, where)
        if "vectors" not in files:
            raise ConfigError(
                "no file for the role 'vectors'",
                where=where,
                fix="give it: files: {vectors: {path: …}}",
            )
        return StaticProvider.from_file(
            Path(files["vectors"]),
            name=name,
            format=settings.format,
            case=settings.case,
            unknown=settings.unknown,
            seed=settings.seed,
        )


FACTORY = StaticFactory()
