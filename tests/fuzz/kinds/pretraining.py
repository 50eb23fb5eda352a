"""Inputs of pre-training: texts, plans and options, and what it writes itself."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tests.fuzz.kind import Kind

from elmobench.cli.pretrain.train import chosen_options
from elmobench.features.catalog.entries import read_entries
from elmobench.pretraining.bert.wordpiece import tokenizer_json, wordpiece_of
from elmobench.pretraining.bilm.export import export as export_bilm
from elmobench.pretraining.bilm.network import initial_weights
from elmobench.pretraining.bilm.options import BilmOptions
from elmobench.pretraining.bilm.start import read_start
from elmobench.pretraining.checkpoints import CheckpointFolder
from elmobench.pretraining.corpus import Corpus
from elmobench.pretraining.encoded import EncodedCorpus, EncodedPart
from elmobench.pretraining.glove.cooccurrence import open_run, write_run
from elmobench.pretraining.log_file import LogFile
from elmobench.pretraining.model_card import (
    CardFile,
    CorpusFacts,
    ModelCard,
    card_of,
    catalog_entry,
    write_card,
    write_catalog,
)
from elmobench.pretraining.packing import pack
from elmobench.pretraining.plan import read_plan
from elmobench.pretraining.vocabulary import Vocabulary
from elmobench.reference.compare_heads import read_arrays

_TEXT = "".join(
    f"the {'naïve ' * (i % 3)}cat {i % 5} sat\u00a0on\t the mat {i % 7} .\n" for i in range(40)
)
_CELLS = (np.arange(12, 312, dtype=np.int64), np.arange(300) / 8)
_BILM = BilmOptions.model_validate(
    {
        "char_cnn": {"embedding": {"dim": 2}, "filters": [[1, 2]], "max_characters_per_token": 6},
        "lstm": {"dim": 2, "projection_dim": 2, "n_layers": 1},
    }
)


def _text(compress: Callable[[bytes], bytes], name: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / name).write_bytes(compress(_TEXT.encode()))

    return write


def _read_text(name: str) -> Callable[[Path], Any]:
    def read(folder: Path) -> Any:
        plain = list(Corpus.open([folder / name]).paragraphs())
        raw = list(Corpus.open([folder / name], "clitics").paragraphs())
        return plain, raw

    return read


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def _corpus(folder: Path) -> Corpus:
    text = folder.with_name("text")  # not one of the inputs
    if not text.exists():
        text.write_bytes(_TEXT.encode())
    return Corpus.open([text])


def _write_encoded(folder: Path) -> None:
    EncodedCorpus.build(_corpus(folder), folder / "e")
    (folder / "e" / ".lock").unlink(missing_ok=True)


def _small_corpus() -> EncodedCorpus:
    """A corpus in memory, to train a tokenizer on."""
    types = Vocabulary(["<S>", "</S>", "<UNK>", "the", "cat", "sat"])
    part = EncodedPart(np.array([3, 4, 5, 3], np.int32), np.array([0, 3, 4]))
    return EncodedCorpus(types, np.array([0, 0, 0, 2, 1, 1]), part, part, "ab", "cd")


def _write_tokenizer(folder: Path) -> None:
    wordpiece_of(_small_corpus(), 30, folder / "wordpiece.json")


def _read_tokenizer(folder: Path) -> Any:
    return tokenizer_json(wordpiece_of(_small_corpus(), 30, folder / "wordpiece.json"))


def _read_encoded(folder: Path) -> Any:
    encoded = EncodedCorpus.build(_corpus(folder), folder / "e")
    parts = [(p.tokens.tolist(), p.offsets.tolist()) for p in (encoded.train, encoded.heldout)]
    facts = encoded.digest, encoded.corpus, encoded.heldout_is_train
    return encoded.types.words, encoded.counts.tolist(), parts, facts


def _write_checkpoints(folder: Path) -> None:
    checkpoints = CheckpointFolder(folder, {"kind": "fuzz", "seed": 1})
    log = LogFile(folder / "log.jsonl")
    for step in (1, 2):
        log.append({"step": step, "loss": 1 / step})
        tensors = {"x": torch.arange(1000.0) / step, "n": torch.tensor(step)}
        checkpoints.write(step, tensors, {"seconds": 0.5, "log": log.state()})


def _read_checkpoints(folder: Path) -> Any:
    checkpoint = CheckpointFolder(folder, {"kind": "fuzz", "seed": 1}).last()
    if checkpoint is None:
        return None
    log = LogFile(folder / "log.jsonl")
    log.cut(checkpoint.facts["log"])
    tensors = {name: tensor.tolist() for name, tensor in checkpoint.tensors.items()}
    # Of step 1 as well as of step 2: only the newest one must be read.
    return checkpoint.step, tensors, checkpoint.facts, log.state()


def _read_vocabulary(folder: Path) -> Any:
    return Vocabulary.read_given(folder / "vocab.txt").words


def _write_vocabulary(folder: Path) -> None:
    Vocabulary(["<S>", "</S>", "<UNK>", "the", "naïve", "10\u00a0000"]).write(folder / "vocab.txt")


def _write_run(folder: Path) -> None:
    write_run(folder / "0", *_CELLS)


def _read_run(folder: Path) -> Any:
    files = []
    for name, array in zip(("keys", "values"), _CELLS, strict=True):
        content = io.BytesIO()
        np.save(content, array)
        files.append((folder / f"0.{name}.npy", hashlib.sha256(content.getvalue()).hexdigest()))
    return [array.tolist() for array in open_run(files)]


def _write_plan(folder: Path) -> None:
    (folder / "plan.yaml").write_text(
        f"""\
