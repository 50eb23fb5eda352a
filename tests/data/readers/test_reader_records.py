"""Records give the examples that the other readers give for the same data in their own formats."""

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elmobench.core.errors import ConfigError, DataError
from elmobench.data.examples import Proposition, TaggedSentence
from elmobench.data.readers.base import READERS, ReadResult, SourceText, read_bytes
from elmobench.data.readers.record_options import RECORD_KINDS
from elmobench.tasks.registries import PIPELINES


def lines(*rows: Any) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def read(data: bytes | str, **options: Any) -> ReadResult:
    return read_bytes("jsonl", data if isinstance(data, bytes) else data.encode(), "f", options)


def read_dropping(data: bytes, *drop: str, **options: Any) -> ReadResult:
    reader = READERS.get("jsonl")
    return reader.read_all(SourceText(data, "f"), reader.options(options, "card"), drop)


def without_ids(result: ReadResult) -> list[Any]:
    return [
        (type(one).__name__, *repr(one).split("id=", 1)[1].split(",", 1)[1:])
        for one in result.examples
    ]


TEXTS = [
    ("A fine, long film", "pos"),
    ('It said "no"\ntwice', "neg"),
    ("caf\u00e9 \u65e5\u672c", "pos"),
]


@pytest.mark.parametrize("tokenizer", ["spaces", "words", "treebank", "whitespace"])
def test_texts_are_those_of_a_table(tokenizer: str) -> None:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([("text", "label"), *TEXTS])
    table = read_bytes(
        "table",
        stream.getvalue().encode(),
        "t",
        {
            "text": "text",
            "label": "label",
            "delimiter": ",",
            "quoting": "csv",
            "tokenizer": tokenizer,
        },
    )
    records = read(
        lines(*({"r": {"text": text}, "label": label} for text, label in TEXTS)),
        text="r.text",
        label="label",
        tokenizer=tokenizer,
    )
    assert without_ids(records) == without_ids(table)
    assert [example.id for example in records.examples] == [f"text-00000{i}" for i in (1, 2, 3)]


def test_pairs_are_those_of_the_reader_of_snli() -> None:
    data = lines(
        {
            "sentence1": "A man can't go.",
            "sentence2": "He goes.",
            "gold_label": "no",
            "pairID": "7",
        },
        {"sentence1": "A", "sentence2": "B", "gold_label": "-", "pairID": "8"},
        {"sentence1": "It is.", "sentence2": "So.", "gold_label": "yes", "pairID": "9"},
    )
    fields = {"premise": "sentence1", "hypothesis": "sentence2", "label": "gold_label"}
    snli = read_bytes("pair-jsonl", data, "f")
    records = read(data, **fields, id="pairID", no_label="-", tokenizer="treebank")
    assert records.examples == snli.examples
    assert records.dropped["examples with the label -"] == 1


COLUMNS = "EU\tB-ORG\nrejects\tO\n\nPeter\tB-PER\nB.\tI-PER\n"
SENTENCES = [(["EU", "rejects"], ["B-ORG", "O"]), (["Peter", "B."], ["B-PER", "I-PER"])]
NAMES = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG"]


def test_tags_are_those_of_columns_as_names_indices_and_text() -> None:
    columns = without_ids(read_bytes("conll-columns", COLUMNS.encode(), "f", {"scheme": "bio"}))
    forms: list[tuple[list[dict[str, Any]], Mapping[str, Any]]] = [
        ([{"tokens": t, "tags": g} for t, g in SENTENCES], {}),
        (
            [{"tokens": t, "tags": [NAMES.index(x) for x in g]} for t, g in SENTENCES],
            {"names": NAMES},
        ),
        (
            [{"tokens": " ".join(t), "tags": " ".join(g)} for t, g in SENTENCES],
            {"tokenizer": "blanks"},
        ),
    ]
    for rows, more in forms:
        options = {"tokens": "tokens", "tags": "tags", "scheme": "bio", **more}
        assert without_ids(read(lines(*rows), **options)) == columns


