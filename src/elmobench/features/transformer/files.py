"""Which files make up a published transformer."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from elmobench.core.errors import ModelError

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
"""Read with ``weights_only``, from local folders alone, and only where nothing better is there."""
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
"""What is taken from a hub: no pickles, no code."""

_NOT_A_VOCABULARY: Final = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a file of this name is meant by one of the patterns."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def is_weights(name: str) -> bool:
    """Whether a file of this name holds weights."""
    return matches(name, (*SAFETENSORS, *PICKLES)) and not name.endswith(".json")


def folder_files(folder: Path, *, pickles: bool = False) -> dict[str, Path]:
    """The files of the model in a folder, by name.

    Args:
        folder: is looked at, without the folders in it.
        pickles: take pickled weights where there are no others.
    """
    found = {path.name: path for path in sorted(folder.iterdir()) if path.is_file()}
    kept = {name: path for name, path in found.items() if matches(name, PUBLISHED)}
    if pickles and not any(matches(name, SAFETENSORS) for name in kept):
        kept |= {name: path for name, path in found.items() if matches(name, PICKLES)}
    return kept


def check_complete(names: Iterable[str], where: str) -> None:
    """Raise ModelError if there is no configuration, no weights or no tokenizer among them."""
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
            fix="save the tokenizer beside the model",
        )
