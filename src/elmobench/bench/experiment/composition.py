"""Experiments built on others: ``extends``, and settings from the command line."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from elmobench.core.errors import ConfigError
from elmobench.core.quoting import shortened
from elmobench.core.yaml_files import parse_yaml, read_yaml

_ADDED = ("overrides", "caveats")
_MERGED = ("axes", "settings", "models")
_OPTION_BLOCKS = ("options", "training", "mix")
_GRID = ("tasks", "features", "heads")
_LONGEST_CHAIN = 20
EXTENDS = "extends"
OPTIONAL = "optional"
"""Field of an override that says whether it may match no cell, and of a claim that says whether it
may compare what is not run.
"""


def read_extended(path: Path, find: Callable[[str, Path], Path]) -> Any:
    """Read an experiment file, merged into the experiment that it extends, if any.

    Args:
        path: the file.
        find: called with a value of ``extends`` and the file that has it; returns the parent file.

    Raises:
        ConfigError: if a file is not valid YAML, or extends itself, even through other files.
    """
    return _read(path.resolve(), find, ())


def parse_extended(text: str, where: str, find: Callable[[str, Path], Path]) -> Any:
    """The experiment ``text``, merged as :func:`read_extended` does; paths in it are relative to
    the current folder.

    Args:
        text: YAML.
        where: where it came from, for errors.
        find: see :func:`read_extended`.

    Raises:
        ConfigError: see :func:`read_extended`.
    """
    return _merged(parse_yaml(text, where), Path.cwd() / where, find, ())


def _read(path: Path, find: Callable[[str, Path], Path], children: tuple[Path, ...]) -> Any:
    """Read ``path``, which ``children`` extend, from the first file to its direct child."""
    if path in children:
        chain = " extends ".join(str(p) for p in (*children[children.index(path) :], path))
        raise ConfigError(f"an experiment extends itself: {chain}", where=str(children[0]))
    if len(children) > _LONGEST_CHAIN:
        raise ConfigError(
            f"more than {_LONGEST_CHAIN} experiments extend one another", where=str(children[0])
        )
    return _merged(read_yaml(path), path, find, children)


def _merged(
    raw: Any, path: Path, find: Callable[[str, Path], Path], children: tuple[Path, ...]
) -> Any:
    """The content ``raw`` of ``path``, merged into the experiment that it extends, if any."""
    if not isinstance(raw, dict) or EXTENDS not in raw:
        return raw
    name = raw.pop(EXTENDS)
    if not isinstance(name, str):
        raise ConfigError(f"'{EXTENDS}' names one experiment, got {name!r}", where=str(path))
    parent = find(name, path).resolve()
    content = _read(parent, find, (*children, path))
    if not isinstance(content, dict):
        raise ConfigError("the file has no experiment to extend", where=str(parent))
    return extended(_with_moved_paths(content, parent.parent, path.parent), raw)


def extended(parent: Mapping[str, Any], child: Mapping[str, Any]) -> dict[str, Any]:
    """``parent`` with the fields of ``child``.

    ``axes``, ``settings`` and ``models`` are merged by name; ``overrides`` and ``caveats`` are
    appended to the parent's (later overrides replace earlier ones); every other field of the
    child replaces the parent's. The parent's overrides may match no cell of the child, which can
    have other tasks, and its claims may compare what the child does not run.
    """
    result = with_optional_parts(parent)
    for key, value in child.items():
        before = result.get(key)
        if key in _ADDED and isinstance(before, list) and isinstance(value, list):
            result[key] = [*before, *value]
        elif key in _MERGED and isinstance(before, dict) and isinstance(value, Mapping):
            result[key] = {**before, **value}
        else:
            result[key] = copy.deepcopy(value)
    return result


def with_optional_parts(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of ``raw`` for a grid that will be changed.

    Its overrides may match no cell, and its claims may compare what is not run.
    """
    result = copy.deepcopy(dict(raw))
    for name in ("overrides", "claims"):
        if isinstance(result.get(name), list):
            for part in result[name]:
                if isinstance(part, dict):
                    part[OPTIONAL] = True
    return result


def with_assignments(
    raw: Mapping[str, Any], assignments: Sequence[str], fields: Sequence[str], axes: Sequence[str]
) -> dict[str, Any]:
    """``raw`` with settings of the form ``PATH=VALUE``, the value in YAML.

    A path is a field of the file (``seeds``, ``settings.threads``), a further axis (``mix``,
    ``axes.mix``), or an option of the heads (``training.epochs``, ``options.hidden``), which is
    set for all cells. If tasks, features or heads are set, the file's overrides may match no cell,
    and its claims may compare what is not run.

    Args:
        raw: the content of an experiment file.
        assignments: the settings, as typed.
        fields: names of the file's fields.
        axes: names of the further axes.

    Raises:
        ConfigError: for an assignment that has another form, or an unknown path.
    """
    result = copy.deepcopy(dict(raw))
    for assignment in assignments:
        where = f"--set {shortened(assignment)}"
        path, equals, value_text = assignment.partition("=")
        if not equals or not path.strip():
            raise ConfigError(
                "expected PATH=VALUE", where=where, fix="e.g. --set training.epochs=5"
            )
        value = parse_yaml(value_text, where)
        keys = path.strip().split(".")
        if keys[0] in _GRID:
            result = with_optional_parts(result)
        if keys[0] in _OPTION_BLOCKS and len(keys) > 1:
            before = result.get("overrides", [])
            if not isinstance(before, list):
                raise ConfigError("the experiment's 'overrides' is not a list", where=where)
            result["overrides"] = [*before, {"set": {path.strip(): value}}]
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
        target = result
        for key in keys[:-1]:
            inner = target.setdefault(key, {})
            if not isinstance(inner, dict):
                raise ConfigError(f"{key!r} has no parts", where=where)
            target = inner
        target[keys[-1]] = value
    return result


def _with_moved_paths(raw: dict[str, Any], old: Path, new: Path) -> dict[str, Any]:
    """``raw`` with model paths relative to the folder ``old`` made relative to ``new``."""
    if old == new or not isinstance(raw.get("models"), dict):
        return raw
    result = copy.deepcopy(raw)
    for entry in result["models"].values():
        files = entry.get("files") if isinstance(entry, dict) else None
        for file in files.values() if isinstance(files, dict) else ():
            path = file.get("path") if isinstance(file, dict) else None
            # Other paths are looked up in the folders of ELMOBENCH_MODELS.
            if isinstance(path, str) and os.path.exists(old / path):
                file["path"] = os.path.relpath(old / path, new)
    return result
