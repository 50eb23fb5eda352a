"""The provider of vectors that were computed elsewhere, for the sentences of one file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from elmobench.core.digests import digest_of
from elmobench.core.errors import ConfigError, ModelError
from elmobench.core.quoting import quoted
from elmobench.core.strict_model import StrictModel
from elmobench.core.validation import validated
from elmobench.data.examples import Sentence
from elmobench.data.sentences import as_sentences, as_words
from elmobench.features.catalog.entries import ModelEntry, ModelFile
from elmobench.features.catalog.file_digests import cached_sha256
from elmobench.features.provider import FeatureProvider, FloatArray, Layer, ProviderFactory
from elmobench.features.vector_files.content import VectorContent

VERSION: Final = 1
"""Increased by hand when any vector changes; tests check this."""

_SUFFIXES: Final = (".hdf5", ".h5", ".safetensors", ".npz")
# Repeated sentences may differ as two batches do, or by the rounding of the file's precision.
# The difference is relative to the largest value of a layer, whatever the scale of the vectors is.
_ALIKE: Final = {2: 2e-3, 4: 1e-4, 8: 1e-4}


class VectorFileProvider(FeatureProvider):
    """Vectors of the sentences of a file; a sentence that the file lacks is an error.

    A sentence is found by its tokens, in whatever order the file has them; a text with one vector
    by its tokens joined by blanks. The digests of all sentences are in memory; vectors are read
    from HDF5 and safetensors when they are asked for.

    Args:
        name: of the features in messages.
        content: the open file.
        digest: of the file.
        contextual: whether a word's vectors depend on its sentence; None for what the file says.
    """

    any_text = False

    def __init__(
        self, name: str, content: VectorContent, digest: str, *, contextual: bool | None = None
    ) -> None:
        self.name = name
        layout = content.layout
        self.layers = tuple(Layer(layer, "token", layout.dim) for layer in layout.layers)
        self.per_text = layout.per_text
        self._contextual = layout.contextual if contextual is None else contextual
        self._content = content
        self._digest = digest
        self._places: dict[bytes, int] | None = None
        self._repeats: dict[bytes, list[int]] = {}

    @classmethod
    def from_file(
        cls, path: Path, *, name: str | None = None, contextual: bool | None = None
    ) -> VectorFileProvider:
        """Open an HDF5, safetensors or NPZ file, by its suffix.

        Raises:
            ModelError: if it has another suffix, is damaged or has no vectors.
        """
        content = open_content(path)
        return cls(name or str(path), content, cached_sha256(path), contextual=contextual)

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the file's content."""
        identity = {"kind": "vectors", "version": VERSION, "file": self._digest}
        if self._contextual != self._content.layout.contextual:
            identity["contextual"] = str(self._contextual)
        return digest_of(identity)

    @property
    def contextual(self) -> bool:
        """Whether a word's vectors depend on its sentence, as the file or the user says."""
        return self._contextual

    @property
    def parameters(self) -> int:
        """Number of values in the weights of the model that ``encode`` used; 0 if unknown."""
        stated = self._content.layout.made_by.get("parameters")
        return stated if isinstance(stated, int) and 0 <= stated < 2**53 else 0

    def check_sentences(self, sentences: Iterable[Sequence[str]]) -> None:
        """Raise ModelError if the file lacks some of ``sentences``, or has them with other lengths.

        The message names the first one, and how many of how many are missing.
        """
        distinct = dict.fromkeys(map(tuple, sentences))
        key, places = self._content.layout.key, self._index()
        lengths = self._content.lengths()
        absent = []
        for sentence in distinct:
            place = places.get(key(sentence))
            if place is None:
                absent.append(sentence)
            elif not self.per_text and lengths[place] not in (-1, len(sentence)):
                raise self._other_length(int(lengths[place]), sentence, place)
        if absent:
            what = "texts" if self.per_text else "sentences"
            raise ModelError(
                f"{len(absent):,} of {len(distinct):,} {what} are missing, the first is "
                f"{quoted(' '.join(absent[0]))}"
                + (f" ({len(absent[0])} tokens)" if not self.per_text else ""),
                where=str(self._content.path),
                fix="compute them too: `elmobench data sentences TASK` lists what a task or an "
                "experiment needs, `elmobench encode SPEC --for TASK` writes their vectors",
            )

    def encode_types(self, words: Sequence[str]) -> list[FloatArray]:
        """Return no arrays: vectors are those of tokens in their sentences."""
        as_words(words)
        return []

    def encode_tokens(self, sentences: Sequence[Sequence[str]]) -> list[list[FloatArray]]:
        """Return one (T, D) array per layer for each sentence, or (1, D) for each text.

        Raises:
            ModelError: if a sentence is missing, or has vectors of another shape, values that are
                not finite, or different vectors in two places.
        """
        given = as_sentences(sentences)
        self.check_sentences(given)
        return [list(self._vectors(sentence)) for sentence in given]

    def describe(self) -> dict[str, Any]:
        """Describe this provider for a run record; JSON values only."""
        layout = self._content.layout
        made_by = {
            key: layout.made_by[key]
            for key in ("name", "fingerprint")
            if isinstance(layout.made_by.get(key), str)
        }
        return super().describe() | {
            "file": self._content.path.name,
            "sentences": layout.sentences,
            **({"made_by": made_by} if made_by else {}),
        }

    def _index(self) -> dict[bytes, int]:
        """Key -> first place in the file. Read once, when it is first needed."""
        if self._places is None:
            places: dict[bytes, int] = {}
            for place, key in enumerate(self._content.keys()):
                first = places.setdefault(key, place)
                if first != place:
                    self._repeats.setdefault(key, []).append(place)
            self._places = places
        return self._places

    def _vectors(self, sentence: Sentence) -> FloatArray:
        content = self._content
        key = content.layout.key(sentence)
        place = self._index()[key]
        vectors = self._checked(place, sentence)
        for other in self._repeats.get(key, ()):
            again = self._checked(other, sentence)
            if not _alike(vectors, again):
                raise ModelError(
                    f"{quoted(' '.join(sentence))} has other vectors than in {content.at(place)}",
                    where=content.at(other),
                    fix="a sentence has the same vectors wherever it appears; for vectors that "
                    "depend on the sentences around it, encode documents as one sentence each",
                )
        with np.errstate(over="ignore"):
            narrow: FloatArray = np.ascontiguousarray(vectors, dtype=np.float32)
        if not np.isfinite(narrow).all():
            raise ModelError("has values beyond float32", where=content.at(place))
        return narrow

    def _checked(self, place: int, sentence: Sentence) -> NDArray[Any]:
        vectors = self._content.read(place)
        if not self.per_text and vectors.shape[1] != len(sentence):
            raise self._other_length(vectors.shape[1], sentence, place)
        finite = np.isfinite(vectors).all(axis=(0, 2))
        if not finite.all():
            bad = int(np.flatnonzero(~finite)[0])
            token = "" if self.per_text else f", token {bad} ({quoted(sentence[bad])})"
            raise ModelError(
                "has values that are not finite",
                where=f"{self._content.at(place)}{token}",
                fix="check the program that computed the vectors",
            )
        return vectors

    def _other_length(self, rows: int, sentence: Sentence, place: int) -> ModelError:
        return ModelError(
            f"{rows} vectors for the {len(sentence)} tokens of {quoted(' '.join(sentence))}",
            where=self._content.at(place),
            fix="give one vector per token of the sentence as the task has it, not per word piece",
        )


