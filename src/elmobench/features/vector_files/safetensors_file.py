"""Vectors in a safetensors file that ``elmobench encode`` wrote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from elmobench.core.errors import ModelError
from elmobench.core.parsing import parse_json_object, parsing
from elmobench.features.vector_files.content import (
    WRITE_AGAIN,
    Layout,
    VectorContent,
    checked_layout,
    checked_offsets,
    is_contextual,
    layer_names,
    made_by,
    sentences_of,
)

_TEXT: Final = ("offsets", "token_offsets", "tokens")


class SafetensorsContent(VectorContent):
    """Flat arrays with the rows of all sentences, read by slices.

    Every array other than ``offsets``, ``token_offsets`` and ``tokens`` is a layer, (tokens, D),
    or (sentences, D) with one vector per text; ``arrays`` in the metadata gives their order.

    Args:
        path: the file.

    Raises:
        ModelError: if it is damaged, or an array is missing or has another shape.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        where = str(path)
        with parsing(path, ModelError, what="not a readable safetensors file", fix=WRITE_AGAIN):
            self._file = _opened(path)
            stated = (self._file.metadata() or {}).get("elmobench")
            metadata = (
                {}
                if stated is None
                else parse_json_object(stated, f"{where}, metadata", ModelError)
            )
            names = list(self._file.keys())
            absent = [name for name in _TEXT if name not in names]
            if absent:
                raise ModelError(
                    f"has no array {absent[0]!r}, so it is not a file of `elmobench encode`",
                    where=where,
                    fix="for word vectors or a model use static:, bert: or sentence:",
                )
            tokens = self._file.get_slice("token_offsets").get_shape()
            offsets = self._file.get_tensor("offsets")
            count = int(np.prod(tokens, dtype=np.int64)) - 1
            self._offsets = checked_offsets(offsets, count, "offsets", where)
            self._arrays = _array_names(metadata, [name for name in names if name not in _TEXT])
            shapes = {tuple(self._slice(name).get_shape()) for name in self._arrays}
        if len(shapes) != 1 or len(shape := shapes.pop()) != 2:
            raise ModelError(
                f"its layers ({', '.join(self._arrays)[:200]}) are not (rows, values) alike",
                where=where,
                fix=WRITE_AGAIN,
            )
        sentences = len(self._offsets) - 1
        per_text = metadata.get("per_sentence") is True or shape[0] != count
        if shape[0] != (sentences if per_text else count):
            raise ModelError(
                f"has {shape[0]:,} rows of vectors for {count:,} tokens in {sentences:,} sentences",
                where=where,
                fix=WRITE_AGAIN,
            )
        self.layout = checked_layout(
            Layout(
                layers=layer_names(metadata, len(self._arrays)),
                dim=shape[1],
                sentences=sentences,
                per_text=per_text,
                joined=per_text,
                contextual=is_contextual(metadata),
                made_by=made_by(metadata),
            ),
            where,
        )

    def keys(self) -> Iterator[bytes]:
        """See :meth:`VectorContent.keys`."""
        with parsing(self.path, ModelError, fix=WRITE_AGAIN):
            text = self._file.get_slice("tokens")
            (size,) = text.get_shape()
            ends = checked_offsets(
                self._file.get_tensor("token_offsets"), size, "token_offsets", str(self.path)
            )
            for sentence in sentences_of(self._offsets, ends, text, str(self.path)):
                yield self.layout.key(sentence)

    def lengths(self) -> NDArray[np.int64]:
        """See :meth:`VectorContent.lengths`."""
        return np.diff(self._offsets)

    def read(self, index: int) -> NDArray[Any]:
        """See :meth:`VectorContent.read`."""
        first, last = self._offsets[index : index + 2].tolist()
        if self.layout.per_text:
            first, last = index, index + 1
        with parsing(self.at(index), ModelError, fix=WRITE_AGAIN):
            return np.stack([self._slice(name)[first:last] for name in self._arrays])

    def _slice(self, name: str) -> Any:
        part = self._file.get_slice(name)
        if part.get_dtype() not in ("F16", "F32", "F64"):
            raise ModelError(
                f"array {name!r:.80} has the type {part.get_dtype()}",
                where=str(self.path),
                fix="write vectors as float32 or float16",
            )
        return part


def _opened(path: Path) -> Any:
    with parsing(path, ModelError, what="not a readable safetensors file", fix=WRITE_AGAIN):
        return safe_open(path, framework="np")


def _array_names(metadata: dict[str, Any], present: list[str]) -> list[str]:
    """The layers in their order: as the metadata lists them, else by their names."""
    listed = metadata.get("arrays")
    if isinstance(listed, list) and sorted(map(str, listed)) == sorted(present):
        return [str(name) for name in listed]
    return sorted(present, key=lambda name: (len(name), name))
