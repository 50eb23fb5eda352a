"""The reader options of a file in CoNLL columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from elmobench.core.errors import DataError
from elmobench.data.blanks import is_blank, split_blanks
from elmobench.data.readers.base import SourceText
from elmobench.data.readers.column_rows import Separator, fields_of
from elmobench.data.readers.columns import READER
from elmobench.data.tag_schemes import Scheme, detected_scheme, from_io, split_tag, to_bio
from elmobench.tasks.from_files.decisions import Decision
from elmobench.tasks.from_files.fields import tagging_pipeline

_ID = re.compile(r"[0-9]+([-.][0-9]+)?")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z]+)*:(?=.)")
"""The code of a language in front of a word."""

_BEGUN = re.compile(r"[BI]-.")

_OUTSIDE = 0.4
"""Share of tokens outside of spans, of which bare types have more."""

_BARE = frozenset("OBIESLUMW")
_ENTITY = "ENTITY"
"""Type of spans whose tags have none."""

_UNIVERSAL = 10
"""Columns of CoNLL-U."""


def is_conllu(text: SourceText) -> bool:
    """Whether a file in columns is CoNLL-U: ten columns, the first with numbers of words."""
    return _are_universal(_form(text)[1])


def _are_universal(fields: Sequence[Sequence[str]]) -> bool:
    has_ids = all(_ID.fullmatch(row[0]) for row in fields)
    return has_ids and min(map(len, fields)) == _UNIVERSAL


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
    base, fields = _form(text)
    width = min(map(len, fields))
    has_ids = all(_ID.fullmatch(row[0]) for row in fields)
    if _are_universal(fields):
        options: dict[str, Any] = {"id": 0, "token": 1, "tag": 3, **base, "comment": "#"}
        options |= {"scheme": "none", **stated}
        why = "ten columns that begin with a number, as CoNLL-U"
        return pipeline or "pos", options, [Decision("columns", _named(options), why)]
    # Numbers of tokens; those of multiword tokens and empty nodes are not read.
    options = {"token": int(has_ids), **({"id": 0} if has_ids else {}), **base}
    candidates = [i for i in range(width - 1, -1, -1) if not (has_ids and i == 0)]
    if pipeline != "pos":
        chosen = [int(stated["tag"])] if "tag" in stated else candidates
        spans = {i: tags for i in chosen if (tags := _span_tags(text, options, i)) is not None}
        if spans:
            tag = _fullest(spans)
            if options["token"] == tag:  # tags stand before words
                options["token"] = next((i for i in reversed(candidates) if i not in spans), 1)
            if tag == width - 1 and len(set(map(len, fields))) == 1:
                options["tag"] = -1
            else:
                options["tag"] = tag
            options |= {**stated, **spans[tag].options, **_prefix(fields, options["token"])}
            return _of_spans(options, spans[tag], pipeline)
    options |= stated
    plain = [tag for tag in reversed(candidates) if tag != options["token"]]
    if "tag" in stated:
        plain = [int(stated["tag"])]
    elif pipeline == "pos":
        plain = [tag for tag in plain if _span_tags(text, options, tag) is None] or plain
    if not plain:
        raise DataError("no column holds tags", where=text.name, fix="write one token per line")
    options |= {"tag": plain[0] if pipeline == "pos" else plain[-1], "scheme": "none"}
    options |= _prefix(fields, options["token"])
    why = "no column holds span tags" if pipeline != "pos" else "the first column of plain tags"
    return pipeline or "pos", options, [Decision("columns", _named(options), why)]


def documents_in(text: SourceText) -> int:
    """How many rows or comments mark the start of a document."""
    marks = ("-DOCSTART-", "# newdoc")
    return sum(line.startswith(marks) for _, line in text.rows())


class _Spans(NamedTuple):
    """A column of span tags: the options that read it, its tags, and why they are span tags."""

    options: dict[str, Any]
    tags: list[tuple[str, ...]]
    why: str


def _form(text: SourceText) -> tuple[dict[str, Any], list[list[str]]]:
    """The separator, and the mark of comments if there are some, and the fields of all rows."""
    lines = [
        line for _, line in text.rows() if not is_blank(line) and not line.startswith("-DOCSTART-")
    ]
    rows = [line for line in lines if not line.startswith("#")] or lines
    separator: Separator = "tab" if all("\t" in row for row in rows) else "whitespace"
    fields = [fields_of(row, separator) for row in rows]
    widths = set(map(len, fields))
    marked = [line for line in lines if line.startswith("#")]
    is_comment = [
        line.startswith("# ") or len(fields_of(line, separator)) not in widths for line in marked
    ]
    comment = {"comment": _mark(lines, separator, widths)} if any(is_comment) else {}
    return {"separator": separator, **comment}, fields


def _mark(lines: Sequence[str], separator: Separator, widths: set[int]) -> str:
    """What comments begin with: ``#``, or ``# id`` where other lines with # are rows.

    A word ``#`` is a row of its own in texts from the web.
    """
    marked = [line for line in lines if line.startswith("# ")]
    words = Counter(split_blanks(line)[1] for line in marked if len(split_blanks(line)) > 1)
    if words:
        start = f"# {words.most_common(1)[0][0]}"
        others = [line for line in marked if not line.startswith(f"{start} ")]
        if others and all(len(fields_of(line, separator)) in widths for line in others):
            return start
    return "#"


def _span_tags(text: SourceText, options: Mapping[str, Any], tag: int) -> _Spans | None:
    """A column that holds span tags; None for others, also if all are O."""
    other = {} if tag != options["token"] else {"token": tag + 1}
    plain = {**options, **other, "tag": tag, "scheme": "none"}
    try:
        found = READER.read(text, READER.options(plain, text.name)).examples
    except DataError:
        return None
    tags = [example.tags for example in found]
    counts = Counter(tag for sentence in tags for tag in sentence)
    if set(counts) == {"O"}:
        return None
    scheme = detected_scheme(tags)
    if scheme is not None:
        return _Spans(_converted(scheme), tags, "the first scheme in which all tags are legal")
    if set(counts) <= _BARE and len(counts) > 1:
        names = {bare: f"{bare}-{_ENTITY}" for bare in sorted(set(counts) - {"O"})}
        named = [tuple(names.get(one, one) for one in sentence) for sentence in tags]
        scheme = detected_scheme(named)
        if scheme is not None:
            why = f"tags without a type, which 'map' calls {_ENTITY}"
            return _Spans({**_converted(scheme), "map": names}, named, why)
    if all(one == "O" or _BEGUN.match(one) for one in counts):
        why = "spans that begin with I- begin there, as conlleval reads them"
        options = {"scheme": "bio", "illegal_i": "keep", "convert": "bio"}
        return _Spans(options, [to_bio(sentence) for sentence in tags], why)
    # In tags of parts of speech, O may be a word class, but not that of so many tokens.
    if len(counts) > 1 and counts["O"] > _OUTSIDE * counts.total():
        why = "O and bare types: neighbours of one type are one span"
        return _Spans(_converted("io"), [from_io(sentence) for sentence in tags], why)
    return None


def _converted(scheme: Scheme) -> dict[str, Any]:
    return {"scheme": scheme, **({} if scheme == "bio" else {"convert": "bio"})}


def _fullest(spans: Mapping[int, _Spans]) -> int:
    """The last column, or an earlier one with more spans of the same types, as outer ones are."""
    # The type of O is empty.
    last = max(spans)
    counts = {i: Counter(split_tag(t)[1] for s in one.tags for t in s) for i, one in spans.items()}
    outer = [
        i for i in spans if set(counts[i]) >= set(counts[last]) and counts[i][""] < counts[last][""]
    ]
    return max([last, *outer], key=lambda i: -counts[i][""]) if outer else last


def _prefix(fields: Sequence[Sequence[str]], token: int) -> dict[str, str]:
    """``token_prefix``, if all words begin with the same code of a language."""
    starts = set()
    for row in fields:
        match = _LANGUAGE.match(row[token])
        starts.add("" if match is None else match[0])
    return {"token_prefix": starts.pop()} if len(starts) == 1 and "" not in starts else {}


def _of_spans(
    options: dict[str, Any], spans: _Spans, pipeline: str | None
) -> tuple[str, dict[str, Any], list[Decision]]:
    kind, why = tagging_pipeline(options["tag"], spans.tags)
    decisions = [
        Decision("columns", _named(options), "the tags of this column mark spans"),
        Decision("scheme", str(options["scheme"]).upper(), spans.why),
    ]
    if "token_prefix" in options:
        why_prefix = "all words begin with it; it is taken off"
        decisions.append(Decision("token_prefix", options["token_prefix"], why_prefix))
    decisions.append(Decision("pipeline", pipeline or kind, "stated" if pipeline else why))
    return pipeline or kind, options, decisions


def _named(options: Mapping[str, Any]) -> str:
    return f"token {options['token']}, tag {options['tag']}"
