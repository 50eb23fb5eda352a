"""The option ``where``: other rows are counted, and a filter that keeps none is an error."""

from __future__ import annotations

import json

import pytest

from elmobench.core.errors import DataError
from elmobench.data.readers.base import ReadResult, read_bytes

ROWS = [("en", "true", "one"), ("de", "false", "two"), ("en", "false", "three")]
TABLE = "lang\tok\ttext\tlabel\n" + "".join("\t".join((*row, "x")) + "\n" for row in ROWS)
RECORDS = "".join(
    json.dumps({"m": {"lang": a}, "ok": b == "true", "text": c, "label": "x"}) + "\n"
    for a, b, c in ROWS
)


def words(result: ReadResult) -> list[str]:
    return [one.tokens[0] for one in result.examples]


@pytest.mark.parametrize(
    ("where", "found", "left"),
    [
        ({"lang": "en"}, ["one", "three"], {"rows with another lang": 1}),
        ({"lang": ["en", "de"]}, ["one", "two", "three"], {}),
        (
            {"lang": "en", "ok": False},
            ["three"],
            {"rows with another lang": 1, "rows with another ok": 1},
        ),
    ],
)
def test_rows_with_other_values_are_left_out_and_counted(
    where: dict[str, object], found: list[str], left: dict[str, int]
) -> None:
    table = read_bytes(
        "table", TABLE.encode(), "f", {"text": "text", "label": "label", "where": where}
    )
    assert (words(table), dict(table.dropped)) == (found, left)
    assert not table.lost
    inner = {"m.lang" if name == "lang" else name: value for name, value in where.items()}
    records = read_bytes(
        "jsonl", RECORDS.encode(), "f", {"text": "text", "label": "label", "where": inner}
    )
    assert words(records) == found


def test_columns_by_number(tmp_path: object) -> None:
    bare = TABLE.partition("\n")[2].encode()
    options = {"text": 2, "label": 3, "id": 1, "where": {0: "de"}}
    result = read_bytes("table", bare, "f", options)
    assert [(one.id, one.tokens) for one in result.examples] == [("false", ("two",))]


@pytest.mark.parametrize("reader", ["table", "jsonl"])
def test_a_value_that_no_row_has_is_an_error_with_those_that_they_have(reader: str) -> None:
    data = (TABLE if reader == "table" else RECORDS.replace('{"m": {"lang"', '{"lang"')).encode()
    data = data.replace(b'}, "ok"', b', "ok"')
    options = {"text": "text", "label": "label", "where": {"lang": "fr"}}
    with pytest.raises(DataError, match=r"no row has 'fr' in 'lang'.*it has 'en', 'de'"):
        read_bytes(reader, data, "f", options)


def test_paths_name_values_of_lists() -> None:
    rows = [["one", {"cats": ["a", "b"]}], ["two", {"cats": ["b"]}]]
    options = {"text": "0", "label": "1.cats.0"}
    result = read_bytes("jsonl", json.dumps(rows).encode(), "f", options)
    assert [(one.tokens, one.label) for one in result.examples] == [
        (("one",), "a"),
        (("two",), "b"),
    ]
    for path in ("1.cats.1", "1.cats.x", "1.cats.00", "1.cats.99999"):
        with pytest.raises(DataError, match="is missing"):
            read_bytes("jsonl", json.dumps(rows).encode(), "f", {**options, "label": path})
