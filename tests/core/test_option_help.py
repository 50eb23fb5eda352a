"""The help for options, and that every option has some."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
import yaml
from pydantic import BaseModel, Field

from elmobench.bench.experiment.parts import PartSettings
from elmobench.bench.experiment.schema import Axes, Experiment, Override, Settings
from elmobench.core.option_help import description_of, explained
from elmobench.core.strict_model import StrictModel
from elmobench.data.controls.base import GENERATORS
from elmobench.data.readers.base import READERS
from elmobench.pretraining.plan import KINDS
from elmobench.tasks.registries import HEADS


class Base(StrictModel):
    size: int = 3
    """How large; in
    ``tokens``, see :class:`Base`.
    """
    width: int
    """How wide."""
    kind: Literal["a", "b"] = "a"
    """Which."""


class Derived(Base):
    kind: Literal["a", "b"] = "b"
    """The derived class's own."""
    size: int = 4
    more: list[int] = Field(default_factory=list)
    undocumented: int = 0


def test_descriptions_of_base_and_derived() -> None:
    assert {name: description_of(Derived, name) for name in Derived.model_fields} == {
        "size": "How large; in tokens, see Base.",
        "width": "How wide.",
        "kind": "The derived class's own.",
        "more": "",
        "undocumented": "",
    }


def test_it_is_yaml_with_the_values() -> None:
    values = {"size": 4, "kind": "b", "more": [1], "undocumented": 0}
    lines = list(explained(Derived, values, required=["width"]))
    assert lines[:2] == ["# How large; in tokens, see Base.", "size: 4"]
    assert "# The derived class's own. One of: a, b." in lines
    assert yaml.safe_load("\n".join(lines)) == {**values, "width": None}


def _with_nested(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _with_nested(field.annotation)


def _models() -> Iterator[tuple[str, type[BaseModel]]]:
    for name in READERS:
        yield name, READERS.get(name).options_type
    for name in GENERATORS:
        yield name, GENERATORS.get(name).options_type
    for name in HEADS:
        preset = HEADS.get(name)
        for block in (preset.options, preset.training, preset.mix):
            yield name, type(block)
    yield from KINDS.items()
    for model in (Experiment, Axes, Override, Settings, PartSettings):
        yield "experiment", model


@pytest.mark.parametrize("name", sorted({name for name, _ in _models()}))
def test_every_option_has_a_description(name: str) -> None:
    missing = [
        f"{part.__name__}.{option}"
        for owner, model in _models()
        if owner == name
        for part in _with_nested(model)
        for option in part.model_fields
        if not description_of(part, option)
    ]
    assert missing == []
