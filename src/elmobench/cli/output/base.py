"""The base of what commands print for programs: one JSON document, or tab-separated rows.

A document begins with the name and version of its schema. The version grows if a field is removed,
renamed or changes its meaning; new fields may come without a new version.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict

from elmobench.cli.streams import json_line
from elmobench.core.errors import ConfigError
from elmobench.core.strict_model import StrictModel

FORM_VARIABLE = "ELMOBENCH_OUTPUT"
"""Environment variable that chooses between tables and rows, whatever standard output is."""

_BLANKS = str.maketrans("\t\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029", " " * 11)


class Fields(StrictModel):
    """A part of a document. The docstring below a field is the field's description."""

    # Numbers that are not finite become null when a document is printed.
    model_config = ConfigDict(allow_inf_nan=True, from_attributes=True)

    @classmethod
    def from_values(cls, values: object) -> Self:
        """The part with these fields: a mapping, or an object with attributes of their names."""
        return cls.model_validate(values)


class Output(Fields):
    """What one command prints.

    Attributes:
        NAME: name of the schema, ``elmobench/compare``.
        VERSION: version of the schema.
        COMMANDS: the commands that print it.
        ROWS: the columns of its rows, each a field of the items of the list ``ROWS_OF``; empty for
            commands without rows.
        ROWS_OF: the field whose items become rows.
    """

    NAME: ClassVar[str] = ""
    VERSION: ClassVar[int] = 1
    COMMANDS: ClassVar[tuple[str, ...]] = ()
    ROWS: ClassVar[tuple[str, ...]] = ()
    ROWS_OF: ClassVar[str] = ""

    def document(self) -> dict[str, Any]:
        """The JSON document, with null for numbers that are not finite."""
        content = finite(self.model_dump(mode="python"))
        return {"schema": self.NAME, "version": self.VERSION, **content}

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows for a pipe."""
        for item in getattr(self, self.ROWS_OF) if self.ROWS_OF else ():
            yield tuple(getattr(item, name) for name in self.ROWS)

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """JSON Schema of the document (draft 2020-12)."""
        schema = cls.model_json_schema(mode="serialization")
        properties = {
            "schema": {"const": cls.NAME, "description": "Name of this schema."},
            "version": {"const": cls.VERSION, "description": "Version of this schema."},
            **schema.pop("properties", {}),
        }
        required = ["schema", "version", *schema.pop("required", ())]
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **schema,
            "properties": properties,
            "required": required,
        }


def for_programs(output: Output, *, as_json: bool) -> bool:
    """Print ``output`` as JSON if asked to, or as rows if standard output is not a terminal.

    Returns:
        Whether it was printed; otherwise the command prints a table for people.
    """
    if as_json:
        print_json(output)
        return True
    if output.ROWS and prints_rows():
        print_rows(output.rows())
        return True
    return False


def print_json(output: Output) -> None:
    """Print the document on one line of standard output."""
    print(json_line(output.document()))


def prints_rows() -> bool:
    """Whether tables are printed as tab-separated rows: if standard output is not a terminal.

    Raises:
        ConfigError: ELMOBENCH_OUTPUT is neither ``table`` nor ``rows``.
    """
    form = os.environ.get(FORM_VARIABLE)
    if form:
        if form not in ("table", "rows"):
            raise ConfigError(
                f"{form!r} is no form of output", where=FORM_VARIABLE, fix="set it to table or rows"
            )
        return form == "rows"
    return not sys.stdout.isatty()


def print_rows(rows: Iterator[tuple[Any, ...]]) -> None:
    """Print one line per row, without a header: cells separated by tabs."""
    for row in rows:
        print("\t".join(map(cell_text, row)))


def cell_text(value: Any) -> str:
    """A cell of a row: numbers in full, nothing for None, JSON for lists, no tab or line end.

    >>> cell_text(None), cell_text(0.25), cell_text(True), cell_text("a\\tb"), cell_text([1, "x"])
    ('', '0.25', 'true', 'a b', '[1, "x"]')
    """
    if isinstance(value, float) and not math.isfinite(value):
        value = None
    if value is None:
        return ""
    if isinstance(value, str):
        return value.translate(_BLANKS)
    if isinstance(value, bool | list | tuple | dict | BaseModel):
        plain = value.model_dump() if isinstance(value, BaseModel) else value
        return json.dumps(finite(plain), ensure_ascii=False)
    return str(value)


def finite(value: Any) -> Any:
    """``value`` as JSON can hold it: numbers of NumPy as Python's, None for NaN and infinities."""
    if isinstance(value, Mapping):
        return {str(key): finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    if isinstance(value, str | bool | int) or value is None:
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "item"):  # a scalar of NumPy
        return finite(value.item())
    raise TypeError(f"a {type(value).__name__} is no JSON value")