@pytest.mark.parametrize("scheme", ["iob1", "bioul", "bioes"])
def test_schemes_are_converted_and_a_wrong_one_is_named(scheme: str) -> None:
    tags = {
        "iob1": ["I-A", "I-A", "B-A"],
        "bioul": ["B-A", "L-A", "U-A"],
        "bioes": ["B-A", "E-A", "S-A"],
    }
    data = lines({"tokens": ["a", "b", "c"], "tags": tags[scheme]})
    options = {"tokens": "tokens", "tags": "tags"}
    result = read(data, **options, scheme=scheme)
    assert result.examples[0].tags == ("B-A", "I-A", "B-A")
    with pytest.raises(DataError, match=f"state 'scheme: {scheme}' in the card"):
        read(data, **options, scheme="bio")


def test_questions_are_those_of_a_squad_file() -> None:
    context = "Mira's caf\u00e9 opened in 10,000 BC."
    answers = [{"text": text, "answer_start": context.index(text)} for text in ("10,000 BC", "caf")]
    qas = [{"id": "q1", "question": "When?", "answers": answers}]
    squad = json.dumps({"data": [{"title": "T", "paragraphs": [{"context": context, "qas": qas}]}]})
    expected = read_bytes("squad", squad.encode(), "f")
    row = {"id": "q1", "title": "T", "context": context, "question": "When?", "answers": answers}
    columns = {name: [answer[name] for answer in answers] for name in answers[0]}
    options = {
        "question": "question",
        "passage": "context",
        "answers": "answers",
        "article": "title",
    }
    for stated in (answers, columns):
        result = read(lines({**row, "answers": stated}), **options, id="id")
        assert result.examples == expected.examples
        assert +result.dropped == +expected.dropped == {"answers moved to token borders": 1}
    two = read(lines(row, {**row, "id": "q2"}), **options, id="id").examples
    assert two[0].passage is two[1].passage


TEXT = "Ann met Bob-Ray."


@given(
    st.lists(st.tuples(st.integers(0, len(TEXT)), st.integers(0, len(TEXT) + 1)), max_size=3),
    st.booleans(),
)
def test_spans_of_characters_mark_the_tokens_that_hold_one_of_them(
    spans: list[tuple[int, int]], inclusive: bool
) -> None:
    # The rule, character by character: tokens of the tokenizer "clitics", written by hand.
    offsets = [(0, 3), (4, 7), (8, 11), (11, 12), (12, 15), (15, 16)]
    expected: list[str] | None = ["O"] * len(offsets)
    for start, end in spans:
        inside = [
            i for i, (a, b) in enumerate(offsets) if set(range(a, b)) & set(range(start, end))
        ]
        if not inside or end > len(TEXT) or any((expected or [])[i] != "O" for i in inside):
            expected = None
            break
        for i in inside:
            expected[i] = "B-X" if i == inside[0] else "I-X"  # type: ignore[index]
    rows = [{"text": TEXT, "spans": [[a, b - inclusive, "X"] for a, b in spans if b >= inclusive]}]
    if any(b < inclusive for _, b in spans):
        return
    try:
        found = list(
            read(lines(*rows), text="text", spans="spans", span_end_inclusive=inclusive)
            .examples[0]
            .tags
        )
    except DataError:
        found = None
    assert found == expected


def test_spans_of_tokens_as_objects_and_lists() -> None:
    rows = [
        {"tokens": ["a", "b", "c"], "spans": [{"from": 0, "to": 2, "type": "X"}]},
        {"tokens": ["a", "b", "c"], "spans": [[2, 3, "Y"]]},
        {"tokens": ["a"], "spans": None},
    ]
    names = {"span_start": "from", "span_end": "to", "span_label": "type"}
    result = read(lines(*rows), tokens="tokens", spans="spans", **names)
    assert [one.tags for one in result.examples] == [("B-X", "I-X", "O"), ("O", "O", "B-Y"), ("O",)]
    bad = lines({"tokens": ["a", "b"], "spans": [[0, 2, "X"], [1, 2, "Y"]]}, rows[1])
    with pytest.raises(DataError, match=r"^f:1, span 2: the span 'Y' shares a token"):
        read(bad, tokens="tokens", spans="spans")
    kept = read_dropping(bad, "overlapping-spans", tokens="tokens", spans="spans")
    assert [one.id for one in kept.examples] == ["text-000002"]
    assert kept.lost == {"overlapping-spans": 1}


