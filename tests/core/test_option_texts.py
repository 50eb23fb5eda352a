"""What people are told of options."""

from __future__ import annotations

from typing import Literal

import yaml
from pydantic import BaseModel, Field

from elmobench.core.option_help import explained, meanings
from elmobench.tasks.registries import HEADS


class Base(BaseModel):
    """Of many.

    Attributes:
        size, width: how large; in
            ``tokens``.
        kind: which.
    """

    size: int = 3
    width: int
    kind: Literal["a", "b"] = "a"


class Derived(Base):
    """Of one.

    Attributes:
        kind: this one's own.
        size: see :class:`Base`.
        more: a list.
    """

    more: list[int] = Field(default_factory=list)


def test_meanings_of_base_and_derived() -> None:
    assert meanings(Derived) == {
        "size": "how large; in ``tokens``.",
        "width": "how large; in ``tokens``.",
        "kind": "this one's own.",
        "more": "a list.",
    }


def test_it_is_yaml_with_the_values() -> None:
    values = {"size": 4, "kind": "b", "more": [1]}
    lines = list(explained(Derived, values, required=["width"]))
    assert lines[:2] == ["# how large; in tokens.", "size: 4"]
    assert "# this one's own. One of: a, b." in lines
    assert yaml.safe_load("\n".join(lines)) == {**values, "width": None}


def test_every_option_of_every_head_is_explained() -> None:
    missing = [
        f"{name}: {option}"
        for name in HEADS
        for block in ("options", "training", "mix")
        for option in type(getattr(HEADS.get(name), block)).model_fields
        if not meanings(type(getattr(HEADS.get(name), block))).get(option)
    ]
    assert missing == []
