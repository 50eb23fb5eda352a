"""The feature store, the model catalog, features specs, and texts that are encoded."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tests.fuzz.kind import Kind

from elmobench.core.digests import canonical_json, digest_of
from elmobench.core.errors import StoreError
from elmobench.core.paths import MODELS_VARIABLE
from elmobench.data.readers.tokenizers import TOKENIZERS
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.features.catalog.inventory import describe_model, model_info
from elmobench.features.export.layer_selection import make_selection
from elmobench.features.export.token_lines import open_lines
from elmobench.features.export.vector_file import export
from elmobench.features.provider import FeatureProvider, FloatArray, Layer
from elmobench.features.spec import parse_features
from elmobench.features.store.blocks import checked_blocks
from elmobench.features.store.feature_store import FeatureStore

SENTENCES = [
    *[("the", "bank", "of", "the", "river"), ("naïve", "日本"), (), ("the",)],
    *[tuple(f"w{(7 * i + j) % 50}" for j in range(i % 9)) for i in range(30)],
]
_DIM = 600
_SHARD_BYTES = 100_000
"""More than a block of the store, so that an array has several."""


class Counting(FeatureProvider):
    """A layer per word type and a layer per token, both of small whole numbers."""

    name = "counting"
    fingerprint = "0123456789abcdef" * 4
    parameters = 0

    def __init__(self, dim: int = _DIM) -> None:
        self.layers = (Layer("a", "type", dim), Layer("b", "token", dim))

    def library_versions(self) -> dict[str, str]:
        return {"elmobench": "0.1.0", "torch": "2.1.0+cpu", "numpy": "1.26.4", "blas": "openblas"}

    def encode_types(self, words: Sequence[str]) -> list[FloatArray]:
        first = np.array([len(w) + ord(w[0]) + ord(w[-1]) for w in words], dtype=np.float32)
        return [first.reshape(-1, 1) + np.arange(self.layers[0].dim, dtype=np.float32) % 11]

    def encode_tokens(self, sentences: Sequence[Sequence[str]]) -> list[list[FloatArray]]:
        dim = self.layers[1].dim
        return [
            [np.arange(dim * len(s), dtype=np.float32).reshape(-1, dim) % 101 + len(s)]
            for s in sentences
        ]


class CountingFurther(Counting):
    """Other vectors of the same words and sentences, whose shards have the same names."""

    name = "counting further"
    fingerprint = "fedcba9876543210" * 4

    def encode_types(self, words: Sequence[str]) -> list[FloatArray]:
        return [layer + 1 for layer in super().encode_types(words)]

    def encode_tokens(self, sentences: Sequence[Sequence[str]]) -> list[list[FloatArray]]:
        return [[layer + 1 for layer in layers] for layers in super().encode_tokens(sentences)]


def _write_store(folder: Path) -> None:
    store = FeatureStore(folder, "int8", shard_bytes=_SHARD_BYTES)
    for provider in (Counting(), CountingFurther()):
        store.build(provider, SENTENCES)


def _write_old_store(folder: Path) -> None:
    """With the headers of format 1, which have no checksums of blocks.

    Of one provider: these headers do not state the folder, so that a shard in the folder of
    another provider cannot be distinguished from its own.
    """
    FeatureStore(folder, "int8", shard_bytes=_SHARD_BYTES).build(Counting(), SENTENCES)
    for path in folder.glob("*/*.safetensors"):
        content = path.read_bytes()
        (length,) = struct.unpack("<Q", content[:8])
        header = json.loads(content[8 : 8 + length])
        new = json.loads(header["__metadata__"]["elmobench"])
        facts = {key: new[key] for key in ("checksum", "versions")}
        facts["versions_digest"] = digest_of(facts["versions"])
        header["__metadata__"]["elmobench"] = canonical_json(facts)
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        text += b" " * (-len(text) % 8)
        path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])


def _read_store(folder: Path) -> Any:
    return _vectors(folder, Counting(), CountingFurther())


def _read_old_store(folder: Path) -> Any:
    return _vectors(folder, Counting())


def _vectors(folder: Path, *providers: FeatureProvider) -> Any:
    checked_blocks.cache_clear()
    read = []
    for provider in providers:
        view = FeatureStore(folder, "int8").open(provider).view(SENTENCES)
        vectors = view.gather(range(len(SENTENCES)))
        read.append((vectors.tobytes(), view.digest, view.encoded_by))
    return read


def _verify_store(folder: Path) -> Any:
    """The bytes of every shard that passes the check, and the lines of ``meta.json``.

    Its lines in another order may have the same meaning.
    """
    problems = FeatureStore(folder, "int8").verify()
    if problems:
        raise StoreError(problems[0])
    shards = [path.read_bytes() for path in sorted(folder.glob("*/*.safetensors"))]
    return shards, [
        sorted(path.read_bytes().splitlines(keepends=True)) for path in folder.glob("*/meta.json")
    ]


def _build_store(folder: Path) -> Any:
    store = FeatureStore(folder, "int8", shard_bytes=_SHARD_BYTES)
    report = store.build(Counting(), [*SENTENCES, ("another",)])
    rows = [(row.name, row.sentences, row.tokens, row.types) for row in store.stat()]
    return report.encoded_sentences, report.encoded_types, rows, _read_store(folder)


_MODELS = """\
models:
  one:
    provider: static
    files:
      vectors: {path: vectors.txt, bytes: 8}
    expect: {dim: 1, layers: 1}
    licence: CC0
    description: one word
  two:
    provider: elmo
    files:
      options: {url: "https://example.org/options.json", sha256: "%s", bytes: 300}
      weights: {url: "https://example.org/weights.hdf5"}
    expect: {parameters: 93600864, dim: 1024, layers: 3}
    homepage: https://example.org
    version: 5.5B
  three:
    provider: transformer
    options: {repo: owner/name, revision: 0123456789abcdef, pieces: first}
    bytes: 440000000
