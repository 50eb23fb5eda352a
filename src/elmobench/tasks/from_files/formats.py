"""The format of a file, found by looking at its content: its reader, and its columns."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from elmobench.core.errors import DataError
from elmobench.core.parsing import parse_json, parsing
from elmobench.data.blanks import is_blank, split_blanks
from elmobench.data.readers.base import SourceText
from elmobench.data.readers.json_records import json_records
from elmobench.data.readers.parquet import parquet_file, parquet_rows
from elmobench.data.readers.rows import Quoting, table_rows
from elmobench.tasks.from_files.edge_targets import READER as EDGES
from elmobench.tasks.from_files.edge_targets import has_edges
from elmobench.tasks.from_files.labelled_lines import labelled_line_options, word_tag_options
from elmobench.tasks.from_files.split_files import split_of_word
from elmobench.tasks.from_files.unread_formats import check_fields_are_read, check_is_read

ROWS = 100_000
"""Rows of a file that are looked at."""

_REGULAR = 0.95
"""Share of rows with as many fields as the first, below which a file is no table."""

_ROLES = 14
"""Columns of CoNLL-2009 before those of arguments; the last but one marks predicates by Y."""

_DELIMITERS = {"tab": "\t", "comma": ",", "semicolon": ";", "|": "|"}
_KNOWN_HEADERS = {
    *("text", "sentence", "label", "labels", "class", "category", "sentiment", "review", "comment"),
    *("premise", "hypothesis", "sentence1", "sentence2", "text1", "text2", "id", "idx", "target"),
    *("question", "question1", "question2", "tweet", "content"),
}


@dataclass(frozen=True)
class Look:
    """What a file looks like.

    Attributes:
        reader: registered name.
        why: how that is known.
        options: of the reader, except for columns and fields.
        columns: the values of each column or field in the first :data:`ROWS` rows; those of inner
            objects by dots. Empty for lines, CoNLL columns and SQuAD files.
        names: names of labels that the file states for a field's numbers.
        of_split: options that read one split, for a file that holds several.
        rows: the records of a file of edge probing; empty for other files.
    """

    reader: str
    why: str
    options: dict[str, Any] = field(default_factory=dict)
    columns: dict[str | int, list[Any]] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)
    of_split: dict[str, dict[str, Any]] = field(default_factory=dict)
    rows: Sequence[Mapping[str, Any]] = ()


def look_at(text: SourceText) -> Look:
    """What a file looks like.

    Raises:
        DataError: it is in no format that is read here; known ones are named.
    """
    look = _look_at(text)
    check_fields_are_read(look.columns, text.name)
    return look


def _look_at(text: SourceText) -> Look:
    data = text.data.removeprefix(b"\xef\xbb\xbf")
    if data[:4] == b"PAR1":
        return _parquet(text)
    check_is_read(text)
    start = data.lstrip()[:1]
    if start in (b"{", b"["):
        found = _json(text)
        if found is not None:
            return found
    lines = [line for _, line in islice(text.rows(), ROWS)]
    known = _known_columns(lines)
    if known is not None:
        return known
    if _has_columns(lines):
        return Look("conll-columns", "rows of fields, with empty lines between sentences")
    tagged = word_tag_options(lines)
    if tagged is not None:
        return Look("word-tags", "each word has a tag behind '/'", tagged)
    return _table(text)


def _parquet(text: SourceText) -> Look:
    file = parquet_file(text.data, text.name)
    rows = list(islice(parquet_rows(file, file.schema_arrow.names, text.name), ROWS))
    metadata = file.schema_arrow.metadata or {}
    return Look(
        "parquet",
        "it begins with PAR1",
        columns=_columns_of(rows),
        names=_feature_names(metadata.get(b"huggingface", b"")),
    )


def _feature_names(metadata: bytes) -> dict[str, list[str]]:
    """Names of class labels that the library ``datasets`` wrote into a Parquet file, by field."""
    if not metadata:
        return {}
    try:
        features = parse_json(metadata, "metadata")["info"]["features"]
    except (DataError, LookupError, TypeError):
        return {}
    found: dict[str, list[str]] = {}

    def visit(path: str, feature: Any) -> None:
        if isinstance(feature, list) and len(feature) == 1:
            visit(path, feature[0])
        elif isinstance(feature, Mapping):
            names = feature.get("names")
            inner = feature.get("feature")
            if feature.get("_type") == "ClassLabel" and isinstance(names, list):
                found[path] = [str(name) for name in names]
            elif inner is not None:
                visit(path, inner)
            elif "_type" not in feature:
                for name, value in feature.items():
                    visit(f"{path}.{name}" if path else str(name), value)

    visit("", features)
    return found


def _json(text: SourceText) -> Look | None:
    """JSON lines, a list, SQuAD, or a list inside of an object; None if it is no JSON."""
    lines = [line for _, line in islice(text.rows(), ROWS) if not is_blank(line)]
    try:
        is_lines = len(lines) > 1 and isinstance(parse_json(lines[0], text.name), dict)
    except DataError:
        is_lines = False
    if is_lines:
        rows = [values for _, _, values in islice(json_records(text), ROWS)]
        if has_edges(rows):
            return Look(EDGES, "one JSON object per line, with text and targets", rows=rows)
        return Look("jsonl", "one JSON object per line", columns=_columns_of(rows))
    try:
        whole = parse_json("\n".join(line for _, line in text.rows()), text.name)
    except DataError:
        if lines[0].lstrip()[:1] == "{":
            raise
        return None  # "[" may also be the first word of a sentence
    if isinstance(whole, list):
        if whole and all(isinstance(row, list) for row in whole):
            return Look("jsonl", "one JSON list of lists", columns=_columns_of(_objects(whole)))
        rows = [row for row in whole[:ROWS] if isinstance(row, dict)]
        return Look("jsonl", "one JSON list of objects", columns=_columns_of(rows))
    if has_edges([whole]):
        return Look(EDGES, "one JSON object with text and targets", rows=[whole])
    articles = whole.get("data")
    if isinstance(articles, list) and any(
        isinstance(one, dict) and "paragraphs" in one for one in articles[:1]
    ):
        return Look("squad", "JSON with data, paragraphs and qas, as SQuAD has them")
    splits = {split_of_word(name): name for name in whole if split_of_word(name) is not None}
    if "train" in splits and all(_is_record_list(whole[name]) for name in splits.values()):
        return Look(
            "jsonl",
            f"one JSON object, whose fields {', '.join(splits.values())} are lists of records",
            columns=_columns_of(_objects(whole[splits["train"]])),
            of_split={str(split): {"records": name} for split, name in splits.items()},
        )
    lists = {name: len(inner) for name, inner in whole.items() if _is_record_list(inner)}
    if not lists:
        return Look("jsonl", "one JSON object", columns=_columns_of([whole]))
    longest = max(lists, key=lambda name: lists[name])
    why = f"one JSON object, whose field {longest!r} holds a list of records"
    return Look("jsonl", why, {"records": longest}, _columns_of(_objects(whole[longest])))


def _is_record_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and {type(i) for i in value} <= {dict, list}


def _objects(records: Sequence[Any]) -> list[dict[str, Any]]:
    """The first records; the fields of those that are lists are their numbers."""
    return [
        record if isinstance(record, dict) else {str(i): one for i, one in enumerate(record)}
        for record in records[:ROWS]
    ]


def _columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str | int, list[Any]]:
    """The values of each field, those of inner objects by dots; None where a row has none."""
    columns: dict[str | int, list[Any]] = {}
    for number, row in enumerate(rows):
        for path, value in _paths(row, ""):
            column = columns.setdefault(path, [])
            column.extend([None] * (number - len(column)))
            column.append(value)
    for column in columns.values():
        column.extend([None] * (len(rows) - len(column)))
    return columns


def _paths(row: Mapping[str, Any], start: str) -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        yield start + str(name), value
        if isinstance(value, dict) and start.count(".") < 3:
            yield from _paths(value, f"{start}{name}.")


def _known_columns(lines: Sequence[str]) -> Look | None:
    """Columns of coreference (CoNLL-2012) or of semantic roles (CoNLL-2009); None for others."""
    if any(line.startswith(("#begin document", "# begin document")) for line in lines):
        rows = [line for line in lines if not is_blank(line) and not line.startswith("#")]
        separator = "tab" if all("\t" in row for row in rows) else "whitespace"
        why = "documents begin at '#begin document', as in CoNLL-2012"
        return Look("conll-coref", why, {"separator": separator})
    rows_of = [line.split("\t") for line in lines if not is_blank(line)]
    if rows_of and all(
        len(row) >= _ROLES and row[0].isdecimal() and row[_ROLES - 2] in ("_", "Y")
        for row in rows_of
    ):
        return Look("conll-2009", f"{_ROLES} columns and more, as in CoNLL-2009")
    return None


def _has_columns(lines: list[str]) -> bool:
    """Whether lines are CoNLL columns: short rows of fields, and empty lines between them."""
    rows = [
        line for line in lines if not is_blank(line) and not line.startswith(("#", "-DOCSTART"))
    ]
    if not rows or ("," in rows[0] and "\t" not in rows[0] and " " not in rows[0]):
        return False
    has_blank = any(is_blank(line) for line in lines[:-1])
    has_marks = any(line.startswith(("-DOCSTART", "# sent_id", "# newdoc")) for line in lines)
    tabs = all("\t" in row for row in rows)
    widths = {len(row.split("\t") if tabs else split_blanks(row)) for row in rows}
    words = [row.split("\t")[0] if tabs else split_blanks(row)[0] for row in rows]
    single = sum(" " not in word for word in words) > 0.98 * len(words)
    return (has_blank or has_marks) and min(widths) >= 2 and len(widths) <= 2 and single


def _table(text: SourceText) -> Look:
    shares: list[tuple[float, bool, str, Quoting]] = []
    for name, delimiter in _DELIMITERS.items():
        ways: tuple[Quoting, ...] = ("none",)
        if _has_quotes(text, delimiter):
            ways = ("csv", "none")
        for quoting in ways:
            rows = _some_rows(text, delimiter, quoting)
            # The first row may have more fields than most, where a part of the rows has some.
            widths = Counter(map(len, rows)).most_common(1)
            if widths and widths[0][0] >= 2:
                regular = widths[0][1] / len(rows)
                # Where both ways are as regular, fields that begin with a quote are quoted ones.
                shares.append((regular, quoting == "csv", name, quoting))
    if not shares:
        return _lines(text)
    regular, _, name, quoting = max(shares, key=lambda share: share[:2])
    rows = _some_rows(text, _DELIMITERS[name], quoting)
    width = len(rows[0])
    options: dict[str, Any] = {"delimiter": name, "quoting": quoting}
    usual = Counter(map(len, rows)).most_common(1)[0][0]
    why = f"{100 * regular:.0f} % of its rows have {usual} fields between {name} characters"
    if regular < _REGULAR or sum(len(row) == width for row in rows) < _REGULAR * len(rows):
        # Some tables end with fields that only a part of the rows has.
        width = min(map(len, rows))
        if name != "tab" or width < 3 or regular < 0.5:
            return _lines(text, f"; {why}")
        options["ragged"] = True
        why += f", and all have the first {width}"
        rows = [row[:width] for row in rows]
    header = _header(rows)
    body = [row for row in rows[header is not None :] if len(row) == width]
    columns: dict[str | int, list[Any]] = {
        (header[i] if header else i): [row[i] for row in body] for i in range(width)
    }
    if quoting == "csv":
        why += ", with quotes around fields"
    return Look("table", why, options, columns)


def _lines(text: SourceText, seen: str = "") -> Look:
    """A file with a label in each line. Raises DataError if it is none; ``seen`` is known of it."""
    lines = [line for _, line in islice(text.rows(), ROWS)]
    labelled = labelled_line_options(lines)
    if labelled is None:
        raise DataError(
            "is in no format that is recognised here (a table, lines with labels, JSON, Parquet, "
            f"CoNLL columns){seen}",
            where=text.name,
            fix="if each line is the label of a text in another file, join both with paste, or "
            "use the reader label-lines"
            if lines and all(len(line.split()) == 1 for line in lines)
            else "correct the file, or state --pipeline and --reader, and fill in the card",
        )
    options, labels = labelled
    why = f"the {options['label_field']} part of each line is a label: {', '.join(labels[:6])}"
    return Look("lines", why + (", …" if len(labels) > 6 else ""), options)


def _some_rows(text: SourceText, delimiter: str, quoting: Quoting) -> list[list[str]]:
    """The first rows that are not blank; none if they are no table of this kind."""
    try:
        with parsing(text.name, what="not a table"):
            rows = [row for _, row in islice(table_rows(text, delimiter, quoting), ROWS)]
    except (DataError, csv.Error):
        return []
    return [row for row in rows if row not in ([], [""])]


def _has_quotes(text: SourceText, delimiter: str) -> bool:
    """Whether some field begins with a quote."""
    data = text.data[: 1 << 20].removeprefix(b"\xef\xbb\xbf")
    return data[:1] == b'"' or delimiter.encode() + b'"' in data or b'\n"' in data


def _header(rows: list[list[str]]) -> list[str] | None:
    """The first row, if it holds the names of the columns."""
    first, rest = rows[0], rows[1:]
    # Files of pandas have an index first, without a name.
    if not all(cell.strip() for cell in first[1:]) or len(set(first)) < len(first):
        return None
    if any(cell.strip().lower() in _KNOWN_HEADERS for cell in first):
        return first
    if not rest or any(cell.replace(".", "").isdecimal() for cell in first):
        return None
    for i, cell in enumerate(first):
        values = [row[i] for row in rest if len(row) == len(first)]
        if values and len(set(values)) <= len(values) / 2 and cell not in values:
            return first
    return None


def shown(value: Any, limit: int = 80) -> str:
    """A value in one line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