def test_roles() -> None:
    row = {"w": ["Dogs", "bite"], "t": ["B-ARG0", "B-V"], "p": 1, "s": "bite.01"}
    options = {"tokens": "w", "tags": "t", "predicate": "p", "scheme": "bio"}
    (example,) = read(lines(row), **options, roleset="s").examples
    assert example == Proposition("text-000001", ("Dogs", "bite"), 1, ("B-ARG0", "B-V"), "bite.01")
    with pytest.raises(DataError, match="the predicate is token 2, counted from 0, of 2"):
        read(lines({**row, "p": 2}), **options)


ROWS = [{"t": "a b", "l": 0, "g": "x"}, {"t": "c", "l": 1, "g": 7}]
LABELLED = {"text": "t", "label": "l", "names": ["neg", "pos"], "group": "g"}


@pytest.mark.parametrize(
    ("data", "more"),
    [
        (lines(*ROWS), {}),
        (b"\xef\xbb\xbf" + lines(*ROWS).replace(b"\n", b"\r\n"), {}),
        (json.dumps(ROWS).encode(), {}),
        (b" \n" + json.dumps(ROWS, indent=2).encode(), {}),
        (json.dumps({"version": 1, "data": {"rows": ROWS}}).encode(), {"records": "data.rows"}),
    ],
    ids=["lines", "windows", "list", "indented", "inside"],
)
def test_lines_lists_and_lists_in_objects(data: bytes, more: dict[str, str]) -> None:
    result = read(data, **LABELLED, **more)
    assert [(one.tokens, one.label) for one in result.examples] == [
        (("a", "b"), "neg"),
        (("c",), "pos"),
    ]
    assert list(result.groups.values()) == ["x", "7"]


def test_lines_of_a_source_count_records_of_a_list() -> None:
    for data in (lines(*ROWS), json.dumps(ROWS).encode()):
        (example,) = read_bytes("jsonl", data, "f", LABELLED, lines=(2, 2)).examples
        assert (example.id, example.label) == ("text-000002", "pos")
        with pytest.raises(DataError, match="but the card selects"):
            read_bytes("jsonl", data, "f", LABELLED, lines=(1, 3))


@pytest.mark.parametrize(
    ("value", "written"), [(True, "true"), (12, "12"), (-1, "-1"), (0.5, "0.5")]
)
def test_labels_that_are_no_text_are_mapped_as_json_writes_them(value: Any, written: str) -> None:
    data = lines({"t": "a", "l": value})
    assert read(data, **FIELDS, map={written: "k"}).examples[0].label == "k"
    with pytest.raises(DataError, match="expected a string"):
        read(data, **FIELDS)
    if value is not True:
        dropped = read(data, **FIELDS, no_label=written)
        assert dropped.examples == []
        assert dropped.dropped[f"examples with the label {written}"] == 1