name: fuzz
corpus:
  tokenizer: words
  files: [{{name: a.txt, sha256: {"ab" * 32}}}]
licence: none
attribution: "a test"
models:
  one: {{kind: glove, options: {{vector_size: 8, eta: 0.05, seed: 3, epochs: 2}}}}
  two: {{kind: bert, options: {{epochs: 0.5, hidden_size: 12, learning_rate: 1e-3}}}}
  three:
    kind: bilm
    options: {json.dumps(_BILM.model_dump(mode="json"))}
""",
        "utf-8",
    )
    # JSON is YAML, and is read as such.
    (folder / "options.yaml").write_text(_BILM.model_dump_json(), "utf-8")


def _read_plan(folder: Path) -> Any:
    plan = read_plan(folder / "plan.yaml")
    options = [plan.options(name).model_dump() for name in plan.models]
    return plan.model_dump(), options, chosen_options("bilm", folder / "options.yaml").model_dump()


def _read_settings(folder: Path) -> Any:
    lines = (folder / "settings").read_bytes().decode("utf-8", "replace").splitlines()
    return chosen_options("glove", None, lines).model_dump()


def _write_settings(folder: Path) -> None:
    (folder / "settings").write_text("seed=3\neta=1e-2\nvector_size=10\n", "utf-8")


def _write_card(folder: Path) -> None:
    file = CardFile(name="a.txt", sha256="ab" * 32, bytes=100)
    numbers = {"train_sentences": 9, "train_tokens": 90, "heldout_tokens": 5, "word_types": 12}
    card = ModelCard(
        name="fuzz",
        kind="glove",
        description="vectors",
        corpus=CorpusFacts(files=[file], tokenizer=None, **numbers),
        tokens_seen=90,
        parameters={"model": 12},
        heldout={"error": 0.25},
        seconds=1.5,
        hardware={"processor": "one", "threads": 2},
        versions={"python": "3.11"},
        options={"eta": 0.05},
        licence="none",
        attribution="a test",
        overlap=[],
    )
    write_card(folder, card)
    rows = [f"{word} {i}.0 {i / 4}\n" for i, word in enumerate("abcdefghijklmnopqrst")]
    (folder / "vectors.txt").write_text("20 2\n" + "".join(rows), "utf-8")
    entry = catalog_entry(
        folder, card, provider="static", files={"vectors": "vectors.txt"}, dim=2, layers=1
    )
    write_catalog(folder, {"fuzz": entry})
    (folder / "README.md").unlink()  # for people; nothing reads it


def _read_card(folder: Path) -> Any:
    card, entries = card_of(folder), read_entries(folder / "models.yaml")
    target = folder.with_name(f"{folder.name}-packed")
    (packed,) = pack([folder], target)
    return card, entries, packed, (target / card.name / "vectors.txt").read_bytes()


def _write_bilm(folder: Path) -> None:
    words = Vocabulary(["<S>", "</S>", "<UNK>", "the", "cat"])
    export_bilm(folder, initial_weights(_BILM, len(words)), _BILM, words)


def _read_bilm(folder: Path) -> Any:
    words = Vocabulary(["<S>", "</S>", "<UNK>", "cat", "dog"])
    start = read_start(folder, _BILM, words, initial_weights(_BILM, len(words)))
    return {name: weight.tolist() for name, weight in start.items()}


def _write_arrays(folder: Path) -> None:
    np.savez(folder / "head.npz", **{"output/x": np.arange(4.0), "parameter/w": np.ones((2, 3))})


def _read_head(folder: Path) -> Any:
    return {name: array.tolist() for name, array in read_arrays(folder / "head.npz").items()}


KINDS = [
    Kind("corpus text", _text(bytes, "a.txt"), _read_text("a.txt")),
    Kind("corpus text, gz", _text(_gzip, "a.gz"), _read_text("a.gz")),
    Kind("corpus text, xz", _text(lzma.compress, "a.xz"), _read_text("a.xz")),
    Kind("corpus text, bz2", _text(bz2.compress, "a.bz2"), _read_text("a.bz2")),
    Kind("encoded corpus", _write_encoded, _read_encoded, True, "e/*", weight=3),
    Kind("checkpoint", _write_checkpoints, _read_checkpoints, True, weight=2),
    Kind("vocabulary", _write_vocabulary, _read_vocabulary),
    Kind("tokenizer", _write_tokenizer, _read_tokenizer, True, "*.json"),
    Kind("co-occurrences", _write_run, _read_run, True),
    Kind("pre-training plan", _write_plan, _read_plan),
    Kind("pre-training --set", _write_settings, _read_settings),
    Kind("model card", _write_card, _read_card, True),
    Kind("biLM to start from", _write_bilm, _read_bilm, True, weight=2),
    Kind("arrays of a published head", _write_arrays, _read_head),
]
