"""Write the vectors of sentences to an HDF5 file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from elmobench.core.digests import canonical_json
from elmobench.data.examples import Sentence
from elmobench.features.export.hdf5_stream import Hdf5Stream
from elmobench.features.export.token_lines import LineCounts
from elmobench.features.export.writer import WriterPlan

SENTENCE_INDEX_BYTES: Final = 1 << 24
"""Maximum text size for AllenNLP's ``sentence_to_index``, which is a single string."""

_WAITING: Final = 100_000
"""Sentences and tokens whose text is kept in memory until it is written."""


class Hdf5Writer:
    """Writes one dataset per sentence, AllenNLP's index, and the exact tokens.

    Args:
        path: the file; an existing one is replaced.
        plan: what will be written.
    """

    def __init__(self, path: Path, plan: WriterPlan) -> None:
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
        """See :meth:`VectorWriter.write`."""
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
        """See :meth:`VectorWriter.finish`."""
        self._tokens.flush()
        self._stream.check()
        if self._index is not None:
            text = json.dumps(self._index)
            self._file.create_dataset("sentence_to_index", data=[text], dtype=self._string)

    def close(self) -> None:
        """See :meth:`VectorWriter.close`."""
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
