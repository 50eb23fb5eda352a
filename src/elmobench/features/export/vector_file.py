"""Encode a text file and write the vectors to one file while they are computed."""

from __future__ import annotations

import glob
import json
import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from elmobench.core.digests import canonical_json
from elmobench.core.errors import ConfigError, DataError, StoreError
from elmobench.core.files import atomic_path, remove_leftovers, writing
from elmobench.data.examples import Sentence
from elmobench.features.coverage import CoverageCount
from elmobench.features.export.hdf5_stream import Hdf5Stream
from elmobench.features.export.layer_selection import LayerSelection
from elmobench.features.export.token_lines import LineCounts
from elmobench.features.provider import FeatureProvider, FloatArray
from elmobench.features.streaming import CHUNK_VALUES, chunked

Precision = Literal["fp16", "fp32"]

SUFFIXES: Final = (".hdf5", ".h5", ".safetensors")
SENTENCE_INDEX_BYTES: Final = 1 << 24
"""Maximum text size for AllenNLP's ``sentence_to_index``, which is a single string."""

_WAITING: Final = 100_000
"""Sentences and tokens whose text is kept in memory until it is written to HDF5."""

_DTYPES: Final[dict[str, Any]] = {"fp16": np.float16, "fp32": np.float32}


class SentenceSource(Protocol):
    """Sentences that can be read twice: lines of a file, or a list.

    Attributes:
        name: for messages.
        counts: from the last complete pass.
    """

    name: str
    counts: LineCounts

    def sentences(self) -> Iterator[Sentence]:
        """Yield all sentences."""

    def count(self) -> LineCounts:
        """Count them."""

    def at(self, index: int) -> str:
        """Name the sentence with this index, from 0; for errors."""


class _Writer(Protocol):
    def write(self, index: int, sentence: Sentence, arrays: NDArray[Any]) -> None:
        """Append one sentence; ``arrays`` is (K, T, W)."""

    def finish(self) -> None:
        """Write the end of the file."""

    def close(self) -> None:
        """Close the file, whether or not it is finished."""


@dataclass(frozen=True)
class _Plan:
    counts: LineCounts
    selection: LayerSelection
    dtype: np.dtype[Any]
    metadata: dict[str, Any]


def export(
    provider: FeatureProvider,
    lines: SentenceSource,
    out: Path,
    selection: LayerSelection,
    precision: Precision = "fp32",
    progress: Callable[[int, int], object] | None = None,
    chunk_values: int = CHUNK_VALUES,
) -> LineCounts:
    """Encode ``lines`` and write their vectors to ``out``; an existing file is replaced at the end.

    A ``.hdf5`` file has one dataset per sentence, named by its number from ``"0"``: (L, T, D) for
    all layers, (T, D) for one array, (D,) for one vector per sentence. Like AllenNLP's files, it
    also has ``sentence_to_index``, a JSON object in a dataset with one string (left out if the text
    is larger than :data:`SENTENCE_INDEX_BYTES`); a group ``elmobench`` has the exact tokens, as the
    arrays ``offsets``, ``token_offsets`` and ``tokens`` that are described next. A ``.safetensors``
    file has each array for the whole file, (tokens, D), ``offsets`` (S + 1) of the sentences, the
    UTF-8 bytes of all ``tokens`` and their ``token_offsets``. Both have a JSON object ``elmobench``
    with fingerprint, layers, precision and the digest of the text.

    Args:
        provider: encodes the sentences.
        lines: the sentences, read twice: for counting and for encoding.
        out: a path ending in ``.hdf5``, ``.h5`` or ``.safetensors``.
        selection: of vectors of ``provider``.
        precision: of the written values.
        progress: called with the number of finished sentences and of all sentences.
        chunk_values: maximum number of values in memory; see :func:`chunked`.

    Raises:
        ConfigError: if ``out`` has another suffix.
        DataError: if a line is not UTF-8, or the text changes while it is read.
        StoreError: if the provider's vectors depend on what was encoded before, a value is too
            large for the precision, or the file cannot be written, as on a full disk; a file that
            was there before is kept.
    """
    if out.suffix not in SUFFIXES:
        raise ConfigError(
            f"unknown file format {out.suffix!r}",
            where=str(out),
            fix=f"use one of the suffixes {', '.join(SUFFIXES)}",
        )
    if not provider.cacheable:
        raise StoreError(
            "its vectors depend on what was encoded before, not only on the line",
            where=f"features {provider.name!r}",
            fix="use @state=zero or @state=warm",
        )
    counts = lines.count()
    with _writing(out):
        remove_leftovers(out.parent, glob.escape(out.name))
    dtype = np.dtype(_DTYPES[precision])
    plan = _Plan(counts, selection, dtype, _metadata(provider, counts, selection, precision))
    with _output(out) as temporary:
        make = _SafetensorsWriter if out.suffix == ".safetensors" else _Hdf5Writer
        with _writing(out):
            writer: _Writer = make(temporary, plan)
        try:
            for index, sentence, vectors in _encoded(provider, lines, chunk_values):
                narrow = _narrowed(selection.select(vectors), precision, lines.at(index))
                with _writing(out):
                    writer.write(index, sentence, narrow)
                if progress is not None:
                    progress(index + 1, counts.sentences)
            if lines.counts != counts:
                raise DataError(
                    "changed while it was read", where=lines.name, fix="encode it again"
                )
            with _writing(out):
                writer.finish()
                writer.close()
        except BaseException:
            # The file is thrown away; closing it fails again if the disk is full.
            with suppress(OSError):
                writer.close()
            raise
    return counts


