"""Records in JSON lines, in one JSON array, or in a list inside of one JSON object."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any, ClassVar

from elmobench.core.errors import DataError
from elmobench.core.parsing import check_distinct_keys, parse_json, parse_json_object
from elmobench.core.quoting import quoted
from elmobench.data.problems import Problems
from elmobench.data.readers.base import SourceText
from elmobench.data.readers.record_options import FieldPath, RecordOptions
from elmobench.data.readers.record_values import kind_of
from elmobench.data.readers.records import RecordReader, Row

_FORMS = "one object per line, or one list of objects or lists"


class JsonRecordOptions(RecordOptions):
    """Options of the ``jsonl`` reader."""

    records: FieldPath | None = None
    """Field of the list of records, in a file that is one JSON object. By default the file has one
    object per line or, if it begins with a bracket, is one list of objects.
    """


class JsonRecordReader(RecordReader[JsonRecordOptions]):
    """Blank lines are counted. Errors name the line, or the number of the record in a list.

    ``lines`` of a source counts the records of a list.
    """

    name: ClassVar[str] = "jsonl"
    version: ClassVar[int] = 1
    options_type = JsonRecordOptions

    def records(
        self, text: SourceText, options: JsonRecordOptions, dropped: Counter[str]
    ) -> Iterator[Row]:
        """See :class:`RecordReader`."""
        return json_records(text, options.records, options.paths, dropped)


def json_records(
    text: SourceText,
    records: str | None = None,
    paths: Collection[str] = (),
    dropped: Counter[str] | None = None,
) -> Iterator[Row]:
    """Yield the number of each record, its place, and its fields.

    Args:
        text: the file.
        records: the field of the list of records; None for JSON lines, or a list.
        paths: the fields that are read, which no record may state twice.
        dropped: counts blank lines.

    Raises:
        DataError: the file is not JSON of the stated form. A line that is not JSON is a problem
            that ``text`` collects.
    """
    if records is not None or _is_list(text):
        yield from _listed(text, records)
        return
    roots = {name for path in paths for name in (path, path.partition(".")[0])}
    for number, line in text.rows():
        if not line.strip():
            if dropped is not None:
                dropped["blank lines"] += 1
            continue
        try:
            values = _object(line, roots, text.at(number))
        except DataError as error:
            if number == (text.lines or (1, 1))[0]:
                _check_is_lines(text, error)
            text.problem(error, example=number)
            continue
        yield number, text.at(number), values


def _object(line: str, roots: Collection[str], where: str) -> dict[str, Any]:
    # A check of all keys of all lines would take longer than reading them.
    suspicious = any(line.count(f'"{name}"') > 1 for name in roots)
    try:
        return parse_json_object(line, where, on_object=check_distinct_keys if suspicious else None)
    except DataError as error:
        # Its place states a line within the document, which is always the first here.
        raise DataError(error.what, where=where, fix=f"expected {_FORMS}") from error


def _is_list(text: SourceText) -> bool:
    whole = replace(text, lines=None, problems=Problems(text.name))
    first = next((line for _, line in whole.rows() if line.strip()), "")
    return first.lstrip().startswith("[")


def _document(text: SourceText) -> Any:
    whole = replace(text, lines=None)
    content = "\n".join(line for _, line in whole.rows())
    return parse_json(content, text.name, on_object=check_distinct_keys)


def _listed(text: SourceText, records: str | None) -> Iterator[Row]:
    """Yield the records of a list, or of the list in the field ``records`` of an object."""
    values = _document(text)
    place = text.name
    if records is not None:
        for part in records.split("."):
            if not isinstance(values, dict) or part not in values:
                raise DataError(
                    f"the field {quoted(records)} is missing",
                    where=text.name,
                    fix="check the reader's option 'records'",
                )
            values = values[part]
    if not isinstance(values, list):
        raise DataError(f"is no list of records, expected {_FORMS}", where=place)
    first, last = text.lines or (1, len(values))
    if last > len(values):
        raise DataError(
            f"has {len(values)} records, but the card selects number {last}", where=place
        )
    for number in range(first, last + 1):
        value = values[number - 1]
        where = f"{text.name}, record {number}"
        if isinstance(value, list):
            value = {str(position): one for position, one in enumerate(value)}
        if not isinstance(value, dict):
            text.problem(
                DataError(f"holds {kind_of(value)}, expected an object", where=where),
                example=number,
            )
            continue
        yield number, where, value


def _check_is_lines(text: SourceText, error: DataError) -> None:
    """Raise another error than ``error`` for a file that is one JSON object in many lines."""
    try:
        whole = _document(replace(text, problems=Problems(text.name)))
    except DataError:
        return
    if isinstance(whole, dict):
        lists = [name for name, value in whole.items() if _is_record_list(value)]
        advice = f"state 'records: {lists[0]}'" if lists else f"write {_FORMS}"
        raise DataError(
            "is one JSON object, not one per line", where=text.name, fix=advice
        ) from error


def _is_record_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


READER = JsonRecordReader()
