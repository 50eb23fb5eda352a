"""The provider of static word vectors: a file's vectors, with rules for case and unknown words."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from elmobench.core import paths
from elmobench.core.digests import digest_of
from elmobench.core.errors import ConfigError, ModelError
from elmobench.core.parsing import parsing
from elmobench.core.strict_model import StrictModel
from elmobench.core.validation import validated
from elmobench.data.sentences import as_words, each_sentence
from elmobench.features.catalog.entries import ModelEntry, ModelFile
from elmobench.features.catalog.file_digests import cached_sha256
from elmobench.features.provider import FeatureProvider, FloatArray, Layer, ProviderFactory, Seed
from elmobench.features.static.formats import Format
from elmobench.features.static.opening import open_vectors
from elmobench.features.static.random_vectors import hashed_vectors
from elmobench.features.static.source import Duplicates, VectorSource

VERSION: Final = 1
"""Increased by hand when any vector changes; tests check this."""

Case = Literal["keep", "lower", "keep-then-lower"]
Unknown = Literal["zero", "mean", "random"]


class StaticProvider(FeatureProvider):
    """Vectors of a :class:`VectorSource`; the file is read when words are encoded.

    Args:
        name: name of the features in messages.
        source: words and vectors.
        identity: digest, format and reading options of the file; they enter the fingerprint.
        case: ``keep`` looks a word up as spelt, ``lower`` in lower case, ``keep-then-lower`` as
            spelt and, if that is missing, in lower case. For a word that is missing in both
            spellings, fastText computes a vector from the n-grams of the word as spelt.
        unknown: vector of words without one: ``zero``, the ``mean`` of all vectors, or ``random``
            for a random vector per word with the mean and standard deviation of all vectors. With
            case ``lower``, all spellings of a word have the same one.
        seed: of the random vectors.
        untrained: number of a draw; every word that has a vector then has a random one in its
            place, by its spelling, with the mean and standard deviation of all vectors. None for
            the vectors of the source.
    """

    def __init__(
        self,
        name: str,
        source: VectorSource,
        identity: Mapping[str, Any],
        *,
        case: Case = "keep-then-lower",
        unknown: Unknown = "zero",
        seed: int = 0,
        untrained: int | None = None,
    ) -> None:
        self.name = name
        self.case = case
        self.unknown = unknown
        self.seed = seed
        self.untrained = untrained
        self._source = source
        self._identity = dict(identity)
        self.layers = (Layer("static", "type", source.dim),)

    @classmethod
    def from_file(
        cls,
        path: Path,
        *,
        name: str | None = None,
        format: Format = "auto",
        member: str | None = None,
        duplicates: Duplicates = "error",
        case: Case = "keep-then-lower",
        unknown: Unknown = "zero",
        seed: int = 0,
        untrained: int | None = None,
    ) -> StaticProvider:
        """Load a file of any supported format, see :func:`open_vectors`. Raises ModelError."""
        source = open_vectors(path, format, member, duplicates)
        identity = {"file": cached_sha256(path), "format": source.kind}
        if source.file.member is not None:
            identity["member"] = source.file.member
        if duplicates != "error":
            identity["duplicates"] = duplicates
        if source.reading is not None:
            identity["reading"] = source.reading
        return cls(
            name or str(path),
            source,
            identity,
            case=case,
            unknown=unknown,
            seed=seed,
            untrained=untrained,
        )

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the file, its format and the options."""
        identity = {
            "kind": "static",
            "version": VERSION,
            **self._identity,
            "case": self.case,
            "unknown": self.unknown,
        }
        if self.unknown == "random":
            identity["seed"] = self.seed
            if self.case == "lower":  # in earlier versions each spelling had a vector of its own
                identity["random"] = "per lower-cased word"
        if self.untrained is not None:
            identity["untrained"] = self.untrained
        return digest_of(identity)

    @property
    def parameters(self) -> int:
        """Number of values in the file from which vectors are computed."""
        return self._source.parameters

    @property
    def parameter_count_is_cheap(self) -> bool:
        """Whether :attr:`parameters` is known without reading the whole file."""
        return self._source.parameter_count_is_cheap

    def encode_types(self, words: Sequence[str]) -> list[FloatArray]:
        """Return one (V, dim) array. Raises ModelError if the file is damaged."""
        words = as_words(words)
        self._source.read(self._spellings(words))
        out = np.zeros((len(words), self.dim), dtype=np.float32)
        absent = []
        for i, word in enumerate(words):
            vector = self._source.vector(self._spelling(word))
            if vector is None:
                absent.append(i)
            else:
                out[i] = vector
        if self.untrained is not None:
            present = np.setdiff1d(np.arange(len(words)), absent)
            mean, deviation = self._source.statistics()
            drawn = hashed_vectors(
                [self._spelling(words[i]) for i in present], self.dim, self.untrained
            )
            out[present] = mean + deviation * drawn
        if absent and self.unknown != "zero":
            mean, deviation = self._source.statistics()
            out[absent] = mean
            if self.unknown == "random":
                missing = [words[i].lower() if self.case == "lower" else words[i] for i in absent]
                noise = hashed_vectors(missing, self.dim, self.seed)
                out[absent] = mean + deviation * noise
        return [out]

    def encode_tokens(self, sentences: Sequence[Sequence[str]]) -> list[list[FloatArray]]:
        """Return an empty list per sentence, since there are no token layers."""
        return [[] for _ in each_sentence(sentences)]

    @contextmanager
    def precompute_words(self, words: Sequence[str]) -> Iterator[None]:
        """Read the vectors of ``words`` in one pass; they stay available after the block."""
        self._source.read(self._spellings(words))
        yield

    def coverage(self, words: Sequence[str]) -> dict[str, float] | None:
        """Return the share of ``tokens`` and of ``types`` with a vector; both are 1 for no words.

        Vectors computed from n-grams count as well.
        """
        words = as_words(words)
        types = set(words)
        self._source.index(self._spellings(types))
        known = {word for word in types if self._source.covers(self._spelling(word))}
        return {
            "tokens": sum(word in known for word in words) / len(words) if words else 1.0,
            "types": len(known) / len(types) if types else 1.0,
        }

    def describe(self) -> dict[str, Any]:
        """Describe this provider for a run record; JSON values only."""
        return super().describe() | {"case": self.case, "unknown": self.unknown}

    def _spellings(self, words: Iterable[str]) -> set[str]:
        """All spellings that may be looked up for ``words``."""
        kept = set() if self.case == "lower" else set(words)
        return kept if self.case == "keep" else kept | {word.lower() for word in words}

    def _spelling(self, word: str) -> str:
        """The spelling that is looked up for ``word``."""
        if self.case == "lower":
            return word.lower()
        if self.case == "keep" or self._source.knows(word):
            return word
        lower = word.lower()
        return lower if self._source.knows(lower) else word


