"""Inputs of the readers of records: JSON lines, JSON lists, and lists inside of an object."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.fuzz.kind import Kind

from elmobench.core.errors import DataError
from elmobench.core.parsing import read_bytes
from elmobench.core.yaml_files import parse_yaml
from elmobench.data.readers import records  # noqa: F401 (loaded once)
from elmobench.data.readers.base import READERS, SourceText
from elmobench.tasks.from_files.card import proposed_card
from elmobench.tasks.from_files.proposal import propose

_TEXT = "Mira's caf\u00e9 \u2014 opened in 10,000 BC \U0001f1e9\U0001f1ea ."

ROWS: list[dict[str, Any]] = [
    {
        "id": i,
        "s": {"tokens": ["EU", "rejects", "10\u00a0000"], "tags": tags, "names": names},
        "text": _TEXT,
        "label": i,
        "spans": [{"start": 0, "end": 4, "label": "PER"}, {"start": 7, "end": 11, "label": "LOC"}],
        "predicate": 1,
        "question": "When ?",
        "answers": {"text": ["10,000 BC"], "answer_start": [_TEXT.index("10,000")]},
    }
    for i, tags, names in (
        (0, [1, 0, 0], ["B-ORG", "O", "O"]),
        (1, [3, 4, 0], ["B-PER", "I-PER", "O"]),
    )
]

_TAGGED = {"tokens": "s.tokens", "scheme": "bio"}
FORMS: tuple[dict[str, Any], ...] = (
    {"text": "text", "label": "label", "names": ["neg", "pos"], "id": "id"},
    {
        "premise": "text",
        "hypothesis": "question",
        "label": "label",
        "group": "id",
        "map": {"0": "a"},
    },
    {**_TAGGED, "tags": "s.tags", "names": ["O", "B-ORG", "I-ORG", "B-PER", "I-PER"]},
    {**_TAGGED, "tags": "s.names", "predicate": "predicate", "strip": True},
    {"text": "text", "label": "s.names.0", "where": {"id": [0, 1]}},
    {"text": "text", "spans": "spans"},
    {"tokens": "s.tokens", "spans": "spans", "tokenizer": "words"},
    {"question": "question", "passage": "text", "answers": "answers"},
)
"""Options that read :data:`ROWS` as each kind of example."""

WORDS = (
    b'"start": -1',
    b'"end": 99999999999999999999',
    b'"answer_start": [1.5]',
    b'"tokens": [null]',
    b'"label": true',
    b'"\\ud83d"',
    b'"id": "0"',
    b'["O", "I-PER"]',
)


def reads(name: str, reader: str, options: Mapping[str, Any]) -> Callable[[Path], str]:
    """Read with every form; the last error is the answer only if all of them refuse."""

    def read(folder: Path) -> str:
        data = read_bytes(folder / name)
        registered = READERS.get(reader)
        answers: list[str] = []
        error: DataError | None = None
        for form in FORMS:
            try:
                result = registered.read_all(
                    SourceText(data, name), registered.options({**form, **options}, "card")
                )
                answers.append(repr((result.examples, sorted(result.dropped.items()))))
            except DataError as raised:
                error = raised
        if error is not None and not answers:
            raise error
        # Whatever is read can be written.
        return "\n".join(answers).encode("utf-8").decode()

    return read


def _writer(name: str, text: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / name).write_text(text, "utf-8")

    return write


def _write_parquet(folder: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist(ROWS * 10), folder / "a.parquet")


def _propose(folder: Path) -> str:
    """What ``elmobench new task --from`` decides about the file, and the card that it writes."""
    (file,) = sorted(folder.iterdir())
    proposal = propose([str(file)])
    card = proposed_card("mine", proposal, folder / "mine.yaml")
    parse_yaml(card.text, "card")
    shown = repr([card.text, card.first, card.sizes, card.notes, proposal.decisions])
    return shown.encode("utf-8").decode()


_TABLE = "text,label\n" + "".join(
    f'"Film {i} is\n""{("good", "bad")[i % 2]}"", yes",{("pos", "neg")[i % 2]}\n' for i in range(60)
)
_COLUMNS = "".join(f"Ann NNP B-PER\nmet{i} VBD O\n\n" for i in range(60))
_SQUAD = json.dumps(
    {
        "data": [
            {
                "title": f"T{i}",
                "paragraphs": [
                    {
                        "context": f"In {i} Rome",
                        "qas": [
                            {
                                "id": f"q{i}",
                                "question": "Where ?",
                                "answers": [{"text": "Rome", "answer_start": 4 + len(str(i))}],
                            }
                        ],
                    }
                ],
            }
            for i in range(60)
        ]
    }
)
_MANY = "".join(
    json.dumps({"sentence": f"Film {i} .", "stars": i % 3, "n": i}) + "\n" for i in range(60)
)

KINDS = [
    Kind(
        "records in JSON lines",
        _writer("a.jsonl", "".join(json.dumps(row) + "\n\n" for row in ROWS)),
        reads("a.jsonl", "jsonl", {}),
        words=WORDS,
    ),
    Kind(
        "records in a JSON list",
        _writer("a.json", json.dumps(ROWS, indent=1, ensure_ascii=False)),
        reads("a.json", "jsonl", {}),
        words=WORDS,
    ),
    Kind(
        "records in a JSON object",
        _writer("a.json", json.dumps({"data": {"rows": ROWS}})),
        reads("a.json", "jsonl", {"records": "data.rows"}),
        words=WORDS,
    ),
    Kind("records in Parquet", _write_parquet, reads("a.parquet", "parquet", {})),
    Kind("files of a new card: table", _writer("a.csv", _TABLE), _propose),
    Kind("files of a new card: columns", _writer("a.txt", _COLUMNS), _propose),
    Kind("files of a new card: JSON lines", _writer("a.jsonl", _MANY), _propose, words=WORDS),
    Kind("files of a new card: SQuAD", _writer("a.json", _SQUAD), _propose),
    Kind("files of a new card: Parquet", _write_parquet, _propose),
]
