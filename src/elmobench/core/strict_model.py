"""The base of all pydantic models of the package."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class StrictModel(BaseModel):
    """A frozen model in which unknown fields, infinities, NaN and bytes are errors.

    The docstring below a field is the field's description.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    @model_validator(mode="before")
    @classmethod
    def _no_bytes(cls, values: Any) -> Any:
        """pydantic would take bytes for text; so that none are read silently, they are an error."""
        if isinstance(values, dict):
            for name, value in values.items():
                if any(isinstance(one, bytes | bytearray) for one in (value, *_inside(value))):
                    raise ValueError(f"{name} holds bytes, expected text or a number")
        return values


def _inside(value: Any) -> tuple[Any, ...]:
    """The values of a list or mapping; a model in it checks its own."""
    if isinstance(value, dict):
        return (*value, *value.values())
    return tuple(value) if isinstance(value, list | tuple) else ()
