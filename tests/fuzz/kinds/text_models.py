"""Inputs of ``sentence:`` and ``static:`` with a folder: sentence-transformers and model2vec."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from tests.fuzz.kind import Kind

_SENTENCES = [("the", "cat"), (), ("naïve", "日本", ". . ."), ("bank",) * 40]


def _write_sentence_folder(folder: Path) -> None:
    from tests.helpers.tiny_transformers import bert

    bert(folder)
    steps = [("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize")]
    listed = [{"type": f"sentence_transformers.models.{kind}", "path": p} for kind, p in steps]
    (folder / "modules.json").write_text(json.dumps(listed))
    (folder / "1_Pooling").mkdir()
    pooling = {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    limits = {"max_seq_length": 16, "do_lower_case": False}
    (folder / "sentence_bert_config.json").write_text(json.dumps(limits))
    prompts = {"prompts": {"query": "query: "}, "default_prompt_name": "query"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts))


def _write_static_folder(folder: Path) -> None:
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["[UNK]", "the", "cat", "bank", "##s", "na", "##ive"]
    vocabulary = {word: i for i, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    rows = np.arange(4 * 3, dtype=np.float32).reshape(4, 3) / 7
    arrays = {
        "embeddings": rows,
        "mapping": np.arange(len(words)) % 4,
        "weights": np.linspace(0.5, 1, len(words)),
    }
    save_file(arrays, folder / "model.safetensors")
    config = {"model_type": "model2vec", "normalize": True}
    (folder / "config.json").write_text(json.dumps(config))


def _read(folder: Path, kinds: tuple[str, ...]) -> list[bytes]:
    from elmobench.features.catalog.catalog import ModelCatalog

    found = []
    for kind in kinds:
        provider = ModelCatalog().load(f"{kind}:{folder}")
        found += [vectors.tobytes() for vectors in provider.encode(_SENTENCES)]
    return found


KINDS = [
    Kind(
        "sentence-transformers folder",
        _write_sentence_folder,
        lambda folder: _read(folder, ("sentence",)),
        files="**/*.json",
        limits=False,
    ),
    Kind(
        "model2vec folder",
        _write_static_folder,
        lambda folder: _read(folder, ("static", "sentence")),
        limits=False,
    ),
]
