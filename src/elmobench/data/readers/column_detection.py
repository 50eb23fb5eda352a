"""Find the reader options of a file with span tags in its last column."""

from __future__ import annotations

from typing import Any

from elmobench.core.errors import DataError
from elmobench.data.blanks import is_blank
from elmobench.data.readers.base import SourceText
from elmobench.data.readers.column_rows import Separator, column_lines, fields_of
from elmobench.data.readers.columns import READER, ColumnOptions
from elmobench.data.tag_schemes import Scheme, detected_scheme


def span_column_options(text: SourceText) -> dict[str, Any]:
    """Options of ``conll-columns`` for words in the first column and span tags in the last.

    Returns:
        ``token``, ``tag``, ``separator`` and ``scheme``; ``convert`` if the tags are not BIO, and
        ``comment`` if some lines begin with ``#`` and a blank and are no rows.

    Raises:
        DataError: the tags are not legal in any scheme, or the rows have no columns.
    """
    lines = [line for _, line in column_lines(text) if not is_blank(line)]
    # Rows that mark documents often have no columns, and comments none that count.
    rows = [line for line in lines if not line.startswith(("-DOCSTART-", "# "))]
    separator: Separator = "tab" if rows and all("\t" in row for row in rows) else "whitespace"
    options: dict[str, Any] = {"token": 0, "tag": -1, "separator": separator}
    widths = {len(fields_of(row, separator)) for row in rows}
    starts = [len(fields_of(line, separator)) for line in lines if line.startswith("# ")]
    if any(width not in widths for width in starts):
        options["comment"] = "#"
    scheme = _scheme(text, options)
    if scheme is None and starts and "comment" not in options:
        # "# sent_id = s1" has as many fields as a row of CoNLL-2003.
        options["comment"] = "#"
        scheme = _scheme(text, options)
    if scheme is None:
        raise DataError(
            "the last column is in none of the schemes of span tags",
            where=text.name,
            fix="leave the file out, and fill in the options of the reader in the card",
        )
    return {**options, "scheme": scheme, **({} if scheme == "bio" else {"convert": "bio"})}


def _scheme(text: SourceText, options: dict[str, Any]) -> Scheme | None:
    plain = ColumnOptions.model_validate({**options, "scheme": "none"})
    tags = [example.tags for example in READER.read(text, plain).examples]
    return detected_scheme(tags) if tags else None
