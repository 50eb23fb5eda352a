"""Cards that are proposed for files: what is decided, what is read, what is left to the user."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import elmobench
from proposed_tasks import first, jsonl, parquet, read

from elmobench.core.errors import ConfigError, DataError
from elmobench.core.yaml_files import parse_yaml
from elmobench.data.cards.catalog import load_card
from elmobench.data.readers.base import SourceText
from elmobench.data.readers.record_options import RECORD_KINDS
from elmobench.tasks.from_files.card import json_text, proposed_card
from elmobench.tasks.from_files.fields import fields_of
from elmobench.tasks.from_files.formats import look_at
from elmobench.tasks.from_files.proposal import propose
from elmobench.tasks.from_files.split_files import find_files, split_of_name
from elmobench.tasks.task import Task

REVIEWS = [
    {"text": f'Film {i} was\n"{word}", I think.', "label": label}
    for i, (word, label) in enumerate([("good", "pos"), ("bad", "neg")] * 30)
]


def reviews(task: Task) -> None:
    """The task has :data:`REVIEWS`."""
    examples = [one for part in task.examples().values() for one in part]
    assert task.id == "sentiment/mine"
    assert len(examples) == len(REVIEWS)
    assert {(one.tokens[1], one.tokens[4], one.label) for one in examples} == {
        (str(i), row["text"].split('"')[1], row["label"]) for i, row in enumerate(REVIEWS)
    }
    assert task.labels == ["neg", "pos"]


def csv_bytes(delimiter: str = ",", header: bool = True, encoding: str = "utf-8") -> bytes:
    lines = [["text", "label", "note"]] if header else []
    lines += [[row["text"].replace('"', '""'), row["label"], "x"] for row in REVIEWS]
    return "".join(delimiter.join(f'"{cell}"' for cell in line) + "\r\n" for line in lines).encode(
        encoding
    )


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("reviews.csv", csv_bytes()),
        ("reviews.csv", b"\xef\xbb\xbf" + csv_bytes(";")),
        ("reviews.tsv", csv_bytes("\t")),
        ("reviews.csv", csv_bytes(header=False)),
        ("reviews.csv", csv_bytes(encoding="utf-16")),
        ("reviews.csv.gz", gzip.compress(csv_bytes(), mtime=0)),
        ("reviews.jsonl", jsonl(*REVIEWS)),
        ("reviews.json", json.dumps(REVIEWS, indent=2).encode()),
        ("reviews.json", json.dumps({"version": "1", "rows": REVIEWS}).encode()),
        (
            "nested.jsonl",
            jsonl(*({"r": {"text": r["text"]}, "label": r["label"]} for r in REVIEWS)),
        ),
        (
            "numbers.jsonl",
            jsonl(
                *({"body": r["text"], "n": i, "label": r["label"]} for i, r in enumerate(REVIEWS))
            ),
        ),
    ],
    ids=[
        "csv",
        "semicolons",
        "tsv",
        "no header",
        "utf-16",
        "gz",
        "lines",
        "list",
        "object",
        "nested",
        "more",
    ],
)
def test_texts_with_labels_in_every_format(name: str, data: bytes, tmp_path: Path) -> None:
    reviews(read(tmp_path, {name: data}))


def test_names_of_numbers_come_from_the_metadata_of_the_hub(tmp_path: Path) -> None:
    rows = [{"text": row["text"], "label": int(row["label"] == "pos")} for row in REVIEWS]
    features = {
        "text": {"_type": "Value"},
        "label": {"_type": "ClassLabel", "names": ["neg", "pos"]},
    }
    hidden = [{"text": "what ?", "label": -1}] * 3
    files = {
        "data/train-00000-of-00002.parquet": parquet(rows[:20], features),
        "data/train-00001-of-00002.parquet": parquet(rows[20:], features),
        "data/test-00000-of-00001.parquet": parquet(hidden, features),
    }
    reviews(read(tmp_path, files))


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ((0, 1), ["0", "1"]),
        ((1, 5), ["1", "5"]),
        ((False, True), ["false", "true"]),
        ((1.0, 2.0), ["1", "2"]),
    ],
)
def test_labels_without_names_keep_their_numbers(
    values: tuple[Any, Any], names: list[str], tmp_path: Path
) -> None:
    rows = [{"text": row["text"], "label": values[row["label"] == "pos"]} for row in REVIEWS]
    assert read(tmp_path, {"a.jsonl": jsonl(*rows)}).labels == names


@pytest.mark.parametrize(
    ("first_name", "second_name"),
    [("premise", "hypothesis"), ("sentence1", "sentence2"), ("sentence_A", "sentence_B")],
)
def test_pairs(first_name: str, second_name: str, tmp_path: Path) -> None:
    rows = [(f"A {i} .", f"B , {i} .", ("yes", "no")[i % 2]) for i in range(120)]
    table = f"{first_name}\t{second_name}\tgold_label\n" + "".join(
        "\t".join(r) + "\n" for r in rows
    )
    records = jsonl(*({first_name: a, second_name: b, "gold_label": c} for a, b, c in rows))
    found = [
        read(tmp_path, {name: data})
        for name, data in (("a.tsv", table.encode()), ("a.jsonl", records))
    ]
    assert first(found[0]) == first(found[1])
    assert len(first(found[0])) == 120
    assert found[0].id == "nli/mine"
    assert found[0].card.reader is not None
    assert found[0].card.reader.name == "pair-table"


def questions(unanswerable: bool = False) -> Iterator[dict[str, Any]]:
    for i in range(120):
        context = f"In {i} BC Ann left Rome."
        answers = (
            []
            if unanswerable and i % 4 == 0
            else [{"text": "Rome", "answer_start": context.index("Rome")}]
        )
        yield {"id": f"q{i}", "question": "Where?", "context": context, "answers": answers}


def test_questions_in_squad_files_and_records(tmp_path: Path) -> None:
    articles = [
        {"title": row["id"], "paragraphs": [{"context": row["context"], "qas": [row]}]}
        for row in questions()
    ]
    squad = read(tmp_path, {"a.json": json.dumps({"version": "1.1", "data": articles}).encode()})
    rows = [
        {**row, "answers": {k: [a[k] for a in row["answers"]] for k in ("text", "answer_start")}}
        for row in questions()
    ]
    records = read(tmp_path, {"a.jsonl": jsonl(*rows)})
    assert squad.id == records.id == "qa/mine"
    answers = {
        (one.passage.text, one.answers[0].text)
        for part in squad.examples().values()
        for one in part
    }
    assert answers == {
        (one.passage.text, one.answers[0].text)
        for part in records.examples().values()
        for one in part
    }
    assert len(answers) == 120


def test_questions_without_an_answer_are_left_out_by_a_stated_option(tmp_path: Path) -> None:
    articles = [
        {"title": row["id"], "paragraphs": [{"context": row["context"], "qas": [row]}]}
        for row in questions(unanswerable=True)
    ]
    with pytest.warns(Warning, match="lacks 30 of its 120"):
        task = read(tmp_path, {"a.json": json.dumps({"data": articles}).encode()})
    assert task.card.reader is not None
    assert task.card.reader.options["unanswerable"] == "drop"
    assert sum(map(len, task.examples().values())) == 90


def test_columns_that_cannot_be_told_are_named_with_their_line(tmp_path: Path) -> None:
    rows = [{"a": f"one {i}", "b": f"two {i}", "c": "x"} for i in range(120)]
    (tmp_path / "a.jsonl").write_bytes(jsonl(*rows))
    card = proposed_card("mine", propose([str(tmp_path / "a.jsonl")]), tmp_path / "mine.yaml")
    assert [name for _, name in card.missing] == ["text", "label"]
    rows = [{**row, "c": "xy"[i % 2]} for i, row in enumerate(rows)]
    task = read(tmp_path, {"a.jsonl": jsonl(*rows)}, "text=b", "label=c")
    assert task.split("train")[0].tokens[0] == "two"


@pytest.mark.parametrize("pair", [False, True], ids=["texts", "pairs"])
@pytest.mark.parametrize("form", ["jsonl", "tsv"])
def test_labels_with_decimals_are_numbers_to_predict(pair: bool, form: str, tmp_path: Path) -> None:
    texts = {"premise": "a b", "hypothesis": "c"} if pair else {"text": "a good b"}
    rows = [{**{k: f"{v} {i}" for k, v in texts.items()}, "label": i / 4} for i in range(60)]
    if form == "jsonl":
        content = jsonl(*rows)
    else:
        lines = ["\t".join(rows[0]), *("\t".join(map(str, row.values())) for row in rows)]
        content = "".join(f"{line}\n" for line in lines).encode()
    (tmp_path / f"train.{form}").write_bytes(content)
    proposal = propose([str(tmp_path / f"train.{form}")])
    assert proposal.pipeline == ("pair-regression" if pair else "regression")
    card = proposed_card("mine", proposal, tmp_path / "mine.yaml")
    assert card.problem is None
    assert not card.missing


def test_lists_of_labels_are_sets(tmp_path: Path) -> None:
    sets = [["joy"], [], ["joy", "love"], None]
    rows = [{"text": f"a good b {i}", "labels": sets[i % 4]} for i in range(60)]
    (tmp_path / "train.jsonl").write_bytes(jsonl(*rows))
    proposal = propose([str(tmp_path / "train.jsonl")])
    assert proposal.pipeline == "multilabel"
    card = proposed_card("mine", proposal, tmp_path / "mine.yaml")
    assert card.problem is None
    assert not card.missing
    (tmp_path / "mine.yaml").write_text(card.text)
    assert load_card(tmp_path / "mine.yaml").labels == ["joy", "love"]
    with pytest.raises(DataError, match="are lists"):
        propose([str(tmp_path / "train.jsonl")], "sentiment")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"PK\x03\x04rest", "ZIP archive"),
        (b"", "no format that is recognised"),
        (b"one\ntwo\n", "no format that is recognised"),
        (b'{"a": 1}\n{"a": \n', "is not JSON"),
        (b"PAR1 no", "no readable Parquet file"),
        (jsonl({"a": 1}, {"a": 2}), "one of a"),
    ],
)
def test_files_that_cannot_be_read(data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.x").write_bytes(data)
    if message == "one of a":
        decisions = propose([str(tmp_path / "a.x")]).decisions
        assert any(message in one.why for one in decisions)
        return
    with pytest.raises(DataError, match=message):
        propose([str(tmp_path / "a.x")])


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("text", "expected ROLE=COLUMN"),
        ("txt=a", "roles: "),
        ("text=nothing", "has no column 'nothing'"),
    ],
)
def test_stated_columns_that_are_none(column: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(jsonl(*REVIEWS))
    with pytest.raises((ConfigError, DataError), match=message):
        propose([str(tmp_path / "a.jsonl")], None, [column])


def test_files_of_splits_by_their_names(tmp_path: Path) -> None:
    for name in (
        "x-train.csv",
        "validation.csv",
        "TEST.csv",
        "README.md",
        "train.json",
        ".dev.csv",
    ):
        (tmp_path / name).write_text("a")
    files, _ = find_files([str(tmp_path)])
    assert {split: [path.name for path in paths] for split, paths in files.items()} == {
        "train": ["x-train.csv"],
        "dev": ["validation.csv"],
        "test": ["TEST.csv"],
    }
    stated, _ = find_files([f"train={tmp_path / 'TEST.csv'}", f"test={tmp_path / 'x-train.csv'}"])
    assert [path.name for path in stated["train"]] == ["TEST.csv"]
    (only,), _ = find_files([str(tmp_path / "TEST.csv")])[0].values(), None
    assert [path.name for path in only] == ["TEST.csv"]
    for given, message in (
        (["nothing.csv"], "no such file"),
        (
            [str(tmp_path / "README.md"), str(tmp_path / "train.json")],
            "cannot say",
        ),
        ([str(tmp_path / "TEST.csv"), str(tmp_path / "validation.csv")], "no file of train"),
    ):
        with pytest.raises(ConfigError, match=message):
            find_files(given)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train.csv", "train"),
        ("eng.testa", "dev"),
        ("eng.testb", "test"),
        ("wnut17train.conll", "train"),
        ("dev.jsonl.gz", "dev"),
        ("train_test.csv", None),
        ("reviews.csv", None),
        ("test/part.csv", "test"),
    ],
)
def test_the_name_of_a_split(name: str, split: str | None) -> None:
    assert split_of_name(Path("data") / name, Path("data")) == split


def test_text_of_any_kind_survives_yaml() -> None:
    values = ["no", "01", "1e5", "a: b", '"', "\u2028\x85\x7f\ufeff", "\U0001f600", "#x", "~", ""]
    assert parse_yaml(f"a: {json_text(values)}", "card") == {"a": values}


def test_every_kind_of_records_has_a_rule() -> None:
    assert all(fields_of({"x": [1, 2]}, {}, [kind]) is not None for kind in RECORD_KINDS)
    assert look_at(SourceText(jsonl({"a": 1}), "f")).columns == {"a": [1]}


def test_the_command_shows_its_reasons_and_the_files_run(tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").write_bytes(csv_bytes())
    shown = elmobench("new", "task", "--from", "reviews.csv", cwd=tmp_path)
    assert shown.returncode == 0
    assert "label: label (by its name)" in shown.stdout
    assert 'first example: pos: Film 0 was " good " , I think .' in shown.stdout
    assert "cards/reviews.yaml: complete; run" in shown.stdout
    again = elmobench("new", "task", "--from", "reviews.csv", cwd=tmp_path)
    assert (again.returncode, "the file exists" in again.stderr) == (1, True)
    run = elmobench(
        "run", "cards/reviews-run.yaml", "--include", "cards", "--dry-run", cwd=tmp_path
    )
    assert run.returncode == 0
    assert "glove-mini" in run.stdout
    verified = elmobench("data", "verify", "reviews", "--include", "cards", cwd=tmp_path)
    assert verified.returncode == 0


def test_the_command_names_what_is_missing_and_prints_json(tmp_path: Path) -> None:
    rows = [{"tokens": ["a"], "tags": [i % 2]} for i in range(9)]
    (tmp_path / "train.jsonl").write_bytes(jsonl(*rows))
    (tmp_path / "dev.jsonl").write_bytes(jsonl(*rows))
    shown = elmobench(
        "new", "task", "mine", "--from", "train.jsonl", "dev.jsonl", "--json", cwd=tmp_path
    )
    output = json.loads(shown.stdout)
    line = int(output["missing"][0].split()[1].rstrip(":"))
    text = (tmp_path / output["path"]).read_text().splitlines()
    assert text[line - 1].strip() == "names:  # to be filled in"
    assert {one["what"] for one in output["decisions"]} >= {"splits", "format", "tags", "names"}
    for arguments in (
        ("x",),
        ("--pipeline", "ner"),
        ("x", "--pipeline", "ner", "--column", "text=a"),
        ("--from", "train.jsonl", "--reader", "jsonl"),
    ):
        assert elmobench("new", "task", *arguments, cwd=tmp_path).returncode == 2