class _Settings(StrictModel):
    folder: str | None = None
    format: Format = "auto"
    member: str | None = None
    duplicates: Duplicates = "error"
    case: Case = "keep-then-lower"
    unknown: Unknown = "zero"
    seed: Seed = 0
    untrained: Seed | None = None


class StaticFactory(ProviderFactory):
    """File ``vectors``; the options of :meth:`StaticProvider.from_file`.

    Or option ``folder``, of model2vec, and no other options.
    """

    contextual = False

    def entry_at(self, path: str, base: Path | None, where: str) -> tuple[ModelEntry, Path | None]:
        """Return the entry of ``static:file``, or of ``static:folder``."""
        with parsing(where, ModelError, what=f"cannot look for {path!r:.80}"):
            roots = (base or Path(), *paths.model_folders())
            wanted = paths.expanded(path, where)
            folder = next((root / wanted for root in roots if os.path.isdir(root / wanted)), None)
        if folder is not None:
            entry = ModelEntry(
                provider="static",
                options={"folder": str(folder.absolute())},
                description=f"static vectors of word pieces from {path}",
            )
            return entry, base
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
        if settings.folder is not None:
            others = sorted({*options, *files} - {"folder"})
            if others:
                raise ConfigError(
                    f"a folder of word pieces has no {others[0]!r}",
                    where=where,
                    fix="leave it out: the model's own tokenizer cuts and cases the words",
                )
            from elmobench.features.static.pieces import PieceProvider

            return PieceProvider.from_folder(Path(settings.folder), name=name)
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
            member=settings.member,
            duplicates=settings.duplicates,
            case=settings.case,
            unknown=settings.unknown,
            seed=settings.seed,
            untrained=settings.untrained,
        )


FACTORY = StaticFactory()
