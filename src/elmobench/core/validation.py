"""pydantic's errors, turned into one message that names the file, the field and the fix."""

from __future__ import annotations

import math
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, Tag, ValidationError

from elmobench.core.errors import ConfigError, UnfinishedError
from elmobench.core.registry import did_you_mean

M = TypeVar("M", bound=BaseModel)

_MOST_PROBLEMS = 40  # of one file, in one message


def _finite(value: Any) -> Any:
    """Return ``value``. Raises ValueError for infinities and NaN anywhere in it."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number")
    if isinstance(value, Mapping):
        for inner in value.values():
            _finite(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _finite(inner)
    return value


Options = Annotated[dict[str, Any], AfterValidator(_finite)]
"""Options of something registered, whose own model checks them later; all numbers finite."""


def validated(model: type[M], values: Any, where: str) -> M:
    """Validate ``values`` as a ``model``; raise ConfigError, not pydantic's ValidationError."""
    if not isinstance(values, Mapping):
        raise ConfigError(f"holds {_kind(values)}, expected a mapping of fields", where=where)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise explain(error, model, where) from error


def explain(error: ValidationError, model: type[BaseModel], where: str) -> ConfigError:
    """Build a ConfigError that lists every problem by field path, with names to try.

    Args:
        error: what pydantic raised.
        model: the model that was being validated.
        where: the file, or whatever else holds the values.
    """
    problems: list[str] = []
    empty: list[str] = []
    advice: list[str] = []
    found = error.errors(include_url=False, include_context=False)
    for item in found[:_MOST_PROBLEMS]:
        parts, holders = _walk(model, item["loc"])
        path = _path(parts)
        if item["type"] == "extra_forbidden":
            problems.append(f"unknown field {path!r}")
            names = {name for kind in holders for name in kind.model_fields}
            advice.append(f"{path}: {did_you_mean(str(item['loc'][-1]), names)}")
        elif item["type"] == "missing":
            problems.append(f"field {path!r} is missing")
        elif path and "input" in item and item["input"] is None:
            empty.append(path)
        else:
            message = item["msg"].removeprefix("Value error, ")
            given = item.get("input")
            shown = f" (it is {_short(given)})" if isinstance(given, str | int | float) else ""
            problems.append(f"{path}: {message}{shown}" if path else message)
    if empty:
        problems.insert(0, f"nothing is filled in at {', '.join(empty)}")
    if len(found) > _MOST_PROBLEMS:
        problems.append(f"and {len(found) - _MOST_PROBLEMS:,} more problems")
    what, fix = "; ".join(problems), "; ".join(advice) or None
    if empty:
        return UnfinishedError(what, where=where, fix=fix, fields=tuple(empty))
    return ConfigError(what, where=where, fix=fix)


def _path(parts: Sequence[str | int]) -> str:
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _walk(
    model: type[BaseModel], loc: Sequence[str | int]
) -> tuple[list[str | int], list[type[BaseModel]]]:
    """Return the location as the file spells it, and the models that could hold its last part.

    pydantic adds the tags of unions to a location; those are not in the file.
    """
    parts: list[str | int] = []
    current: list[Any] = [model]
    holders: list[type[BaseModel]] = [model]
    for part in loc:
        branches = list(_flatten(current))
        tagged = [kind for kind, tag in branches if tag is not None and tag == part]
        if tagged:
            current = tagged
            continue
        holders = [
            kind for kind, _ in branches if isinstance(kind, type) and issubclass(kind, BaseModel)
        ]
        parts.append(part)
        current = [inner for kind, _ in branches for inner in _inside(kind, part)]
    return parts, holders


def _flatten(annotations: Iterable[Any]) -> Iterable[tuple[Any, str | None]]:
    for annotation in annotations:
        tag: str | None = None
        while get_origin(annotation) is Annotated:
            annotation, *metadata = get_args(annotation)
            tag = next((item.tag for item in metadata if isinstance(item, Tag)), tag)
        if get_origin(annotation) in (Union, types.UnionType):
            yield from _flatten(get_args(annotation))
        else:
            yield annotation, tag


def _inside(kind: Any, part: str | int) -> list[Any]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        field = kind.model_fields.get(str(part))
        return [] if field is None else [field.annotation]
    arguments = get_args(kind)
    if not arguments:
        return []
    origin = get_origin(kind)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return [arguments[-1]]
    return [arguments[0]]


def _short(value: str | int | float) -> str:
    text = repr(value[:80] if isinstance(value, str) else value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