def _alike(one: NDArray[Any], other: NDArray[Any]) -> bool:
    if one.shape != other.shape:
        return False
    relative = _ALIKE.get(one.dtype.itemsize, 1e-4)
    smallest = 4 * float(np.finfo(one.dtype).smallest_subnormal)
    wide, again = one.astype(np.float64), other.astype(np.float64)
    axes = (1, 2)
    largest = np.maximum(np.abs(wide).max(axes, initial=0), np.abs(again).max(axes, initial=0))
    apart = np.abs(wide - again).max(axes, initial=0)
    return bool((apart <= relative * largest + smallest).all())


def open_content(path: Path) -> VectorContent:
    """Open a file of vectors by its suffix. Raises ModelError."""
    opened: dict[str, Callable[[Path], VectorContent]] = {}
    suffix = path.suffix.lower()
    if suffix in (".hdf5", ".h5"):
        from elmobench.features.vector_files.hdf5 import Hdf5Content

        opened[suffix] = Hdf5Content
    elif suffix == ".safetensors":
        from elmobench.features.vector_files.safetensors_file import SafetensorsContent

        opened[suffix] = SafetensorsContent
    elif suffix == ".npz":
        from elmobench.features.vector_files.npz import NpzContent

        opened[suffix] = NpzContent
    if suffix not in opened:
        raise ModelError(
            f"unknown format {path.suffix!r}",
            where=str(path),
            fix=f"name a file ending in {', '.join(_SUFFIXES)}; word vectors are static:FILE",
        )
    return opened[suffix](path)


class _Settings(StrictModel):
    contextual: bool | None = None


class VectorFileFactory(ProviderFactory):
    """File ``vectors``, option ``contextual``: whether a word's vectors depend on its sentence."""

    def entry_at(self, path: str, base: Path | None, where: str) -> tuple[ModelEntry, Path | None]:
        """Return the entry of ``vectors:file``."""
        entry = ModelEntry(
            provider="vectors",
            files={"vectors": ModelFile(path=path)},
            description=f"vectors of given sentences from {path}",
        )
        return entry, base

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
        return VectorFileProvider.from_file(
            Path(files["vectors"]), name=name, contextual=settings.contextual
        )


FACTORY = VectorFileFactory()
