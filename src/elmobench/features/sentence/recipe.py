"""How a folder of sentence-transformers turns a text into one vector: its configuration files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from elmobench.core.errors import ModelError
from elmobench.core.parsing import read_json, read_json_object
from elmobench.features.static.module_list import FROM_PYTHON, MODULES, read_steps

# In the order in which sentence-transformers concatenates them.
_FLAGS: Final = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len",
}
_LONGEST: Final = 1_000_000


@dataclass(frozen=True)
class Recipe:
    """The steps after which a text is one vector.

    Attributes:
        folder: of the transformer.
        poolings: of the tokens' vectors (``cls``, ``max``, ``mean``, ``mean_sqrt_len``), which are
            concatenated.
        normalize: whether the vector is scaled to length 1.
        max_length: maximum number of pieces with special tokens; None for the model's.
        lowercase: whether the text is lower-cased first.
        prompt: put before every text.
        files: the configuration files that were read.
    """

    folder: Path
    poolings: tuple[str, ...]
    normalize: bool
    max_length: int | None
    lowercase: bool
    prompt: str
    files: Mapping[str, Path]


def read_recipe(folder: Path, where: str) -> Recipe:
    """Read ``modules.json`` and the configurations that it names.

    Raises:
        ModelError: if there is none, or a step is not one of transformer, pooling, normalisation.
    """
    files = {MODULES: folder / MODULES}
    if not os.path.isfile(files[MODULES]):
        raise ModelError(
            f"there is no {MODULES}",
            where=where,
            fix="name a folder that sentence-transformers saved; token vectors are bert:FOLDER",
        )
    steps = read_steps(read_json(files[MODULES], ModelError), str(files[MODULES]))
    kinds = [kind for kind, _ in steps]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        raise ModelError(
            f"its steps are {', '.join(kinds) or 'none'}; read are Transformer, Pooling and "
            "Normalize, in this order",
            where=str(files[MODULES]),
            fix=FROM_PYTHON,
        )
    transformer, pooling = (folder / path for _, path in steps[:2])
    files["pooling"] = pooling / "config.json"
    limits: dict[str, Any] = {}
    for name in ("sentence_bert_config.json", "config_sentence_transformers.json"):
        place = (transformer if name.startswith("sentence_bert") else folder) / name
        if os.path.isfile(place):
            files[name] = place
            limits |= read_json_object(place, ModelError)
    pooled = read_json_object(files["pooling"], ModelError)
    max_length = limits.get("max_seq_length")
    if max_length is not None and not (isinstance(max_length, int) and 3 <= max_length <= _LONGEST):
        raise ModelError(f"max_seq_length is {max_length!r:.40}", where=where, fix=FROM_PYTHON)
    prompt = _prompt(limits, where)
    if prompt and pooled.get("include_prompt") is False:
        raise ModelError(
            "its pooling leaves out the prompt, which is not supported",
            where=where,
            fix=FROM_PYTHON,
        )
    return Recipe(
        folder=transformer,
        poolings=_poolings(pooled, str(files["pooling"])),
        normalize="Normalize" in kinds,
        max_length=max_length,
        lowercase=limits.get("do_lower_case") is True,
        prompt=prompt,
        files=files,
    )


def _poolings(config: Mapping[str, Any], where: str) -> tuple[str, ...]:
    stated = config.get("pooling_mode")
    if isinstance(stated, str):
        chosen = [stated.removesuffix("_tokens").removesuffix("_token")]
    else:
        on = [key for key, value in config.items() if key.startswith("pooling_mode_") and value]
        unknown = [key for key in on if key not in _FLAGS]
        chosen = unknown or [name for key, name in _FLAGS.items() if key in on]
    if not chosen or any(name not in _FLAGS.values() for name in chosen):
        raise ModelError(
            f"the pooling is {', '.join(chosen) or 'none'}; read are {', '.join(_FLAGS.values())}",
            where=where,
            fix=FROM_PYTHON,
        )
    return tuple(chosen)


def _prompt(config: Mapping[str, Any], where: str) -> str:
    name, prompts = config.get("default_prompt_name"), config.get("prompts")
    if name is None:
        return ""
    prompt = prompts.get(name) if isinstance(prompts, dict) and isinstance(name, str) else None
    if not isinstance(prompt, str):
        raise ModelError(f"has no prompt {name!r:.80}", where=where, fix=FROM_PYTHON)
    return prompt
