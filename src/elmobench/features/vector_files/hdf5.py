"""Vectors in an HDF5 file: of ``elmobench encode``, or of ``allennlp elmo``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
from numpy.typing import NDArray

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
from elmobench.features.vector_files.hdf5_heaps import CheckedHeaps

TOKENS_GROUP: Final = "elmobench"
"""The group with the exact tokens of all sentences, as ``elmobench encode`` writes it."""
INDEX: Final = "sentence_to_index"
"""AllenNLP's index: a JSON object from the text of a sentence to the name of its dataset."""

# HDF5 can compress; a dataset of which nothing is stored would be read as zeros.
_LARGEST_RATIO: Final = 2000


class Hdf5Content(VectorContent):
    """One dataset per sentence, read when it is asked for.

    A dataset has the shape (L, T, D), (T, D) for one layer, or (D,) for one vector per text. The
    tokens are in the group ``elmobench``; in AllenNLP's files they are joined by blanks, as the
    keys of ``sentence_to_index``.

    Args:
        path: the file.

    Raises:
        ModelError: if it is damaged, or has neither the tokens nor an index.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._names: list[str] | None = None
        self._texts: list[str] = []
        self._offsets: NDArray[np.int64] | None = None
        with self._reading():
            self._file = _opened(path)
            with _opened_for_texts(path) as texts:
                metadata, index = self._metadata(texts), self._index(texts)
            if TOKENS_GROUP in self._file:
                count = self._read_tokens()
            elif index is not None:
                self._texts, self._names = list(index), [str(name) for name in index.values()]
                count = len(self._names)
            else:
                raise ModelError(
                    f"has no tokens: neither a group {TOKENS_GROUP!r} nor {INDEX!r}",
                    where=str(path),
                    fix="write it with `elmobench encode`: files with more than 16 MB of text that "
                    "an earlier version wrote lack the tokens",
                )
            if not count:
                checked_layout(Layout((), 1, 0), str(path))
            self.layout = self._layout(count, metadata)

    def keys(self) -> Iterator[bytes]:
        """See :meth:`VectorContent.keys`."""
        if self._offsets is None:
            for text in self._texts:
                yield self.layout.key((text,))
            return
        with self._reading():
            group = self._file[TOKENS_GROUP]
            text = self._array(group, "tokens", "u")
            ends = checked_offsets(
                self._array(group, "token_offsets", "iu")[...],
                len(text),
                "token_offsets",
                str(self.path),
            )
            checked_offsets(self._offsets, len(ends) - 1, "offsets", str(self.path))
            for sentence in sentences_of(self._offsets, ends, text, str(self.path)):
                yield self.layout.key(sentence)

    def lengths(self) -> NDArray[np.int64]:
        """See :meth:`VectorContent.lengths`."""
        if self._offsets is None:
            return np.full(self.layout.sentences, -1, dtype=np.int64)
        return np.diff(self._offsets)

    def read(self, index: int) -> NDArray[Any]:
        """See :meth:`VectorContent.read`."""
        with self._reading():
            dataset = self._dataset(index)
            layers, dim = len(self.layout.layers), self.layout.dim
            shape = dataset.shape
            full = (1, 1, *shape) if len(shape) == 1 else (1, *shape) if len(shape) == 2 else shape
            if (
                len(full) != 3
                or (len(shape) == 1) != self.layout.per_text
                or (full[0], full[2]) != (layers, dim)
            ):
                raise ModelError(
                    f"has the shape {shape}, and the first sentence has {layers} layers of "
                    f"{dim} values",
                    where=self.at(index),
                    fix=WRITE_AGAIN,
                )
            values: NDArray[Any] = dataset[...]
            return values.reshape(full)

    def _metadata(self, texts: Any) -> dict[str, Any]:
        stated = texts.attrs.get("elmobench")
        if stated is None:
            return {}
        return parse_json_object(str(stated), f"{self.path}, attribute 'elmobench'", ModelError)

    def _read_tokens(self) -> int:
        group = self._file[TOKENS_GROUP]
        if not isinstance(group, h5py.Group):
            raise ModelError(f"{TOKENS_GROUP!r} is not a group", where=str(self.path))
        offsets = self._array(group, "offsets", "iu")[...]
        total = int(offsets[-1]) if offsets.ndim == 1 and len(offsets) else 0
        self._offsets = checked_offsets(offsets, total, "offsets", str(self.path))
        return len(self._offsets) - 1

    def _index(self, texts: Any) -> dict[str, Any] | None:
        """AllenNLP's index; None if there are exact tokens or no index."""
        if TOKENS_GROUP in texts or INDEX not in texts:
            return None
        dataset = texts[INDEX]
        if not isinstance(dataset, h5py.Dataset) or dataset.size != 1:
            raise ModelError(f"{INDEX!r} is not one string", where=str(self.path), fix=WRITE_AGAIN)
        raw = dataset[...].reshape(-1)[0]
        return parse_json_object(
            raw if isinstance(raw, bytes) else str(raw), f"{self.path}, {INDEX}", ModelError
        )

    def _layout(self, count: int, metadata: dict[str, Any]) -> Layout:
        shape = self._dataset(0).shape
        if not 1 <= len(shape) <= 3:
            raise ModelError(
                f"has the shape {shape}; expected (layers, tokens, values), (tokens, values), or "
                "(values,) for one vector per text",
                where=f"{self.path}, sentence 0",
                fix=WRITE_AGAIN,
            )
        layers = shape[0] if len(shape) == 3 else 1
        return checked_layout(
            Layout(
                layers=layer_names(metadata, layers),
                dim=shape[-1],
                sentences=count,
                per_text=len(shape) == 1,
                joined=self._offsets is None or len(shape) == 1,
                contextual=is_contextual(metadata),
                made_by=made_by(metadata),
            ),
            str(self.path),
        )

    def _dataset(self, index: int) -> Any:
        name = str(index) if self._names is None else self._names[index]
        return self._array(self._file, name, "f")

    def _array(self, group: Any, name: str, kinds: str) -> Any:
        dataset = group.get(name)
        where = f"{self.path}, dataset {name!r:.80}"
        if not isinstance(dataset, h5py.Dataset):
            raise ModelError("is missing", where=where, fix=WRITE_AGAIN)
        if dataset.dtype.kind not in kinds:
            raise ModelError(f"has the type {dataset.dtype}", where=where, fix=WRITE_AGAIN)
        if dataset.is_virtual or dataset.external:
            raise ModelError("takes its values from other files", where=where, fix=WRITE_AGAIN)
        if dataset.nbytes > _LARGEST_RATIO * dataset.id.get_storage_size():
            raise ModelError(
                f"should hold {dataset.nbytes:,} bytes, but "
                f"{dataset.id.get_storage_size():,} are stored",
                where=where,
                fix=WRITE_AGAIN,
            )
        return dataset

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with parsing(self.path, ModelError, what="not a readable HDF5 file", fix=WRITE_AGAIN):
            try:
                yield
            except RuntimeError as error:
                raise ValueError(str(error)) from error  # h5py's word for some kinds of damage


def _opened(path: Path) -> Any:
    with parsing(path, ModelError, what="not a readable HDF5 file", fix=WRITE_AGAIN):
        return h5py.File(path, "r")


@contextmanager
def _opened_for_texts(path: Path) -> Iterator[Any]:
    """The file, to read texts from without hanging; arrays are read faster from another one."""
    with (
        parsing(path, ModelError, what="not a readable HDF5 file", fix=WRITE_AGAIN),
        CheckedHeaps(path) as stream,
        h5py.File(stream, "r") as file,
    ):
        yield file
