"""Messages stay readable, whatever a file holds."""

from __future__ import annotations

import pytest
from pydantic import Field

from elmobench.core.errors import LONGEST_MESSAGE, ConfigError
from elmobench.core.strict_model import StrictModel
from elmobench.core.validation import validated


class Sizes(StrictModel):
    name: str = Field(default="x", pattern="^[a-z]$")
    sizes: tuple[int, ...] = ()


def test_a_name_of_a_megabyte_is_shortened() -> None:
    error = ConfigError(f"unknown task {'a' * 1_000_000}!", fix="b" * 1_000_000)
    assert len(str(error)) < 3 * LONGEST_MESSAGE
    assert error.what.startswith("unknown task aaa")
    assert error.what.endswith("aaa!")
    assert "(996,014 characters)" in error.what
    assert ConfigError("x" * LONGEST_MESSAGE).what == "x" * LONGEST_MESSAGE


def test_the_value_that_is_wrong_is_shortened() -> None:
    with pytest.raises(ConfigError) as raised:
        validated(Sizes, {"name": "a" * 100_000}, "card.yaml")
    assert len(str(raised.value)) < 250
    with pytest.raises(ConfigError, match=r"card\.yaml: name: .* \(it is 1000000.*\.\.\.\)"):
        validated(Sizes, {"name": 10**4000}, "card.yaml")


def test_a_thousand_problems_are_counted() -> None:
    with pytest.raises(ConfigError, match="and 960 more problems") as raised:
        validated(Sizes, {"sizes": ["x"] * 1000}, "card.yaml")
    assert "sizes[39]: " in raised.value.what
    assert "sizes[40]: " not in raised.value.what
