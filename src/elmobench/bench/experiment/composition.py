"""Experiments made of others: a file that extends one, and settings from the command line."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from elmobench.core.errors import ConfigError
from elmobench.core.yaml_files import parse_yaml, read_yaml

_ADDED = ("overrides", "caveats")
_MERGED = ("axes", "settings", "models")
_OPTION_BLOCKS = ("options", "training", "mix")
EXTENDS = "extends"


def read_extended(path: Path, find: Callable[[str, Path], Path]) -> Any:
    """The content of an experiment file, with what it extends put below it.

    Args:
        path: the file.
        find: the file that a value of ``extends`` means, in the file that says so.

    Raises:
        ConfigError: if a file is no YAML, or extends itself by a detour.
    """
    return _read(path.resolve(), find, ())


def _read(path: Path, find: Callable[[str, Path], Path], below: tuple[Path, ...]) -> Any:
    if path in below:
        chain = " extends ".join(str(p) for p in (*below[below.index(path) :], path))
        raise ConfigError(f"an experiment extends itself: {chain}", where=str(below[0]))
    raw = read_yaml(path)
    if not isinstance(raw, dict) or EXTENDS not in raw:
        return raw
    name = raw.pop(EXTENDS)
    if not isinstance(name, str):
        raise ConfigError(f"'{EXTENDS}' names one experiment, got {name!r}", where=str(path))
    parent = find(name, path).resolve()
    found = _read(parent, find, (*below, path))
    if not isinstance(found, dict):
        raise ConfigError("holds no experiment to extend", where=str(parent))
    return extended(_moved(found, parent.parent, path.parent), raw)


def extended(parent: Mapping[str, Any], child: Mapping[str, Any]) -> dict[str, Any]:
    """``parent`` with the fields of ``child`` in their place.

    ``axes``, ``settings`` and ``models`` are merged by name; ``overrides`` and ``caveats`` are
    added to the parent's (later overrides win); every other field of the child replaces.
    """
    result = copy.deepcopy(dict(parent))
    for key, value in child.items():
        before = result.get(key)
        if key in _ADDED and isinstance(before, list) and isinstance(value, list):
            result[key] = [*before, *value]
        elif key in _MERGED and isinstance(before, dict) and isinstance(value, Mapping):
            result[key] = {**before, **value}
        else:
            result[key] = copy.deepcopy(value)
    return result


def with_assignments(
    raw: Mapping[str, Any], assignments: Sequence[str], fields: Sequence[str], axes: Sequence[str]
) -> dict[str, Any]:
    """``raw`` with settings of the form ``PATH=VALUE``, the value in YAML.

    A path is a field of the file (``seeds``, ``settings.threads``), a further axis (``mix``,
    ``axes.mix``), or an option of the heads (``training.epochs``, ``options.hidden``), which is
    set for all cells.

    Args:
        raw: the content of an experiment file.
        assignments: what was typed.
        fields: names of the file's fields.
        axes: names of the further axes.

    Raises:
        ConfigError: for anything that is no such assignment.
    """
    result = copy.deepcopy(dict(raw))
    for text in assignments:
        where = f"--set {text}"
        path, equals, given = text.partition("=")
        if not equals or not path.strip():
            raise ConfigError(
                "expected PATH=VALUE", where=where, fix="e.g. --set training.epochs=5"
            )
        value = parse_yaml(given, where)
        keys = path.strip().split(".")
        if keys[0] in _OPTION_BLOCKS and len(keys) > 1:
            result.setdefault("overrides", [])
            result["overrides"] = [*result["overrides"], {"set": {path.strip(): value}}]
            continue
        if keys[0] in axes and len(keys) == 1:
            keys = ["axes", keys[0]]
        if keys[0] not in fields:
            raise ConfigError(
                f"no field, axis or option block {keys[0]!r}",
                where=where,
                fix=f"fields: {', '.join(fields)}; axes: {', '.join(axes)}; option blocks: "
                f"{', '.join(_OPTION_BLOCKS)}",
            )
        if keys[0] in ("tasks", "features", "heads", "seeds", "axes") and not isinstance(
            value, list
        ):
            value = [value]
        place = result
        for key in keys[:-1]:
            inner = place.setdefault(key, {})
            if not isinstance(inner, dict):
                raise ConfigError(f"{key!r} has no parts", where=where)
            place = inner
        place[keys[-1]] = value
    return result


def _moved(raw: dict[str, Any], old: Path, new: Path) -> dict[str, Any]:
    """``raw`` read from ``old``, for a file in ``new``: paths of models that lie beside it."""
    if old == new or not isinstance(raw.get("models"), dict):
        return raw
    result = copy.deepcopy(raw)
    for entry in result["models"].values():
        files = entry.get("files") if isinstance(entry, dict) else None
        for file in files.values() if isinstance(files, dict) else ():
            path = file.get("path") if isinstance(file, dict) else None
            # Others are looked up below the folders of ELMOBENCH_MODELS.
            if isinstance(path, str) and (old / path).exists():
                file["path"] = os.path.relpath(old / path, new)
    return result
