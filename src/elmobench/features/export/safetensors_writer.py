"""Write the vectors of sentences to a safetensors file."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elmobench.core.digests import canonical_json
from elmobench.data.examples import Sentence
from elmobench.features.export.writer import WriterPlan


class SafetensorsWriter:
    """Writes each array for the whole file; the header has their places, so counts come first.

    Format: https://github.com/huggingface/safetensors, section "Format".

    Args:
        path: the file; an existing one is replaced.
        plan: what will be written.
    """

    def __init__(self, path: Path, plan: WriterPlan) -> None:
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
        """See :meth:`VectorWriter.write`."""
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
        """Do nothing: the header, which is written first, has the end of every array."""

    def close(self) -> None:
        """See :meth:`VectorWriter.close`."""
        self._file.close()
