"""Vectors in an NPZ file, as ``numpy.savez`` writes it."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from elmobench.core.compressed import open_member
from elmobench.core.digests import sentence_digest
from elmobench.core.errors import ModelError
from elmobench.core.parsing import parsing
from elmobench.features.vector_files.content import (
    WRITE_AGAIN,
    Layout,
    VectorContent,
    checked_layout,
)

_LAYOUT: Final = (
    "numpy.savez(FILE, tokens=…, lengths=…, vectors=…): all tokens, the number of tokens of each "
    "sentence, and (tokens, values) or (layers, tokens, values); or texts=… and (texts, values)"
)
_LARGEST_RATIO: Final = 100
_SMALL: Final = 1 << 24


class NpzContent(VectorContent):
    """Arrays ``tokens`` (N,), ``lengths`` (S,) and ``vectors`` (N, D) or (L, N, D).

    Or ``texts`` (S,) and ``vectors`` (S, D), one vector per text. An array ``contextual`` with the
    one value false says that a word's vectors do not depend on its sentence. The file is read as a
    whole; nothing in it is run.

    Args:
        path: the file.

    Raises:
        ModelError: if it is damaged, or an array is missing or has another shape.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        where = str(path)
        arrays = _read_arrays(path)
        if "vectors" not in arrays:
            raise ModelError("has no array 'vectors'", where=where, fix=_LAYOUT)
        vectors = arrays["vectors"]
        per_text = "texts" in arrays
        if per_text and "tokens" in arrays:
            raise ModelError("has both 'texts' and 'tokens'", where=where, fix=_LAYOUT)
        if vectors.dtype.kind != "f" or vectors.ndim not in ((2, 3) if not per_text else (2,)):
            raise ModelError(
                f"'vectors' is of type {vectors.dtype} and shape {vectors.shape}",
                where=where,
                fix=_LAYOUT,
            )
        self._vectors = vectors if vectors.ndim == 3 else vectors[None]
        self._words = _strings(arrays, "texts" if per_text else "tokens", where)
        if per_text:
            self._lengths = np.ones(len(self._words), dtype=np.int64)
        else:
            self._lengths = _lengths(arrays, len(self._words), where)
        if self._vectors.shape[1] != len(self._words):
            raise ModelError(
                f"'vectors' has {self._vectors.shape[1]:,} rows for {len(self._words):,} "
                f"{'texts' if per_text else 'tokens'}",
                where=where,
                fix=_LAYOUT,
            )
        self._ends = np.cumsum(self._lengths)
        self.layout = checked_layout(
            Layout(
                layers=tuple(f"layer_{i}" for i in range(self._vectors.shape[0])),
                dim=self._vectors.shape[2],
                sentences=len(self._lengths),
                per_text=per_text,
                joined=per_text,
                contextual=_flag(arrays, "contextual", where),
            ),
            where,
        )

    def keys(self) -> Iterator[bytes]:
        """See :meth:`VectorContent.keys`."""
        for length, end in zip(self._lengths.tolist(), self._ends.tolist(), strict=True):
            yield sentence_digest(self._words[end - length : end])

    def lengths(self) -> NDArray[np.int64]:
        """See :meth:`VectorContent.lengths`."""
        return self._lengths

    def read(self, index: int) -> NDArray[Any]:
        """See :meth:`VectorContent.read`."""
        end = int(self._ends[index])
        vectors: NDArray[Any] = self._vectors[:, end - int(self._lengths[index]) : end]
        return vectors


def _strings(arrays: dict[str, NDArray[Any]], name: str, where: str) -> list[str]:
    array = arrays.get(name)
    if array is None:
        raise ModelError(f"has no array {name!r}", where=where, fix=_LAYOUT)
    # An empty list is an array of floats.
    if array.ndim != 1 or (array.dtype.kind != "U" and len(array)):
        raise ModelError(
            f"{name!r} is of type {array.dtype} and shape {array.shape}, not a list of strings",
            where=where,
            fix=_LAYOUT,
        )
    return [str(word) for word in array.tolist()]


def _lengths(arrays: dict[str, NDArray[Any]], tokens: int, where: str) -> NDArray[np.int64]:
    array = arrays.get("lengths")
    if array is None:
        raise ModelError("has no array 'lengths'", where=where, fix=_LAYOUT)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ModelError(
            f"'lengths' is of type {array.dtype} and shape {array.shape}, not whole numbers",
            where=where,
            fix=_LAYOUT,
        )
    # Compared before they are added, so that no sum overflows.
    if ((array < 0) | (array > tokens)).any() or int(array.astype(object).sum()) != tokens:
        raise ModelError(
            f"'lengths' does not add up to the {tokens:,} tokens", where=where, fix=_LAYOUT
        )
    lengths: NDArray[np.int64] = array.astype(np.int64)
    return lengths


def _flag(arrays: dict[str, NDArray[Any]], name: str, where: str) -> bool:
    array = arrays.get(name)
    if array is None:
        return True
    if array.dtype.kind != "b" or array.size != 1:
        raise ModelError(f"{name!r} is not true or false", where=where, fix=f"{name}=False")
    return bool(array.reshape(-1)[0])


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of the file by name, without pickled ones, in memory of bounded size."""
    what = "not a readable NPZ file"
    with parsing(path, ModelError, what=what, fix=_LAYOUT), zipfile.ZipFile(path) as bundle:
        members = bundle.infolist()
        most = max(_LARGEST_RATIO * path.stat().st_size, _SMALL)
        size = sum(member.file_size for member in members)
        if size > most:
            raise ModelError(
                f"unpacks to {size:,} bytes, more than {_LARGEST_RATIO} times its size",
                where=str(path),
                fix=WRITE_AGAIN,
            )
        arrays: dict[str, NDArray[Any]] = {}
        for member in members:
            name = member.filename.removesuffix(".npy")
            if name in arrays:
                raise ModelError(f"has {name!r:.80} twice", where=str(path), fix=WRITE_AGAIN)
            with open_member(bundle, member) as stream:
                arrays[name] = _read_array(stream, member.file_size, f"{path}, {name!r:.80}")
        return arrays


def _read_array(stream: IO[bytes], size: int, where: str) -> NDArray[Any]:
    """One array in numpy's format; its header is compared with ``size`` before memory is taken."""
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        # Version 3 is for names of fields outside of Latin-1, which no array of ours has.
        raise ModelError(f"is of version {version} of numpy's format", where=where, fix=_LAYOUT)
    header = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, fortran, dtype = header(stream)
    if dtype.hasobject:
        raise ModelError(
            "holds Python objects, which are not read: they can run code",
            where=where,
            fix=_LAYOUT,
        )
    count = 1
    for extent in shape:
        count *= extent
    data = stream.read(size)
    if count < 0 or count * dtype.itemsize != len(data):
        raise ModelError(
            f"should hold {count * dtype.itemsize:,} bytes and has {len(data):,}",
            where=where,
            fix=WRITE_AGAIN,
        )
    array = np.frombuffer(data, dtype=dtype, count=count) if count else np.zeros(0, dtype)
    return array.reshape(shape, order="F" if fortran else "C")
