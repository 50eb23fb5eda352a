"""``features.json`` and ``lengths.json``: what encoding cost. They only inform.

A damaged file never keeps a run from working: readers warn and go on without it, and the next
writer puts it aside under the name ``….damaged-N``.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import ConfigDict, Field

from elmobench.core.errors import DataError, ElmobenchError, ElmobenchWarning
from elmobench.core.files import put_aside
from elmobench.core.parsing import parsing, read_json
from elmobench.core.sealed import check_seal, write_sealed_json
from elmobench.core.strict_model import StrictModel
from elmobench.tracking.record import Cost, Count

FORMAT_VERSION = 2
"""Since 2 the files contain their own digest; files of earlier versions name no version."""

T = TypeVar("T")


class _Cost(StrictModel):
    """What is read of one encoding; the others are for people."""

    model_config = ConfigDict(extra="allow", strict=True)

    task: str
    fingerprint: str
    seconds: Cost
    cpu: Cost = 0.0
    encoded_tokens: Count = 0


class _Lengths(StrictModel):
    """Seconds by features and by length of the sentence."""

    model_config = ConfigDict(extra="allow", strict=True)

    seconds: dict[str, dict[Annotated[str, Field(pattern=r"^[0-9]{1,9}$")], Cost]]


def read_costs(path: Path) -> list[dict[str, Any]]:
    """The encodings noted in ``features.json``; none, with a warning, if it is damaged."""
    return _or_nothing(path, _costs, [])


def add_cost(path: Path, cost: Mapping[str, Any]) -> None:
    """Add an encoding to ``features.json``, which is put aside if it is damaged."""
    costs: list[dict[str, Any]] = _or_aside(path, _costs, [])
    write_sealed_json(path, {"format_version": FORMAT_VERSION, "costs": [*costs, cost]})


def read_lengths(path: Path) -> dict[str, Any]:
    """The content of ``lengths.json``; nothing, with a warning, if it is damaged."""
    return _or_nothing(path, _lengths, {})


def add_lengths(path: Path, lengths: Mapping[str, Any]) -> None:
    """Add ``seconds`` by features and length to ``lengths.json``; features noted before stay."""
    before: dict[str, Any] = _or_aside(path, _lengths, {})
    seconds = {**before.get("seconds", {}), **lengths["seconds"]}
    write_sealed_json(path, {"format_version": FORMAT_VERSION, **lengths, "seconds": seconds})


def _costs(path: Path) -> list[dict[str, Any]]:
    content = read_json(path, DataError)
    if not isinstance(content, list):  # a list is of an earlier version
        content = _unsealed(content, path).get("costs")
    with parsing(path, DataError, what="not a list of costs"):
        if not isinstance(content, list):
            raise TypeError(f"it holds a {type(content).__name__}")
        for cost in content:
            _Cost.model_validate(cost)
    return content


def _lengths(path: Path) -> dict[str, Any]:
    content = _unsealed(read_json(path, DataError), path)
    with parsing(path, DataError, what="not a table of seconds by length"):
        _Lengths.model_validate(content)
    return {name: value for name, value in content.items() if name != "format_version"}


def _unsealed(content: Any, path: Path) -> dict[str, Any]:
    """``content`` without its digest, after checking that; earlier versions had none."""
    if not isinstance(content, dict):
        raise DataError(f"holds a {type(content).__name__}, expected an object", where=str(path))
    return check_seal(content, str(path), required=lambda value: "format_version" in value)


def _or_nothing(path: Path, read: Callable[[Path], T], nothing: T) -> T:
    if not os.path.lexists(path):
        return nothing
    try:
        return read(path)
    except ElmobenchError as error:
        _warn(f"{error}; costs are shown without it. Delete the file; no result is lost")
        return nothing


def _or_aside(path: Path, read: Callable[[Path], T], nothing: T) -> T:
    if not os.path.lexists(path):
        return nothing
    try:
        return read(path)
    except ElmobenchError as error:
        aside = put_aside(path)
        _warn(
            f"{error}; it is put aside as {aside.name}, and a new one is begun. No result is lost"
        )
        return nothing


def _warn(text: str) -> None:
    warnings.warn(text, ElmobenchWarning, stacklevel=4)
