"""Static vectors of word pieces, as model2vec saves them: a table, a tokenizer, a configuration.

Source: https://github.com/MinishLab/model2vec, ``model2vec/model.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from elmobench.core.digests import digest_of
from elmobench.core.errors import ModelError
from elmobench.core.parsing import parsing, read_json_object
from elmobench.core.surrogates import replace_surrogates
from elmobench.data.sentences import as_sentences, as_words, each_sentence
from elmobench.features.catalog.file_digests import cached_sha256
from elmobench.features.provider import FeatureProvider, FloatArray, Layer
from elmobench.features.static.module_list import MODULES, static_steps
from elmobench.features.transformer.checks import library_errors

VERSION: Final = 1
"""Increased by hand when any vector changes; tests check this."""
MOST_PIECES: Final = 512
"""Pieces of a text that are read; model2vec cuts off the others."""

_WEIGHTS, _TOKENIZER, _CONFIG = "model.safetensors", "tokenizer.json", "config.json"
_TABLES: Final = ("embeddings", "embedding.weight")
_SAVE_AGAIN: Final = "save the model again with `save_pretrained`"


@dataclass(frozen=True)
class PieceTable:
    """The vectors of all pieces, and what cuts text into pieces.

    Attributes:
        rows: (V, D) vector of each piece, with its weight applied.
        tokenizer: of the ``tokenizers`` library.
        unknown: id of the unknown piece, which has no part in any mean; None if there is none.
        normalize: whether the vectors of texts are scaled to length 1.
        digest: SHA-256 (hex) of the digests of all files, when they were read.
        where: the features, for messages.
    """

    rows: FloatArray
    tokenizer: Tokenizer
    unknown: int | None
    normalize: bool
    digest: str
    where: str

    def pieces(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of the known pieces of each text, without special tokens."""
        clean = [replace_surrogates(text) for text in texts]
        with library_errors("its tokenizer fails", self.where, _SAVE_AGAIN):
            encoded = self.tokenizer.encode_batch(clean, add_special_tokens=False)
        return [[i for i in one.ids if i != self.unknown] for one in encoded]

    def means(self, pieces: Sequence[Sequence[int]]) -> FloatArray:
        """(N, D) mean vectors; zeros where there are no pieces."""
        out = np.zeros((len(pieces), self.rows.shape[1]), dtype=np.float32)
        for row, ids in zip(out, pieces, strict=True):
            if ids:
                row[:] = self.rows[ids].mean(axis=0, dtype=np.float64)
        return out


def read_table(folder: Path, where: str) -> PieceTable:
    """Read the model in a folder.

    Raises:
        ModelError: a file is missing or damaged, or they do not belong together.
    """
    inner, by_modules = static_steps(folder, where)
    files = {name: inner / name for name in (_WEIGHTS, _TOKENIZER)}
    for name in (_CONFIG, MODULES):
        if (folder / name).is_file():
            files[name] = folder / name
    absent = [name for name, path in files.items() if not path.is_file()]
    if absent:
        raise ModelError(f"there is no {absent[0]} in {inner}", where=where, fix=_SAVE_AGAIN)
    digest = digest_of({name: cached_sha256(path) for name, path in files.items()})
    config = read_json_object(files[_CONFIG], ModelError) if _CONFIG in files else {}
    with parsing(files[_WEIGHTS], ModelError, what="cannot be read", fix=_SAVE_AGAIN):
        arrays = load_file(files[_WEIGHTS])
    with library_errors("its tokenizer cannot be read", where, _SAVE_AGAIN):
        tokenizer = Tokenizer.from_file(str(files[_TOKENIZER]))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        vocabulary = tokenizer.get_vocab()
        unknown = vocabulary.get(getattr(tokenizer.model, "unk_token", None) or "")
    rows = _rows(arrays, max(vocabulary.values(), default=-1) + 1, f"{where}: {files[_WEIGHTS]}")
    normalize = by_modules or config.get("normalize") is True
    return PieceTable(rows, tokenizer, unknown, normalize, digest, where)


