"""The files of a published transformer."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from elmobench.core.errors import ModelError
from elmobench.core.parsing import parsing

CONFIG: Final = "config.json"
SAFETENSORS: Final = (
    "model.safetensors",
    "model-*-of-*.safetensors",
    "model.safetensors.index.json",
)
PICKLES: Final = (
    "pytorch_model.bin",
    "pytorch_model-*-of-*.bin",
    "pytorch_model.bin.index.json",
)
"""Read with ``weights_only``, only from local folders, and only if there are no safetensors."""
TOKENIZER: Final = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "spiece.model",
    "spm.model",
    "sentencepiece.bpe.model",
)
PUBLISHED: Final = (CONFIG, *SAFETENSORS, *TOKENIZER)
"""Files that are downloaded from a hub: no pickles, no code."""

_NOT_A_VOCABULARY: Final = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a file's name matches one of the shell patterns (``*.json``)."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def is_weights(name: str) -> bool:
    """Whether a file of this name contains weights."""
    return matches(name, (*SAFETENSORS, *PICKLES)) and not name.endswith(".json")


def folder_files(folder: Path, *, pickles: bool = False) -> dict[str, Path]:
    """Return the files of the model in a folder, by name.

    Args:
        folder: to search, without its subfolders.
        pickles: include pickled weights if there are no others.

    Raises:
        ModelError: if there is no such folder, or it cannot be read.
    """
    with parsing(folder, ModelError, what="the folder cannot be read"):
        present = {path.name: path for path in sorted(folder.iterdir()) if path.is_file()}
    kept = {name: path for name, path in present.items() if matches(name, PUBLISHED)}
    if pickles and not any(matches(name, SAFETENSORS) for name in kept):
        kept |= {name: path for name, path in present.items() if matches(name, PICKLES)}
    return kept


def check_complete(names: Iterable[str], where: str) -> None:
    """Raise ModelError if the configuration, the weights or the tokenizer is missing."""
    names = set(names)
    if CONFIG not in names:
        raise ModelError(
            f"there is no {CONFIG}",
            where=where,
            fix="name a folder as `save_pretrained` writes it: config, weights, tokenizer",
        )
    if not any(map(is_weights, names)):
        raise ModelError(
            "there are no weights (model.safetensors)",
            where=where,
            fix="save the model as safetensors; pickled weights are read from local folders only",
        )
    if not any(matches(n, TOKENIZER) and n not in _NOT_A_VOCABULARY for n in names):
        raise ModelError(
            "there is no tokenizer (tokenizer.json)",
            where=where,
            fix="save the tokenizer in the same folder as the model",
        )