FIELDS = {"text": "t", "label": "l"}
HALF = b'{"t": "\\ud83d", "l": "a"}\n'


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (lines({"t": "a", "l": ["x"]}), FIELDS, "f:1: the label is a list"),
        (lines({"t": "a", "l": "pos "}), FIELDS, "f:1: the label 'pos ' has blanks around it"),
        (lines({"t": None, "l": "pos"}), FIELDS, "f:1: the text is null"),
        (HALF, FIELDS, r"f:1: the text has half of a character, U\+D83D"),
        (b'{"t": "a\\u0000", "l": "a"}', FIELDS, r"f:1: the text has the character U\+0000"),
        (b'{"t": "a", "l": "x", "t": "b"}', FIELDS, "f:1: is not JSON: the key 't' is given twice"),
        (lines({"t": "a", "l": "x"}) + b"[]\n", FIELDS, "f:2: holds a list, expected an object"),
        (lines({"t": "a", "l": "x"}) + b'{"t": NaN, "l": "x"}\n', FIELDS, "f:2: is not JSON: NaN"),
        (b'{"data": [\n{"t": "a"}]}', FIELDS, "(?s)f: is one JSON object, .*'records: data'"),
        (b'[{"t": "a", "l": "x"}, 3]', FIELDS, "f, record 2: holds a number, expected an object"),
        (b'[{"t": "a", "l": "x"}', FIELDS, "f:1:22: is not JSON"),
        (
            lines({"t": ["a", "\u00a0"], "l": "x"}),
            FIELDS,
            "f:1: token 2 is empty",
        ),
        (
            lines({"t": ["a", "b"], "l": ["O"]}),
            {"tokens": "t", "tags": "l", "scheme": "bio"},
            "f:1: has 2 tokens but 1 tags",
        ),
        (
            lines({"t": "a b", "l": ["O"]}),
            {"tokens": "t", "tags": "l", "scheme": "bio"},
            "(?s)f:1: tokens: holds a string, expected a list.*tokenizer",
        ),
        (
            lines({"t": ["a"], "l": ["X"]}),
            {"tokens": "t", "tags": "l", "scheme": "bio"},
            "f:1, tag 1: 'X' is not a BIO tag",
        ),
    ],
)
def test_bad_records_name_file_and_place(
    data: bytes, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(
        DataError, match=f"^{message}" if not message.startswith("(?s)") else message
    ):
        read(data, **options)


def test_all_problems_of_a_file_are_shown_together_and_kinds_are_left_out() -> None:
    data = lines(
        {"t": "", "l": "a"}, {"t": "a", "l": ""}, {"t": "b", "l": "x"}, {"t": "", "l": "a"}
    )
    with pytest.raises(DataError, match=r"has 3 problems \(2 empty-text, 1 empty-label\)"):
        read(data, **FIELDS)
    result = read_dropping(data, "empty-text", "empty-label", **FIELDS)
    assert [one.tokens for one in result.examples] == [("b",)]
    assert result.lost == {"empty-text": 2, "empty-label": 1}
    with pytest.raises(DataError, match="records 1, 2: the text is empty"):
        read(json.dumps([{"t": "", "l": "a"}] * 2), **FIELDS)


def test_blanks_around_labels_are_cut_and_counted_if_the_card_says_so() -> None:
    result = read(lines({"t": "a", "l": "pos "}, {"t": "b", "l": "pos"}), **FIELDS, strip=True)
    assert [one.label for one in result.examples] == ["pos", "pos"]
    assert result.dropped["labels with blanks around them, cut"] == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"text": "t"}, "states text, expected one of these sets"),
        ({"text": "t", "label": "l", "spans": "s"}, "states text and label and spans, expected"),
        ({"tokens": "w", "tags": "g"}, "tokens, tags, scheme"),
        ({"text": "t", "label": "l", "scheme": "bio"}, "scheme: does not belong to texts"),
        ({"text": "t", "label": "l", "article": "a"}, "states text and label and article"),
        ({"text": "t", "spans": "s", "tokenizer": "treebank"}, "which return positions"),
    ],
)
def test_options_that_do_not_fit_together(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(b"", **options)


def test_every_kind_is_of_pipelines_that_state_fields_of_one() -> None:
    named = {name for kind in RECORD_KINDS.values() for name in kind.pipelines}
    stated = {name for name in PIPELINES.names() if "jsonl" in PIPELINES.get(name).readers}
    assert named == stated
    for name in stated:
        options = READERS.get("jsonl").options(PIPELINES.get(name).readers["jsonl"], "card")
        assert name in RECORD_KINDS[options.kind].pipelines


def test_a_token_may_hold_a_blank_inside() -> None:
    data = lines({"t": ["10 000", "a"], "g": ["O", "O"]})
    (example,) = read(data, tokens="t", tags="g", scheme="bio").examples
    assert example == TaggedSentence("text-000001", ("10 000", "a"), ("O", "O"))
