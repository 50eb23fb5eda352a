"""Reading YAML written by people: duplicate keys are errors, ``yes`` and ``no`` are strings.

Size, depth and the values that aliases repeat are bounded before anything is built: libyaml builds
nested lists by recursion, and ends the process when its stack is full.
"""

from __future__ import annotations

import math
import re
import stat
from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from elmobench.core.errors import ConfigError
from elmobench.core.parsing import (
    SYSTEM_FOLDERS,
    decode,
    parsing,
    read_text,
    reason,
    standard_input,
)
from elmobench.core.quoting import quoted

if TYPE_CHECKING:
    from yaml import SafeLoader as _Base
else:
    # libyaml's parser is ten times as fast; both build plain values only.
    _Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_YAML_BYTES = 1 << 20
"""The longest file that is read; shipped cards and experiments have less than 10,000 bytes."""

MAX_YAML_DEPTH = 50
"""Lists and mappings within each other."""

_TOO_DEEP = f"is nested more than {MAX_YAML_DEPTH} deep"
# libyaml 0.2.6 and later report more than 1,000 levels when they read ahead.
_TOO_DEEP_FOR_LIBYAML = "exceeded maximum nesting depth"

MAX_YAML_VALUES = 100_000
"""Values in a file, where those that an alias repeats count each time."""


class _Loader(_Base):
    """Plain values by YAML 1.2's rules: ``no`` is a string, ``1e-3`` a number, no dates."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, LookupError, AttributeError, TypeError, OverflowError) as error:
            # PyYAML's constructors raise these for `!!int foo` or `!!timestamp foo`.
            kind = node.tag.rpartition(":")[2]
            shown = node.value if isinstance(node.value, str) else "a list or mapping"
            raise yaml.constructor.ConstructorError(
                None, None, f"{quoted(shown)} is not of type {kind}", node.start_mark
            ) from error

    def construct_decimal(self, node: yaml.ScalarNode) -> int:
        """``010`` is ten: YAML 1.2 has no octal numbers of that form, as 1.1 had."""
        text = self.construct_scalar(node)
        if "_" in text:
            raise ValueError("YAML 1.2 has no underscores in numbers")
        return int(text)

    def construct_finite(self, node: yaml.ScalarNode) -> float:
        """``1e999``, which no float can hold, is an error; ``.inf`` says what it means."""
        value: float = self.construct_yaml_float(node)
        if math.isinf(value) and not node.value.lower().endswith(".inf"):
            raise ValueError("no float can hold it")
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        if not isinstance(node, yaml.MappingNode):
            raise yaml.constructor.ConstructorError(
                None, None, "expected a mapping", node.start_mark
            )
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} appears twice", key_node.start_mark
                )
            if isinstance(key, Hashable):
                seen.add(key)
        return super().construct_mapping(node, deep=deep)


for _tag, _pattern, _first in (
    ("null", r"(?:~|null|Null|NULL|)", ["~", "n", "N", ""]),
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.nan",
        list("-+0123456789."),
    ),
    ("merge", r"<<", ["<"]),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), _first
    )
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_decimal)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_finite)


def read_yaml(path: Path) -> Any:
    """Read a YAML file as plain values.

    Raises:
        ConfigError: if the file is missing, is not UTF-8 or is not YAML; the error names the line.
    """
    return parse_yaml(read_text(path, ConfigError), str(path))


def is_pipe(path: Path) -> bool:
    """Whether ``path`` is a pipe that the shell made, such as ``<(command)`` or ``/dev/stdin``.

    A named pipe elsewhere is not: reading it would wait for a writer, perhaps for ever.
    """
    try:
        return path.parts[:2] in SYSTEM_FOLDERS and stat.S_ISFIFO(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def is_special(path: Path) -> bool:
    """Whether there is something at ``path`` that is neither a file nor a folder."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def read_pipe(path: Path | None, where: str) -> str:
    """The YAML text of a pipe, which can be read once.

    Args:
        path: the pipe; None for standard input.
        where: its name for errors.

    Raises:
        ConfigError: if it cannot be read, is not UTF-8, or has more than :data:`MAX_YAML_BYTES`.
    """
    with parsing(where, ConfigError):
        if path is None:
            data = standard_input().read(MAX_YAML_BYTES + 1)
        else:
            with path.open("rb") as stream:
                data = stream.read(MAX_YAML_BYTES + 1)
    if len(data) > MAX_YAML_BYTES:
        raise ConfigError(
            f"has more than {MAX_YAML_BYTES:,} bytes; YAML is read up to that", where=where
        )
    return decode(data, where, ConfigError)


