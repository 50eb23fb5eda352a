"""The base of all pydantic models."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from pydantic import Field, ValidationError

import elmobench
from elmobench.core.strict_model import StrictModel


class Example(StrictModel):
    size: float = 1.0
    """How large."""


def test_wrong_values_are_errors() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        Example.model_validate({"sice": 1.0})
    with pytest.raises(ValidationError, match="finite"):
        Example(size=math.nan)
    with pytest.raises(ValidationError, match="frozen"):
        Example().size = 2.0  # type: ignore[misc]


def test_docstrings_of_fields_are_descriptions() -> None:
    assert Example.model_fields["size"].description == "How large."


def test_every_model_is_derived_from_it() -> None:
    folder = Path(elmobench.__file__).parent
    files = [file for file in folder.rglob("*.py") if "(BaseModel)" in file.read_text("utf-8")]
    assert [file.name for file in files] == ["strict_model.py"]


class Nested(StrictModel):
    name: str = ""
    names: tuple[str, ...] = ()
    options: dict[str, Any] = Field(default_factory=dict)
    inner: Example = Example()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": b"x"}, "name"),
        ({"names": ["a", b"x"]}, "names"),
        ({"options": {"a": bytearray(b"x")}}, "options"),
        ({"inner": {"size": b"1.5"}}, "inner"),
    ],
)
def test_bytes_are_not_read_as_text(values: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError, match=f"{field} holds bytes, expected text or a number"):
        Nested.model_validate(values)


class Numbers(StrictModel):
    count: Annotated[int, Field(ge=0)] | None = None
    lines: tuple[int, int] = (1, 2)
    column: int | str = 0
    rate: float = Field(default=1.0, alias="lr")
    header: bool | int = False
    pad: Literal[True, "max"] | int = 0
    options: dict[str, Any] = Field(default_factory=dict)


def test_true_is_no_number() -> None:
    """As in the JSON Schema of the same model, by which editors check a file."""
    validator = jsonschema.Draft202012Validator(Numbers.model_json_schema())
    for values in ({"count": True}, {"lines": [True, 2]}, {"column": False}, {"lr": True}):
        assert not validator.is_valid(values)
        with pytest.raises(ValidationError, match="is true or false, expected a number"):
            Numbers.model_validate(values)
    allowed = {"header": True, "pad": True, "options": {"x": True, "y": [False]}}
    assert validator.is_valid(allowed)
    assert Numbers.model_validate(allowed).header is True
