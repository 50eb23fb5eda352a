"""Help for options: lines of YAML with each option's value and description."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

_MARKUP = re.compile(r":\w+:`|`+")
_WIDTH = 88


def description_of(model: type[BaseModel], name: str) -> str:
    """The description of an option in one line, without markup; empty if there is none.

    A field that a class defines again without a docstring, for another default, has the
    description of the base class.
    """
    for kind in model.__mro__:
        field = kind.model_fields.get(name) if issubclass(kind, BaseModel) else None
        if field is not None and field.description:
            return _MARKUP.sub("", " ".join(field.description.split()))
    return ""


def comments(model: type[BaseModel], name: str) -> list[str]:
    """The description of one option and its choices, in lines that begin with ``#``."""
    description = description_of(model, name)
    annotation = model.model_fields[name].annotation
    choices = get_args(annotation) if get_origin(annotation) is Literal else ()
    if choices:
        description += f" One of: {', '.join(map(str, choices))}."
    return [f"# {line}" for line in textwrap.wrap(description, _WIDTH)]


def default_of(model: type[BaseModel], name: str) -> Any:
    """The default of an option as JSON has it."""
    value = model.model_fields[name].get_default(call_default_factory=True)
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def explained(
    model: type[BaseModel], values: Mapping[str, Any], required: Collection[str] = ()
) -> Iterator[str]:
    """Lines of YAML: every option with its description above and its value.

    Args:
        model: the model of the options.
        values: values by option.
        required: options without a default, which are marked as required.
    """
    for name in model.model_fields:
        yield from comments(model, name)
        if name in required:
            yield f"{name}:  # to be stated"
        else:
            yield f"{name}: {json.dumps(values[name], ensure_ascii=False)}"
