"""The base of all pydantic models of the package."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue

from elmobench.core.field_docs import described_attributes, plain, summary


class StrictModel(BaseModel):
    """A frozen model in which unknown fields, infinities, NaN and bytes are errors.

    ``true`` and ``false`` are no numbers, as in JSON Schema.

    The docstring below a field is the field's description.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: Any, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The model's JSON Schema, with a description of every field that a docstring describes.

        The docstring is that below the field or, without one, the field's text in the block
        ``Attributes:`` of the class or of a base class.
        """
        schema = handler(core_schema)
        resolved = handler.resolve_ref_schema(schema)
        texts: dict[str, str] = {}
        for kind in reversed(cls.__mro__):
            texts |= described_attributes(kind)
            if issubclass(kind, BaseModel):
                own = {n: f.description for n, f in kind.model_fields.items() if f.description}
                texts |= own
        names = {field.alias or name: name for name, field in cls.model_fields.items()}
        for shown, content in resolved.get("properties", {}).items():
            text = texts.get(names.get(shown, shown))
            if text:
                content["description"] = plain(text)
        resolved["description"] = summary(cls)
        return schema

    @model_validator(mode="before")
    @classmethod
    def _no_bytes(cls, values: Any) -> Any:
        """pydantic would take bytes for text; so that none are read silently, they are an error."""
        if isinstance(values, dict):
            for name, value in values.items():
                if any(isinstance(one, bytes | bytearray) for one in (value, *_inside(value))):
                    raise ValueError(f"{name} holds bytes, expected text or a number")
        return values

    @model_validator(mode="before")
    @classmethod
    def _no_truth_values_as_numbers(cls, values: Any) -> Any:
        """pydantic would take true for 1."""
        if isinstance(values, dict):
            for name, field in cls.model_fields.items():
                value = values.get(field.alias or name)
                ones = value if isinstance(value, list | tuple) else (value,)
                if any(isinstance(one, bool) for one in ones):
                    types = _leaves(field.annotation)
                    if types & {int, float} and not types & {bool, Any, object}:
                        raise ValueError(f"{name} is true or false, expected a number")
        return values


def _leaves(annotation: Any) -> set[Any]:
    """The types in an annotation, without those that hold them."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is None or not inner:
        return {annotation}
    if origin is Literal:
        return set(map(type, inner))
    inner = inner[:1] if origin is Annotated else inner
    return {leaf for one in inner for leaf in (_leaves(one) if one is not Ellipsis else ())}


def _inside(value: Any) -> tuple[Any, ...]:
    """The values of a list or mapping; a model in it checks its own."""
    if isinstance(value, dict):
        return (*value, *value.values())
    return tuple(value) if isinstance(value, list | tuple) else ()