@contextmanager
def _output(out: Path) -> Iterator[Path]:
    """Yield the temporary path of `out`; what creating or moving it raises becomes StoreError."""
    raised: BaseException | None = None
    try:
        with atomic_path(out) as temporary:
            try:
                yield temporary
            except BaseException as error:
                raised = error
                raise
    except OSError as error:
        if error is raised:
            raise  # Of the provider, say, which reads its files.
        with _writing(out):
            raise


def _writing(out: Path) -> AbstractContextManager[None]:
    """Raise StoreError if `out` cannot be written in the block."""
    fix = "free some space, or write to another folder with --out; no part of the file is kept"
    return writing(out, StoreError, fix=fix)


def _metadata(
    provider: FeatureProvider, counts: LineCounts, selection: LayerSelection, precision: Precision
) -> dict[str, Any]:
    return {
        "format": 1,
        "provider": provider.describe(),
        "arrays": list(selection.names),
        "dim": selection.dim,
        "precision": precision,
        "per_sentence": selection.per_sentence,
        "contextual": provider.contextual,
        "sentences": counts.sentences,
        "tokens": counts.tokens,
        "text_sha256": counts.sha256,
    }


def _encoded(
    provider: FeatureProvider, lines: SentenceSource, chunk_values: int
) -> Iterator[tuple[int, Sentence, FloatArray]]:
    index = 0
    width = provider.num_layers * provider.dim
    count = CoverageCount(provider.name)
    for chunk in chunked(lines.sentences(), width, chunk_values):
        for sentence, vectors in zip(chunk, provider.encode_counted(chunk, count), strict=True):
            yield index, sentence, vectors
            index += 1
    count.warn()


def _narrowed(vectors: FloatArray, precision: Precision, where: str) -> NDArray[Any]:
    """Convert ``vectors`` to the written precision. Raises StoreError naming the line."""
    with np.errstate(over="ignore"):
        narrow = vectors.astype(_DTYPES[precision])
    if not np.isfinite(narrow).all():
        finite = bool(np.isfinite(vectors).all())
        raise StoreError(
            f"a value of {np.abs(vectors).max():.6g} is too large for {precision}"
            if finite
            else "the provider gave values that are not finite",
            where=where,
            fix="use --precision fp32" if finite else "check the model's weights",
        )
    return narrow


class _Hdf5Writer:
    def __init__(self, path: Path, plan: _Plan) -> None:
        import h5py

        self._string = h5py.string_dtype()
        self._stream = Hdf5Stream(path)
        self._file = h5py.File(self._stream, "w")
        self._file.attrs["elmobench"] = canonical_json(plan.metadata)
        self._selection = plan.selection
        self._index: dict[str, str] | None = {}
        self._text_bytes = 0
        self._tokens = _Hdf5Tokens(self._file, plan.counts)

    def write(self, index: int, sentence: Sentence, arrays: NDArray[Any]) -> None:
        if self._selection.per_sentence:
            data = arrays[0, 0]
        else:
            data = arrays if self._selection.stacked else arrays[0]
        self._file.create_dataset(str(index), data=data)
        self._tokens.add(sentence)
        text = " ".join(sentence)
        self._text_bytes += len(text.encode("utf-8", "surrogatepass"))
        if self._text_bytes > SENTENCE_INDEX_BYTES:
            self._index = None
        if self._index is not None:
            self._index.setdefault(text, str(index))
        self._stream.check()

    def finish(self) -> None:
        self._tokens.flush()
        self._stream.check()
        if self._index is not None:
            text = json.dumps(self._index)
            self._file.create_dataset("sentence_to_index", data=[text], dtype=self._string)

    def close(self) -> None:
        self._file.close()
        self._stream.close()


