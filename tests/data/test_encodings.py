"""The names of encodings that a card may state."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from elmobench.data.encodings import Encoding

NAMES = TypeAdapter(Encoding)


@pytest.mark.parametrize(
    "name",
    [
        *("unicode_escape", "unicode-escape", "raw_unicode_escape", "raw-unicode-escape"),
        *("punycode", "idna", "undefined"),
    ],
)
def test_encodings_of_no_text_file_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match=r"is no encoding of text files|there is no encoding"):
        NAMES.validate_python(name)


@pytest.mark.parametrize("name", ["base64", "rot13", "hex", "none-such", "a\0b"])
def test_encodings_of_bytes_and_unknown_ones_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="there is no encoding"):
        NAMES.validate_python(name)


def test_two_names_of_one_encoding_are_equal() -> None:
    assert NAMES.validate_python("latin1") == NAMES.validate_python("ISO-8859-1") == "iso8859-1"