""" % ("ab" * 32)


def _write_catalog(folder: Path) -> None:
    (folder / "models.yaml").write_text(_MODELS, "utf-8")
    (folder / "vectors.txt").write_text("the 1.0\n")


def _read_catalog(folder: Path) -> Any:
    before = os.environ.get(MODELS_VARIABLE)
    os.environ[MODELS_VARIABLE] = str(folder)
    try:
        catalog = ModelCatalog()
        rows = []
        for name in catalog.names():
            if not catalog.is_builtin(name):
                rows.append(repr(describe_model(model_info(catalog, name))))
                rows.append(repr(catalog.to_download(name, {"revision": "main"})))
                rows.append(repr(catalog.is_contextual(name)))
        # Entries that change places may make it a model that would be downloaded.
        if "one" in catalog.names() and not catalog.to_download("one", {"revision": "main"}):
            rows.append(repr(catalog.load("one").encode([["the", "bank"]])))
        return rows
    finally:
        if before is None:
            del os.environ[MODELS_VARIABLE]
        else:
            os.environ[MODELS_VARIABLE] = before


def _write_spec(folder: Path) -> None:
    text = "glove-mini(trainable)@dropout=0.5+bert:some/folder@layer=1@pieces=mean+elmo-mini"
    (folder / "spec.txt").write_text(text)


def _read_spec(folder: Path) -> Any:
    text = (folder / "spec.txt").read_bytes().decode("utf-8", "surrogateescape")
    spec = parse_features(text)
    if str(spec) != text:
        raise AssertionError("a spec is another after it is parsed")
    known = ModelCatalog()
    for part in spec.parts:
        known.entry(part.name)
    return repr(spec), spec.single_layer()


def _write_text(folder: Path) -> None:
    (folder / "text.txt").write_text("The bank .\n\na\u00a0b naïve  日本\r\nlast", "utf-8")


def _read_text(folder: Path) -> Any:
    provider = Counting(dim=3)
    selection = make_selection(provider)
    found = []
    for name in ("spaces", "words"):
        with open_lines(folder / "text.txt", TOKENIZERS[name], None) as lines:  # type: ignore[arg-type]
            for suffix in (".hdf5", ".safetensors"):
                out = folder / f"out{suffix}"
                found.append(repr(export(provider, lines, out, selection)))
                out.unlink()
    return found


KINDS = [
    Kind("store", _write_store, _read_store, written_by_us=True, files="*/*.*", weight=2),
    Kind(
        "verified store",
        _write_store,
        _verify_store,
        written_by_us=True,
        files="*/*.*",
        weight=2,
    ),
    Kind("old store", _write_old_store, _read_old_store, files="*/*.*"),
    Kind(
        "verified old store",
        _write_old_store,
        _verify_store,
        written_by_us=True,
        files="*/*.*",
        weight=2,
    ),
    Kind("store that is added to", _write_store, _build_store, written_by_us=True),
    Kind(
        "model catalog",
        _write_catalog,
        _read_catalog,
        words=(b"repo: ", b"~no-such-user/", b"sha256: "),
    ),
    Kind("features spec", _write_spec, _read_spec, words=(b"@", b"+", b"(trainable)", b"@l2=")),
    Kind("encode input", _write_text, _read_text),
]