def _rows(arrays: dict[str, NDArray[Any]], pieces: int, where: str) -> FloatArray:
    table = next((arrays[name] for name in _TABLES if name in arrays), None)
    if table is None or table.ndim != 2 or 0 in table.shape or table.dtype.kind not in "fi":
        raise ModelError(
            f"has no table {' or '.join(_TABLES)} of numbers, (pieces, values)",
            where=where,
            fix="name a folder of model2vec; a transformer is bert:FOLDER or sentence:FOLDER",
        )
    mapping = arrays.get("mapping")
    ids = np.arange(len(table)) if mapping is None else mapping
    weights = arrays.get("weights")
    fits = (
        ids.ndim == 1
        and ids.dtype.kind in "iu"
        and len(ids) >= pieces
        and int(ids.min(initial=0)) >= 0
        and int(ids.max(initial=0)) < len(table)
        and (weights is None or (weights.shape == ids.shape and weights.dtype.kind == "f"))
    )
    if not fits:
        raise ModelError(
            f"has vectors for {len(ids):,} pieces in a table of {len(table):,}, and its tokenizer "
            f"has {pieces:,} pieces",
            where=where,
            fix=_SAVE_AGAIN,
        )
    with np.errstate(over="ignore", invalid="ignore"):
        rows: FloatArray = table[ids].astype(np.float32)
        if weights is not None:
            rows = rows * weights.astype(np.float32)[:, None]
    if not np.isfinite(rows).all():
        raise ModelError("has values that are not finite", where=where, fix=_SAVE_AGAIN)
    return rows


class PieceProvider(FeatureProvider):
    """Static vectors of words: a word's vector is the mean of the rows of its pieces.

    A word of which the tokenizer knows no piece has a vector of zeros.

    Args:
        name: for messages.
        table: the vectors of the pieces.
    """

    def __init__(self, name: str, table: PieceTable) -> None:
        self.name = name
        self._table = table
        self.layers = (Layer("static", "type", int(table.rows.shape[1])),)

    @classmethod
    def from_folder(cls, folder: Path, *, name: str | None = None) -> PieceProvider:
        """Load a folder that model2vec saved. Raises ModelError."""
        return cls(name or str(folder), read_table(folder, f"features {name or str(folder)!r}"))

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of all files and the code version."""
        return digest_of({"kind": "static-pieces", "version": VERSION, "files": self._table.digest})

    @property
    def parameters(self) -> int:
        """Number of values in the table of pieces."""
        return int(self._table.rows.size)

    def encode_types(self, words: Sequence[str]) -> list[FloatArray]:
        """Return one (V, dim) array."""
        return [self._table.means(self._table.pieces(as_words(words)))]

    def encode_tokens(self, sentences: Sequence[Sequence[str]]) -> list[list[FloatArray]]:
        """Return an empty list per sentence, since there are no token layers."""
        return [[] for _ in each_sentence(sentences)]

    def coverage(self, words: Sequence[str]) -> dict[str, float] | None:
        """Return the share of ``tokens`` and of ``types`` with a known piece; 1 for no words."""
        words = as_words(words)
        types = sorted(set(words))
        known = {word for word, ids in zip(types, self._table.pieces(types), strict=True) if ids}
        return {
            "tokens": sum(word in known for word in words) / len(words) if words else 1.0,
            "types": len(known) / len(types) if types else 1.0,
        }


class PieceTextProvider(FeatureProvider):
    """One vector per text by model2vec's rule: the mean of the rows of its pieces.

    The first :data:`MOST_PIECES` known pieces of the text are read; the mean is scaled to length 1
    if the model says so. A text without known pieces has a vector of zeros.

    Args:
        name: for messages.
        table: the vectors of the pieces.
    """

    per_text = True

    def __init__(self, name: str, table: PieceTable) -> None:
        self.name = name
        self._table = table
        self.layers = (Layer("text", "token", int(table.rows.shape[1])),)

    @classmethod
    def from_folder(cls, folder: Path, *, name: str | None = None) -> PieceTextProvider:
        """Load a folder that model2vec saved. Raises ModelError."""
        return cls(name or str(folder), read_table(folder, f"features {name or str(folder)!r}"))

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of all files and the code version."""
        return digest_of({"kind": "text-pieces", "version": VERSION, "files": self._table.digest})

    @property
    def parameters(self) -> int:
        """Number of values in the table of pieces."""
        return int(self._table.rows.size)

    def encode_types(self, words: Sequence[str]) -> list[FloatArray]:
        """Return no arrays: vectors are those of texts."""
        as_words(words)
        return []

    def encode_tokens(self, sentences: Sequence[Sequence[str]]) -> list[list[FloatArray]]:
        """Return one (1, D) array for each text."""
        texts = [" ".join(sentence) for sentence in as_sentences(sentences)]
        means = self._table.means([ids[:MOST_PIECES] for ids in self._table.pieces(texts)])
        if self._table.normalize:
            lengths = np.sqrt(np.einsum("nd,nd->n", means, means, dtype=np.float64))
            means = (means / np.where(lengths > 0, lengths, 1.0)[:, None]).astype(np.float32)
        return [[row[None]] for row in means]
