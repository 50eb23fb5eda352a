"""What every file of vectors has: a layout, the keys of its sentences, and their vectors."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from elmobench.core.digests import sentence_digest
from elmobench.core.errors import ModelError
from elmobench.data.examples import Sentence

WIDEST: Final = 100_000
"""Largest number of values per vector."""
MOST_LAYERS: Final = 1_000
"""Largest number of layers."""
WRITE_AGAIN: Final = "write the file again; docs/guides/own-vectors.md describes the layouts"

_LAYER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_BLOCK: Final = 4_096


@dataclass(frozen=True)
class Layout:
    """What a file of vectors contains.

    Attributes:
        layers: names of the L layers.
        dim: values per vector, D.
        sentences: number of sentences (or texts) in the file.
        per_text: whether there is one vector per text, not one per token.
        joined: whether sentences are known as texts, their tokens joined by blanks.
        contextual: whether a word's vectors depend on its sentence, by what the file says.
        made_by: what the file says about the model that computed the vectors.
    """

    layers: tuple[str, ...]
    dim: int
    sentences: int
    per_text: bool = False
    joined: bool = False
    contextual: bool = True
    made_by: Mapping[str, Any] = field(default_factory=dict)

    def key(self, sentence: Sequence[str]) -> bytes:
        """The digest by which the file's sentences are looked up."""
        return sentence_digest((" ".join(sentence),) if self.joined else sentence)


class VectorContent(ABC):
    """An open file of vectors.

    Attributes:
        path: the file.
        layout: what it contains.
    """

    path: Path
    layout: Layout

    @abstractmethod
    def keys(self) -> Iterator[bytes]:
        """Yield the key of each sentence, in the order of the file.

        Raises:
            ModelError: if the text is damaged.
        """

    @abstractmethod
    def lengths(self) -> NDArray[np.int64]:
        """(S,) numbers of tokens of the sentences; -1 where only the vectors can tell."""

    @abstractmethod
    def read(self, index: int) -> NDArray[Any]:
        """Read the (L, T, D) vectors of a sentence; T is 1 for a text.

        Raises:
            ModelError: if they have another shape or type; the message names the sentence.
        """

    def at(self, index: int) -> str:
        """Name a sentence for messages, numbered from 0."""
        what = "text" if self.layout.per_text else "sentence"
        return f"{self.path}, {what} {index:,}"


def checked_layout(layout: Layout, where: str) -> Layout:
    """Return ``layout``. Raises ModelError if its sizes cannot be those of vectors."""
    if layout.sentences < 1:
        raise ModelError("has no sentences", where=where, fix=WRITE_AGAIN)
    if not 1 <= layout.dim <= WIDEST:
        raise ModelError(
            f"has vectors of {layout.dim:,} values; 1 to {WIDEST:,} are read",
            where=where,
            fix="the last axis is that of a vector's values",
        )
    if not 1 <= len(layout.layers) <= MOST_LAYERS:
        raise ModelError(
            f"has {len(layout.layers):,} layers; 1 to {MOST_LAYERS:,} are read",
            where=where,
            fix="the first axis of three is that of the layers: (layers, tokens, values)",
        )
    return layout


def layer_names(metadata: Mapping[str, Any], count: int) -> tuple[str, ...]:
    """The names of ``count`` layers: those that ``encode`` states, or ``layer_0`` and so on."""
    provider = metadata.get("provider")
    candidates = [provider.get("layers")] if isinstance(provider, Mapping) else []
    candidates.append(metadata.get("arrays"))
    for names in candidates:
        if (
            isinstance(names, list)
            and len(names) == count == len(set(map(str, names)))
            and all(isinstance(name, str) and _LAYER_NAME.fullmatch(name) for name in names)
        ):
            return tuple(names)
    return tuple(f"layer_{i}" for i in range(count))


def made_by(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What ``encode`` states about the provider that computed the vectors."""
    provider = metadata.get("provider")
    return dict(provider) if isinstance(provider, Mapping) else {}


def is_contextual(metadata: Mapping[str, Any]) -> bool:
    """Whether vectors depend on the sentence; files that do not say it count as contextual."""
    return metadata.get("contextual") is not False


def checked_offsets(offsets: NDArray[Any], total: int, what: str, where: str) -> NDArray[np.int64]:
    """Return (n + 1,) ascending offsets from 0 to ``total``. Raises ModelError for others."""
    if offsets.ndim != 1 or not len(offsets) or offsets.dtype.kind not in "iu":
        raise ModelError(
            f"{what} is of type {offsets.dtype} and shape {offsets.shape}, not whole numbers "
            "of shape (n + 1,)",
            where=where,
            fix=WRITE_AGAIN,
        )
    if offsets.dtype.kind == "u" and int(offsets.max()) > np.iinfo(np.int64).max:
        raise ModelError(f"{what} has numbers beyond all sizes", where=where, fix=WRITE_AGAIN)
    checked: NDArray[np.int64] = offsets.astype(np.int64)
    if checked[0] != 0 or checked[-1] != total or (np.diff(checked) < 0).any():
        raise ModelError(
            f"{what} does not ascend from 0 to {total:,}", where=where, fix=WRITE_AGAIN
        )
    return checked


def sentences_of(
    offsets: NDArray[np.int64], token_offsets: NDArray[np.int64], text: Any, where: str
) -> Iterator[Sentence]:
    """Yield the sentences of a flat text, reading a part of it at a time.

    Args:
        offsets: (S + 1,) first token of each sentence.
        token_offsets: (tokens + 1,) first byte of each token.
        text: UTF-8 bytes of all tokens; anything that gives arrays for slices.
        where: the file, for messages.

    Raises:
        ModelError: if a token is not UTF-8.
    """
    for start in range(0, len(offsets) - 1, _BLOCK):
        bounds = offsets[start : start + _BLOCK + 1]
        begins = token_offsets[bounds[0] : bounds[-1] + 1]
        raw = np.asarray(text[int(begins[0]) : int(begins[-1])]).tobytes()
        begins = begins - begins[0]
        for i, (first, last) in enumerate(pairwise((bounds - bounds[0]).tolist())):
            pieces = pairwise(begins[first : last + 1].tolist())
            try:
                yield tuple(str(raw[a:b], "utf-8", "surrogatepass") for a, b in pieces)
            except UnicodeDecodeError as error:
                raise ModelError(
                    "has a token that is not UTF-8",
                    where=f"{where}, sentence {start + i:,}",
                    fix=WRITE_AGAIN,
                ) from error
