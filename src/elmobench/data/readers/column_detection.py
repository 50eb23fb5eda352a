"""Find the reader options of a file with span tags in its last column."""

from __future__ import annotations

from typing import Any

from elmobench.core.errors import DataError
from elmobench.data.readers.base import SourceText
from elmobench.data.readers.columns import READER, ColumnOptions
from elmobench.data.tag_schemes import detected_scheme


def span_column_options(text: SourceText) -> dict[str, Any]:
    """Options of ``conll-columns`` for words in the first column and span tags in the last.

    Returns:
        ``token``, ``tag``, ``separator`` and ``scheme``, and ``convert`` if the tags are not BIO.

    Raises:
        DataError: the tags are not legal in any scheme, or the rows have no columns.
    """
    rows = [line for _, line in text.rows() if line.strip()]
    separator = "tab" if rows and all("\t" in row for row in rows) else "whitespace"
    options: dict[str, Any] = {"token": 0, "tag": -1, "separator": separator}
    plain = ColumnOptions.model_validate({**options, "scheme": "none"})
    tags = [example.tags for example in READER.read(text, plain).examples]
    scheme = detected_scheme(tags) if tags else None
    if scheme is None:
        raise DataError(
            "the last column is in none of the schemes of span tags",
            where=text.name,
            fix="leave the file out, and fill in the options of the reader in the card",
        )
    return {**options, "scheme": scheme, **({} if scheme == "bio" else {"convert": "bio"})}
