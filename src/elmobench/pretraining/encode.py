"""Write a corpus as integer ids, in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np

from elmobench.core.errors import DataError
from elmobench.pretraining.corpus import Corpus, Paragraph
from elmobench.pretraining.vocabulary import Vocabulary
from elmobench.pretraining.writing import save_array

TYPES, COUNTS = "types.txt", "counts.npy"
PARTS = ("train", "heldout")

_CHUNK = 1 << 20


def encode(
    corpus: Corpus,
    folder: Path,
    run_and_every: tuple[int, int] | None,
    on_bytes: Callable[[int], object] | None,
) -> bool:
    """Write both parts; write nothing and return False if the text is too short to hold out a run.

    Args:
        corpus: the text.
        folder: exists.
        run_and_every: (r, n): of every n runs of r paragraphs the last one is held out; None
            writes the whole text into both parts.
        on_bytes: see :meth:`Corpus.paragraphs`.

    Raises:
        DataError: for a corpus without words, and see :meth:`Corpus.paragraphs`.
        OSError: if a file cannot be written. No file is left after any error.
    """
    parts: dict[str, _PartWriter] = {}
    done = False
    try:
        parts |= {name: _PartWriter(folder, name) for name in PARTS}
        for index, paragraph in enumerate(corpus.paragraphs(on_bytes)):
            if run_and_every is None:
                for part in parts.values():
                    part.add(paragraph)
                continue
            run, every = run_and_every
            held = (index // run) % every == every - 1
            parts["heldout" if held else "train"].add(paragraph)
        for part in parts.values():
            part.close()
        if not parts["train"].sentences:
            raise DataError("the corpus has no words", where=corpus.names)
        if parts["heldout"].sentences:
            types = _write_types(folder, parts)
            for part in parts.values():
                part.finish(types)
            done = True
    finally:
        if not done:
            for part in parts.values():
                part.discard()
            for name in (TYPES, COUNTS):
                (folder / name).unlink(missing_ok=True)
    return done


def tokens_file(part: str) -> str:
    """Name of the file with the token ids of ``part``."""
    return f"{part}.tokens.npy"


def offsets_file(part: str) -> str:
    """Name of the file with the borders of the sentences of ``part``."""
    return f"{part}.offsets.npy"


class _PartWriter:
    """Write one part with ids in order of first occurrence, then renumber them by frequency."""

    def __init__(self, folder: Path, name: str) -> None:
        self._tokens = folder / tokens_file(name)
        self._offsets = folder / offsets_file(name)
        self._raw = folder / f".{name}.part"
        self._stream: IO[bytes] = self._raw.open("wb")
        self._ids: dict[str, int] = {}
        self._lengths: list[int] = []
        self._pending: list[int] = []
        self.counts: Counter[int] = Counter()

    @property
    def words(self) -> list[str]:
        """The word types of this part, by the ids it wrote."""
        return list(self._ids)

    @property
    def sentences(self) -> int:
        """Number of sentences added."""
        return len(self._lengths)

    def add(self, paragraph: Paragraph) -> None:
        """Append the sentences of ``paragraph``."""
        ids = self._ids
        for sentence in paragraph:
            self._lengths.append(len(sentence))
            self._pending += [ids.setdefault(token, len(ids)) for token in sentence]
        if len(self._pending) > _CHUNK:
            self._flush()

    def _flush(self) -> None:
        block = np.array(self._pending, dtype=np.int32)
        unique, counts = np.unique(block, return_counts=True)
        self.counts.update(dict(zip(unique.tolist(), counts.tolist(), strict=True)))
        self._stream.write(block.tobytes())
        self._pending = []

    def close(self) -> None:
        """Write what is pending and close the file."""
        self._flush()
        self._stream.close()

    def finish(self, types: Vocabulary) -> None:
        """Write the final arrays, with the ids of ``types``."""
        new_ids = np.array([types.ids[word] for word in self._ids], dtype=np.int32)
        offsets = np.zeros(len(self._lengths) + 1, dtype=np.int64)
        np.cumsum(self._lengths, out=offsets[1:])
        count = int(offsets[-1])
        # Written as a stream: through a memory map, a full disk would end the process by a signal.
        with self._raw.open("rb") as raw, self._tokens.open("wb") as out:
            header = {"descr": "<i4", "fortran_order": False, "shape": (count,)}
            np.lib.format.write_array_header_1_0(out, header)
            while block := raw.read(4 * _CHUNK):
                out.write(new_ids[np.frombuffer(block, np.int32)].astype("<i4").tobytes())
        save_array(self._offsets, offsets)
        self._raw.unlink()

    def discard(self) -> None:
        """Delete all files of this part."""
        self._pending = []
        try:
            self._stream.close()
        finally:
            # What the stream still holds cannot be written on a full disk; the file goes anyway.
            for path in (self._raw, self._tokens, self._offsets):
                path.unlink(missing_ok=True)


def _write_types(folder: Path, parts: dict[str, _PartWriter]) -> Vocabulary:
    """Number all word types by their count in the training part.

    A word of the text that is spelt like a special word is that special word.
    """
    train = parts["train"]
    counts = dict.fromkeys(parts["heldout"].words, 0)
    counts |= {word: train.counts[i] for i, word in enumerate(train.words)}
    types = Vocabulary.build(counts, min_count=0)
    types.write(folder / TYPES)
    save_array(folder / COUNTS, np.array([counts.get(w, 0) for w in types.words], np.int64))
    return types
