"""Options to begin with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from elmobench.data.validation import validated
from elmobench.data.yamlfile import read_yaml
from elmobench.errors import ConfigError
from elmobench.pretraining.bilm.options import BilmOptions

MINI: dict[str, Any] = {
    "char_cnn": {
        "activation": "relu",
        "embedding": {"dim": 16},
        "filters": [[1, 32], [2, 32], [3, 64], [4, 128], [5, 256]],
        "max_characters_per_token": 50,
        "n_characters": 261,
        "n_highway": 1,
    },
    "lstm": {
        "cell_clip": 3,
        "dim": 512,
        "n_layers": 2,
        "proj_clip": 3,
        "projection_dim": 128,
        "use_skip_connections": True,
    },
    "n_tokens_vocab": 60_000,
    "n_negative_samples_batch": 2048,
    "batch_size": 128,
    "unroll_steps": 20,
    "dropout": 0.05,
    "n_epochs": 3,
    "optimizer": "adam",
    "learning_rate": 0.002,
    "warmup_steps": 300,
    "decay": "cosine",
}
"""The shape of the shipped model: 3.0 M parameters, vectors of 256 values."""


def read_bilm_options(path: Path | None, changes: dict[str, Any]) -> BilmOptions:
    """Options from a file (JSON as bilm-tf writes it, or YAML), with some changed.

    Args:
        path: None for :data:`MINI`.
        changes: names of options to values; ``lstm.dim`` reaches into a block.

    Raises:
        ConfigError: naming every value that is missing or impossible.
    """
    if path is None:
        raw: Any = json.loads(json.dumps(MINI))
    elif path.suffix == ".json":
        try:
            raw = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(f"not a JSON file: {error}", where=str(path)) from error
    else:
        raw = read_yaml(path)
    if not isinstance(raw, dict):
        raise ConfigError("not a mapping of options", where=str(path))
    for key, value in changes.items():
        block, _, name = key.rpartition(".")
        inner = raw.setdefault(block, {}) if block else raw
        known = BilmOptions.model_fields
        if (block or name) not in known or not isinstance(inner, dict):
            raise ConfigError(f"no option {key!r}", fix=f"there are: {', '.join(known)}")
        inner[name] = value
    return validated(BilmOptions, raw, str(path or "options"))
