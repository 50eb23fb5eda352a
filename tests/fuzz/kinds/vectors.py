"""Inputs of the providers: files of static vectors, models, and sentences."""

from __future__ import annotations

import gzip
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from tests.fuzz.kind import Kind

from elmobench.features.static.provider import StaticProvider

_WORDS = ["the", "The", "cat", "naïve", "日本", ". . .", "", "x" * 200]
_SENTENCES = [_WORDS, [], ["the", "bank"]]
_TEXT = "".join(
    f"{word}\t{i} {-i / 7:.4f} {i * 1e-3:g}\n" if i % 5 == 0 else f"{word} {i} {-i / 7:.4f} 0.5\n"
    for i, word in enumerate(["the", "cat", "dog", "naïve", "日本", "1990", ". . .", "bank"])
)


def _static(path: Path) -> list[bytes]:
    provider = StaticProvider.from_file(path, unknown="mean")
    return [vectors.tobytes() for vectors in provider.encode(_SENTENCES)]


def _write_text(folder: Path) -> None:
    (folder / "headed.txt").write_text(f"8 3\n{_TEXT}".replace(". . .", "..."), "utf-8")
    (folder / "plain.txt").write_text(_TEXT.replace("\t", " "), "utf-8")
    (folder / "tabs.txt").write_text(_TEXT, "utf-8-sig")


def _read_all(folder: Path) -> list[bytes]:
    return [row for path in sorted(folder.iterdir()) for row in _static(path)]


def _write_binary(folder: Path) -> None:
    rows = [
        word.encode() + b" " + struct.pack("<3f", i, -i / 7, 0.5) + b"\n"
        for i, word in enumerate(_WORDS[:5])
    ]
    (folder / "vectors.bin").write_bytes(b"5 3\n" + b"".join(rows))


def fasttext_model(words: list[str], dim: int = 3, bucket: int = 20) -> bytes:
    """Bytes of a small model in fastText's ``.bin``, by its published layout."""
    header = (793712314, 12, dim, 5, 1, 1, 5, 1, 2, 1, bucket, 2, 4, 100)
    parts = [struct.pack("<14id3i2q", *header, 1e-4, len(words), len(words), 0, 99, -1)]
    parts += [word.encode() + struct.pack("<xqb", 5, 0) for word in words]
    draw = np.random.default_rng(0)
    for rows in (len(words) + bucket, len(words)):
        values = draw.normal(size=(rows, dim)).astype("<f4")
        parts.append(struct.pack("<?2q", False, rows, dim) + values.tobytes())
    return b"".join(parts)


def _write_fasttext(folder: Path) -> None:
    (folder / "model.bin").write_bytes(fasttext_model(_WORDS[:5]))


def _write_containers(folder: Path) -> None:
    data = _TEXT.replace("\t", " ").encode()
    (folder / "vectors.txt.gz").write_bytes(gzip.compress(data, mtime=0))
    for name, method in (("deflated", 8), ("stored", 0), ("lzma", 14), ("bzip2", 12)):
        entry = zipfile.ZipInfo("vectors.txt")
        entry.compress_type = method
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as bundle:
            bundle.writestr(entry, data)


_SIZES = {"char_dim": 4, "filters": [(1, 4), (2, 4)], "projection_dim": 6, "dim": 8, "n_layers": 2}


def _write_elmo(folder: Path) -> None:
    import h5py

    from elmobench.features.elmo.options import parse_options
    from elmobench.features.elmo.random_weights import random_arrays

    options = {
        "char_cnn": {
            "embedding": {"dim": 4},
            "filters": [[1, 4], [2, 4]],
            "n_highway": 1,
            "n_characters": 262,
            "max_characters_per_token": 50,
        },
        "lstm": {
            "dim": 8,
            "projection_dim": 6,
            "n_layers": 2,
            "cell_clip": 3,
            "proj_clip": 3,
            "use_skip_connections": True,
        },
    }
    (folder / "options.json").write_text(json.dumps(options))
    with h5py.File(folder / "weights.hdf5", "w") as file:
        for name, array in random_arrays(parse_options(options, "here"), 0).items():
            file.create_dataset(name, data=array, track_times=False)


def _read_elmo(folder: Path) -> list[bytes]:
    from elmobench.features.elmo.provider import ElmoProvider

    provider = ElmoProvider.from_files(folder / "options.json", folder / "weights.hdf5")
    return [vectors.tobytes() for vectors in provider.encode(_SENTENCES)]


def _read_random_elmo(folder: Path) -> list[bytes]:
    from elmobench.features.elmo.options import read_options
    from elmobench.features.elmo.provider import ElmoProvider

    provider = ElmoProvider.random(read_options(folder / "options.json"))
    return [vectors.tobytes() for vectors in provider.encode(_SENTENCES)]


def _write_transformer(folder: Path) -> None:
    from tests.helpers.tiny_transformers import bert

    bert(folder)


def _read_transformer(folder: Path) -> list[bytes]:
    from elmobench.features.catalog.catalog import ModelCatalog

    provider = ModelCatalog().load(f"bert:{folder}")
    return [vectors.tobytes() for vectors in provider.encode(_SENTENCES)]


def _write_sentences(folder: Path) -> None:
    given = [["The", "cat", "", "日本", "x y"], [], ["a"], ["The"] * 9]
    (folder / "sentences.json").write_text(json.dumps(given))


def _read_sentences(folder: Path) -> list[Any]:
    from elmobench import FrozenFeatures, batch_to_ids, load_provider
    from elmobench.core.parsing import read_json

    given = read_json(folder / "sentences.json")
    calls = [load_provider(spec).encode for spec in ("random", "elmo-random")]
    calls += [batch_to_ids, FrozenFeatures("random").fit_transform]
    found: list[Any] = []
    for call in calls:
        try:
            found.append(repr(call(given)))
        except TypeError as error:
            if "; give a list of" not in str(error):
                raise
            found.append(str(error))
    return found


KINDS = [
    Kind("text vectors", _write_text, _read_all, words=(b"\t", b" ", b"1e999", b"nan", b"0,5")),
    Kind("word2vec binary", _write_binary, _read_all),
    Kind("fasttext", _write_fasttext, _read_all),
    Kind("containers", _write_containers, _read_all),
    Kind(
        "elmo options",
        _write_elmo,
        lambda folder: [*_read_elmo(folder), *_read_random_elmo(folder)],
        files="options.json",
    ),
    Kind("elmo weights", _write_elmo, _read_elmo, files="weights.hdf5", weight=2),
    Kind("transformer folder", _write_transformer, _read_transformer, limits=False),
    Kind("sentences given to providers", _write_sentences, _read_sentences),
]
