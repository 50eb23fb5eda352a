"""Encode a text file and write the vectors to one file while they are computed."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from elmobench.core.errors import ConfigError, DataError, StoreError
from elmobench.core.files import atomic_path, remove_leftovers, writing
from elmobench.data.examples import Sentence
from elmobench.features.coverage import CoverageCount
from elmobench.features.export.hdf5_writer import Hdf5Writer
from elmobench.features.export.layer_selection import LayerSelection
from elmobench.features.export.safetensors_writer import SafetensorsWriter
from elmobench.features.export.token_lines import LineCounts
from elmobench.features.export.writer import VectorWriter, WriterPlan
from elmobench.features.provider import FeatureProvider, FloatArray
from elmobench.features.streaming import CHUNK_VALUES, chunked

Precision = Literal["fp16", "fp32"]

SUFFIXES: Final = (".hdf5", ".h5", ".safetensors")
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
    also has ``sentence_to_index``, a JSON object in a dataset with one string, unless the text is
    larger than 16 MB; a group ``elmobench`` has the exact tokens, as the arrays ``offsets``,
    ``token_offsets`` and ``tokens`` that are described next. A ``.safetensors`` file has each array
    for the whole file, (tokens, D), ``offsets`` (S + 1) of the sentences, the UTF-8 bytes of all
    ``tokens`` and their ``token_offsets``. Both have a JSON object ``elmobench`` with fingerprint,
    layers, precision and the digest of the text.

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
    plan = WriterPlan(counts, selection, dtype, _metadata(provider, counts, selection, precision))
    with _output(out) as temporary:
        make = SafetensorsWriter if out.suffix == ".safetensors" else Hdf5Writer
        with _writing(out):
            writer: VectorWriter = make(temporary, plan)
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
    """Yield the temporary path of ``out``; errors of creating or moving it become StoreError."""
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
            raise  # An error of the block itself, such as the provider's when it reads its files.
        with _writing(out):
            raise


def _writing(out: Path) -> AbstractContextManager[None]:
    """Raise StoreError if ``out`` cannot be written in the block."""
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
