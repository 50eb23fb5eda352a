"""Inputs of ``vectors:``: files with the vectors of given sentences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tests.fuzz.kind import Kind

_SENTENCES = [("the", "cat"), (), ("naïve", "日本", ". . ."), ("the", "cat"), ("bank",)]
_ASKED = [("bank",), ("the", "cat"), ()]


def _vectors(rows: int) -> np.ndarray:
    return (np.arange(2 * rows * 3, dtype=np.float32).reshape(2, rows, 3) % 7) / 7


def _write_exported(folder: Path, name: str) -> None:
    from tests.helpers.store_providers import HashProvider

    from elmobench.features.export.layer_selection import make_selection
    from elmobench.features.export.stored_source import ListedSentences
    from elmobench.features.export.vector_file import export

    provider = HashProvider()
    lines = ListedSentences(_SENTENCES, "fuzz")
    export(provider, lines, folder / name, make_selection(provider))


def _write_npz(folder: Path) -> None:
    tokens = [token for sentence in _SENTENCES for token in sentence]
    vectors = _vectors(len(tokens))
    vectors[:, 5:7] = vectors[:, 0:2]  # the repeated sentence
    lengths = [len(sentence) for sentence in _SENTENCES]
    for save, name in ((np.savez, "plain.npz"), (np.savez_compressed, "packed.npz")):
        save(folder / name, tokens=tokens, lengths=lengths, vectors=vectors, contextual=False)
    texts = [" ".join(sentence) for sentence in _ASKED]
    np.savez(folder / "texts.npz", texts=texts, vectors=vectors[0, :3])


def _read(folder: Path) -> list[bytes]:
    from elmobench.features.vector_files.provider import VectorFileProvider

    found = []
    for path in sorted(folder.iterdir()):
        provider = VectorFileProvider.from_file(path)
        found += [vectors.tobytes() for vectors in provider.encode(_ASKED)]
    return found


KINDS = [
    Kind("vectors, HDF5", lambda folder: _write_exported(folder, "x.hdf5"), _read),
    Kind("vectors, safetensors", lambda folder: _write_exported(folder, "x.safetensors"), _read),
    Kind("vectors, NPZ", _write_npz, _read, words=(b"<f4", b"|O", b"(2, 8, 3)")),
]
