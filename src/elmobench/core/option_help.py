"""Options as people read them: each with its value and what its docstring says of it."""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

_DESCRIBED = re.compile(r" {4}(\w+(?:, \w+)*): (.*)")
_MARKUP = re.compile(r":\w+:`|`+|; see :data:`TOKENIZERS`")
_WIDTH = 88


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """What the docstring says of each attribute, those of base classes included; in one line."""
    found: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        if kind is BaseModel or not issubclass(kind, BaseModel):
            continue
        doc = inspect.cleandoc(kind.__doc__ or "")
        names: list[str] = []
        for line in doc.partition("Attributes:\n")[2].splitlines():
            match = _DESCRIBED.fullmatch(line)
            if match:
                # A class may only point to its base for what the base explains.
                names = [
                    name
                    for name in match[1].split(", ")
                    if name not in found or not match[2].startswith("see ")
                ]
                found.update(dict.fromkeys(names, match[2]))
            elif line.strip():
                found.update({name: f"{found[name]} {line.strip()}" for name in names})
            else:
                names = []
    return found


def comments(model: type[BaseModel], name: str, known: Mapping[str, str]) -> list[str]:
    """The meaning of one option and its choices, in lines that begin with ``#``."""
    meaning = _MARKUP.sub("", known.get(name, ""))
    annotation = model.model_fields[name].annotation
    choices = get_args(annotation) if get_origin(annotation) is Literal else ()
    if choices:
        meaning += f" One of: {', '.join(map(str, choices))}."
    return [f"# {line}" for line in textwrap.wrap(meaning, _WIDTH)]


def default_of(model: type[BaseModel], name: str) -> Any:
    """The default of an option as JSON has it."""
    value = model.model_fields[name].get_default(call_default_factory=True)
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def explained(
    model: type[BaseModel], values: Mapping[str, Any], required: Collection[str] = ()
) -> Iterator[str]:
    """Lines of YAML: every option with its value, below what it means.

    Args:
        model: whose options.
        values: by option.
        required: options without a default, which are marked so.
    """
    known = meanings(model)
    for name in model.model_fields:
        yield from comments(model, name, known)
        if name in required:
            yield f"{name}:  # to be stated"
        else:
            yield f"{name}: {json.dumps(values[name], ensure_ascii=False)}"