class _Hdf5Tokens:
    """Write the tokens of all sentences into a group, some sentences at a time."""

    def __init__(self, file: Any, counts: LineCounts) -> None:
        group = file.create_group("elmobench")
        sizes = {
            "offsets": ("<i8", counts.sentences + 1),
            "token_offsets": ("<i8", counts.tokens + 1),
            "tokens": ("u1", counts.token_bytes),
        }
        self._arrays = {
            name: group.create_dataset(name, shape=(size,), dtype=dtype)
            for name, (dtype, size) in sizes.items()
        }
        self._done = dict.fromkeys(sizes, 0)
        self._lengths: list[int] = [0]
        self._pieces: list[bytes] = []
        self._waiting = 0
        self._ends = {"offsets": 0, "token_offsets": 0}
        self._append("token_offsets", np.zeros(1, dtype="<i8"))

    def add(self, sentence: Sentence) -> None:
        pieces = [token.encode("utf-8", "surrogatepass") for token in sentence]
        self._lengths.append(len(pieces))
        self._pieces += pieces
        self._waiting += 1 + len(pieces)
        if self._waiting > _WAITING:
            self.flush()

    def flush(self) -> None:
        lengths = {"offsets": self._lengths, "token_offsets": [len(p) for p in self._pieces]}
        for name, sizes in lengths.items():
            ends = self._ends[name] + np.cumsum(sizes, dtype="<i8")
            if len(ends):
                self._ends[name] = int(ends[-1])
            self._append(name, ends)
        self._append("tokens", np.frombuffer(b"".join(self._pieces), dtype=np.uint8))
        self._lengths, self._pieces, self._waiting = [], [], 0

    def _append(self, name: str, values: NDArray[Any]) -> None:
        start = self._done[name]
        if len(values):
            self._arrays[name][start : start + len(values)] = values
        self._done[name] = start + len(values)


class _SafetensorsWriter:
    """Write safetensors: the header gives all array offsets, so the counts are needed first.

    Format: https://github.com/huggingface/safetensors, section "Format".
    """

    def __init__(self, path: Path, plan: _Plan) -> None:
        counts, selection = plan.counts, plan.selection
        self._file = path.open("wb")
        self._names = selection.names
        rows = counts.sentences if selection.per_sentence else counts.tokens
        name = "F16" if plan.dtype.itemsize == 2 else "F32"
        # From wide to narrow values, so that each array is aligned.
        shapes: dict[str, tuple[str, int, tuple[int, ...]]] = {
            "offsets": ("I64", 8, (counts.sentences + 1,)),
            "token_offsets": ("I64", 8, (counts.tokens + 1,)),
            **{n: (name, plan.dtype.itemsize, (rows, selection.dim)) for n in selection.names},
            "tokens": ("U8", 1, (counts.token_bytes,)),
        }
        header: dict[str, Any] = {"__metadata__": {"elmobench": canonical_json(plan.metadata)}}
        self._place: dict[str, int] = {}
        end = 0
        for key, (dtype, itemsize, shape) in shapes.items():
            begin, end = end, end + itemsize * int(np.prod(shape, dtype=np.int64))
            header[key] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
            self._place[key] = begin
        raw = json.dumps(header).encode("utf-8")
        raw += b" " * (-len(raw) % 8)
        self._file.write(struct.pack("<Q", len(raw)) + raw)
        self._place = {key: 8 + len(raw) + begin for key, begin in self._place.items()}
        self._tokens = self._bytes = 0
        zero = np.zeros(1, dtype="<i8")
        self._append("offsets", zero)
        self._append("token_offsets", zero)

    def _append(self, name: str, values: NDArray[Any]) -> None:
        self._file.seek(self._place[name])
        self._file.write(np.ascontiguousarray(values).data)
        self._place[name] += values.nbytes

    def write(self, index: int, sentence: Sentence, arrays: NDArray[Any]) -> None:
        for name, array in zip(self._names, arrays, strict=True):
            self._append(name, array)
        pieces = [token.encode("utf-8", "surrogatepass") for token in sentence]
        self._tokens += len(pieces)
        ends = self._bytes + np.cumsum([len(piece) for piece in pieces], dtype="<i8")
        self._bytes += sum(map(len, pieces))
        self._append("offsets", np.asarray([self._tokens], dtype="<i8"))
        self._append("token_offsets", ends)
        self._append("tokens", np.frombuffer(b"".join(pieces), dtype=np.uint8))

    def finish(self) -> None:
        pass

    def close(self) -> None:
        self._file.close()
