"""Options of a cell: the head preset's, with the changes of an experiment or a search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from elmobench.core.errors import ConfigError
from elmobench.core.validation import validated
from elmobench.tasks.base import HeadOptions
from elmobench.tasks.head import MixDefaults, TrainingOptions


def apply_options(
    changes: Mapping[str, Any], options: HeadOptions, training: TrainingOptions, mix: MixDefaults
) -> tuple[HeadOptions, TrainingOptions, MixDefaults]:
    """Apply ``changes`` (by path: ``training.lr``, …) to the three option blocks.

    A path that is set is no longer searched: it is removed from ``training.grid``.

    Raises:
        ConfigError: for an unknown block or option, or a value of the wrong kind.
    """
    blocks: dict[str, BaseModel] = {"options": options, "training": training, "mix": mix}
    new: dict[str, dict[str, Any]] = {}
    for path, value in changes.items():
        block, _, name = path.partition(".")
        if block not in blocks or not name:
            raise ConfigError(
                f"no option path {path!r}",
                fix="paths begin with 'options.', 'training.' or 'mix.', e.g. training.epochs; "
                "or name an axis, e.g. train_fraction or seeds",
            )
        new.setdefault(block, {})[name] = value
    searched = training.grid
    if "training.grid" not in changes and any(path in searched for path in changes):
        still_searched = {path: values for path, values in searched.items() if path not in changes}
        new.setdefault("training", {})["grid"] = still_searched
    for block, values in new.items():
        model = type(blocks[block])
        merged = {**blocks[block].model_dump(), **values}
        blocks[block] = validated(model, merged, f"{block} ({model.__name__})")
    result_options, result_training, result_mix = blocks.values()
    assert isinstance(result_options, HeadOptions)
    assert isinstance(result_training, TrainingOptions)
    assert isinstance(result_mix, MixDefaults)
    return result_options, result_training, result_mix
