"""The reader options of a file in CoNLL columns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from elmobench.core.errors import DataError
from elmobench.data.blanks import is_blank
from elmobench.data.readers.base import SourceText
from elmobench.data.readers.column_detection import span_column_options
from elmobench.data.readers.column_rows import Separator, fields_of
from elmobench.data.readers.columns import READER
from elmobench.data.tag_schemes import Scheme, detected_scheme
from elmobench.tasks.from_files.decisions import Decision
from elmobench.tasks.from_files.fields import tagging_pipeline

_ID = re.compile(r"[0-9]+([-.][0-9]+)?")
_UNIVERSAL = 10
"""Columns of CoNLL-U."""


def tag_column_options(
    text: SourceText, pipeline: str | None, stated: Mapping[str, str | int]
) -> tuple[str, dict[str, Any], list[Decision]]:
    """The pipeline of the file, the options of ``conll-columns``, and what was decided.

    Args:
        text: the file.
        pipeline: the one that the user states; None to find it.
        stated: the columns of ``token`` and ``tag`` that the user states, by number.

    Raises:
        DataError: no column holds tags.
    """
    rows = _rows(text)
    separator: Separator = "tab" if all("\t" in row for row in rows) else "whitespace"
    fields = [fields_of(row, separator) for row in rows]
    width = min(map(len, fields))
    if width == _UNIVERSAL and all(_ID.fullmatch(row[0]) for row in fields):
        options: dict[str, Any] = {"id": 0, "token": 1, "tag": 3, "comment": "#"}
        options |= {"separator": separator, "scheme": "none", **stated}
        why = "ten columns that begin with a number, as CoNLL-U"
        return pipeline or "pos", options, [Decision("columns", _named(options), why)]
    # Numbers of tokens; those of multiword tokens and empty nodes are not read.
    ids = {"id": 0} if all(_ID.fullmatch(row[0]) for row in fields) else {}
    token = next((i for i in range(width) if not all(_ID.fullmatch(row[i]) for row in fields)), 0)
    if not stated and pipeline != "pos":
        try:
            options = span_column_options(text)
        except DataError:
            options = {}
        if options:
            return _spans(text, {**options, "token": token, **ids}, pipeline)
    options = {"token": token, **ids, "separator": separator, **_comment(text)}
    tags = [stated["tag"]] if "tag" in stated else list(range(width - 1, 0, -1))
    options |= stated
    for tag in tags:
        scheme = _scheme(text, {**options, "tag": tag})
        if scheme is not None and pipeline != "pos":
            more = {} if scheme == "bio" else {"convert": "bio"}
            return _spans(text, {**options, "tag": tag, "scheme": scheme, **more}, pipeline)
    plain = [tag for tag in reversed(tags) if tag != options["token"]]
    if pipeline == "pos" and "tag" not in stated:
        plain = [tag for tag in plain if _scheme(text, {**options, "tag": tag}) is None] or plain
    options |= {"tag": plain[0] if pipeline == "pos" else plain[-1], "scheme": "none"}
    why = "no column holds span tags" if pipeline != "pos" else "the first column of plain tags"
    return pipeline or "pos", options, [Decision("columns", _named(options), why)]


def documents_in(text: SourceText) -> int:
    """How many rows or comments mark the start of a document."""
    marks = ("-DOCSTART-", "# newdoc")
    return sum(line.startswith(marks) for _, line in text.rows())


def _rows(text: SourceText) -> list[str]:
    marks = ("-DOCSTART-", "# ")
    return [line for _, line in text.rows() if not is_blank(line) and not line.startswith(marks)]


def _comment(text: SourceText) -> dict[str, str]:
    """``comment: '#'``, if lines begin with it and a blank."""
    return {"comment": "#"} if any(line.startswith("# ") for _, line in text.rows()) else {}


def _tags(text: SourceText, options: Mapping[str, Any]) -> list[tuple[str, ...]]:
    plain = {key: value for key, value in options.items() if key != "convert"}
    with_scheme = READER.options({**plain, "scheme": "none"}, text.name)
    return [example.tags for example in READER.read(text, with_scheme).examples]


def _scheme(text: SourceText, options: Mapping[str, Any]) -> Scheme | None:
    try:
        tags = _tags(text, options)
    except DataError:
        return None
    found = detected_scheme(tags)
    # Tags that are all O are of no scheme.
    return found if any(tag != "O" for sentence in tags for tag in sentence) else None


def _spans(
    text: SourceText, options: dict[str, Any], pipeline: str | None
) -> tuple[str, dict[str, Any], list[Decision]]:
    kind, why = tagging_pipeline(options["tag"], _tags(text, options))
    scheme = str(options["scheme"]).upper()
    return (
        pipeline or kind,
        options,
        [
            Decision("columns", _named(options), "the tags of the last column that mark spans"),
            Decision("scheme", scheme, "the first scheme in which all tags are legal"),
            Decision("pipeline", pipeline or kind, "stated" if pipeline else why),
        ],
    )


def _named(options: Mapping[str, Any]) -> str:
    return f"token {options['token']}, tag {options['tag']}"