def parse_yaml(text: str, where: str) -> Any:
    """Parse ``text`` as plain values.

    Raises:
        ConfigError: if it is not YAML, or exceeds :data:`MAX_YAML_BYTES`, :data:`MAX_YAML_DEPTH`
            or :data:`MAX_YAML_VALUES`. The error names ``where``, line and column.
    """
    if len(text) > MAX_YAML_BYTES:
        raise ConfigError(
            f"has {len(text):,} characters; YAML is read up to {MAX_YAML_BYTES:,}", where=where
        )
    try:
        _check_bounds(text, where)
        loader = _Loader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = f"is not YAML: {error.problem or error}"
        if error.problem == _TOO_DEEP_FOR_LIBYAML:
            what = _TOO_DEEP
        raise ConfigError(what, where=_place(where, mark)) from error
    except (yaml.YAMLError, ValueError) as error:
        # libyaml encodes the text first, which a lone surrogate prevents.
        raise ConfigError(f"is not YAML: {reason(error)}", where=where) from error


def lines_of_fields(text: str) -> dict[str, int]:
    """The line of each value of a YAML text that :func:`parse_yaml` reads, by its path.

    >>> lines_of_fields("{a: 1, b: [{c: 2}]}")
    {'a': 1, 'b': 1, 'b[0]': 1, 'b[0].c': 1}
    """
    lines: dict[str, int] = {}
    # Of each open collection: its path, and the next index, or the key whose value comes next.
    open_paths: list[tuple[str, int | None]] = []
    keys: list[str | None] = []

    def place() -> str:
        if not open_paths:
            return ""
        path, index = open_paths[-1]
        if index is not None:
            open_paths[-1] = (path, index + 1)
            return f"{path}[{index}]"
        key, keys[-1] = keys[-1], None
        return f"{path}.{key}" if path else str(key)

    for event in yaml.parse(text, Loader=_Base):
        if isinstance(event, yaml.CollectionEndEvent):
            open_paths.pop()
            keys.pop()
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        is_key = bool(open_paths) and open_paths[-1][1] is None and keys[-1] is None
        if is_key and isinstance(event, yaml.ScalarEvent):
            keys[-1] = event.value
            continue
        path = place()
        if path and event.start_mark is not None:
            lines[path] = event.start_mark.line + 1
        if isinstance(event, yaml.CollectionStartEvent):
            is_list = isinstance(event, yaml.SequenceStartEvent)
            open_paths.append((path, 0 if is_list else None))
            keys.append(None)
    return lines


def _check_bounds(text: str, where: str) -> None:
    """Go through the events, which needs no recursion, and raise ConfigError beyond the bounds."""
    total = 0  # values so far, as they would be built
    open_starts: list[tuple[int, str | None]] = []  # total where a collection began, its anchor
    sizes: dict[str, int] = {}
    for event in yaml.parse(text, Loader=_Base):
        if isinstance(event, yaml.CollectionStartEvent):
            open_starts.append((total, event.anchor))
            total += 1
            if len(open_starts) > MAX_YAML_DEPTH:
                raise ConfigError(_TOO_DEEP, where=_place(where, event.start_mark))
        elif isinstance(event, yaml.CollectionEndEvent):
            start, anchor = open_starts.pop()
            if anchor is not None:
                sizes[anchor] = total - start
        elif isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for _, anchor in open_starts):
                raise ConfigError(
                    f"the alias *{event.anchor} is inside of what it stands for",
                    where=_place(where, event.start_mark),
                )
            total += sizes.get(str(event.anchor), 1)
        elif isinstance(event, yaml.ScalarEvent):
            total += 1
        if total > MAX_YAML_VALUES:
            raise ConfigError(
                f"has more than {MAX_YAML_VALUES:,} values, counting those that aliases repeat",
                where=_place(where, event.start_mark),
            )


def _place(where: str, mark: Any) -> str:
    return where if mark is None else f"{where}:{mark.line + 1}:{mark.column + 1}"
