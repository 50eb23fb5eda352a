"""Cards that are proposed for files in the layouts of public data sets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import elmobench

from elmobench.core.errors import DataError
from elmobench.data.cards.catalog import load_card
from elmobench.data.readers.base import read_bytes
from elmobench.tasks.from_files.card import proposed_card
from elmobench.tasks.from_files.proposal import propose
from elmobench.tasks.from_files.split_files import find_files
from elmobench.tasks.task import Task

WORDS = ("fine", "dull", "odd", "warm", "cold", "new", "old")


def texts(number: int, start: str = "It was") -> list[str]:
    """Different short texts."""
    return [f"{start} {WORDS[i % 7]} in {WORDS[i % 5]} place {i} ." for i in range(number)]


def read(folder: Path, files: dict[str, str | bytes], *columns: str) -> Task:
    """The task of the card that is proposed for a folder with these files."""
    for name, data in files.items():
        path = folder / "set" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    card = proposed_card("mine", propose([str(folder / "set")], None, columns), folder / "c.yaml")
    assert card.problem is None, str(card.problem)
    assert card.missing == []
    (folder / "c.yaml").write_text(card.text, "utf-8")
    return Task(load_card(folder / "c.yaml"))


def splits(rows: list[str], header: str = "", end: str = ".tsv") -> dict[str, str | bytes]:
    """Train, dev and test files of these rows."""
    parts = {"train": rows[:-60], "dev": rows[-60:-30], "test": rows[-30:]}
    return {name + end: header + "".join(part) for name, part in parts.items()}


def test_labels_before_a_blank_in_latin_1(tmp_path: Path) -> None:
    rows = [f"{('DESC:def', 'NUM:count')[i % 2]} {text}" for i, text in enumerate(texts(120))]
    rows[3] = "NUM:count Where is Malm\u00f6 ?"
    data = "".join(row + "\n" for row in rows).encode("latin-1")
    task = read(tmp_path, {"train_5500.label": data, "README": "about"})
    assert task.labels == ["DESC:def", "NUM:count"]
    found = {one.tokens for part in task.examples().values() for one in part}
    assert ("Where", "is", "Malm\u00f6", "?") in found
    assert len(found) == 120


def test_files_of_a_folder_that_name_no_split_are_listed(tmp_path: Path) -> None:
    for name in ("train_5500.label", "TREC_10.label", "README.txt", "notes.md"):
        (tmp_path / name).write_text("a b\n")
    _, decision = find_files([str(tmp_path)])
    assert decision.why.endswith("not used: TREC_10.label")
    _, every = find_files([str(tmp_path / "train_5500.label")])
    assert "not used" not in every.why


def test_labels_behind_an_at_sign(tmp_path: Path) -> None:
    rows = [f"{text}@{('neutral', 'positive')[i % 2]}\r\n" for i, text in enumerate(texts(120))]
    task = read(tmp_path, {"Sentences_AllAgree.txt": "".join(rows)})
    assert task.labels == ["neutral", "positive"]
    assert task.split("train")[0].tokens[-1] == "."


def test_a_column_with_a_mark_for_one_label_is_no_label(tmp_path: Path) -> None:
    rows = [f"gj04\t{i % 2}\t{('*', '')[i % 2]}\t{text}\n" for i, text in enumerate(texts(180))]
    task = read(tmp_path, splits(rows))
    assert task.labels == ["0", "1"]
    assert {split: len(part) for split, part in task.examples().items()} == {
        "train": 120,
        "dev": 30,
        "test": 30,
    }


@pytest.mark.parametrize(
    "names", [("question", "sentence"), ("question", "passage"), ("context", "hypothesis"), ()]
)
def test_pairs_by_their_names_or_their_lengths(names: tuple[str, ...], tmp_path: Path) -> None:
    rows = [
        f"{first}\t{second}\t{('entails', 'neutral')[i % 2]}\n"
        for i, (first, second) in enumerate(zip(texts(180), texts(180, "She is"), strict=True))
    ]
    task = read(tmp_path, splits(rows, "\t".join((*names, "label")) + "\n" if names else ""))
    assert task.id == "nli/mine"
    one = task.split("train")[0]
    assert (one.premise[:2], one.hypothesis[:2], one.label) == (
        ("It", "was"),
        ("She", "is"),
        "entails",
    )


@pytest.mark.parametrize("form", ["table", "records"])
def test_pairs_without_agreement_are_left_out(form: str, tmp_path: Path) -> None:
    labels = ["entailment", "neutral", "-"]
    rows = [(text, f"Not {text}", labels[i % 3]) for i, text in enumerate(texts(180))]
    if form == "table":
        header = "sentence1\tsentence2\tgold_label\n"
        files = splits(["\t".join(row) + "\n" for row in rows], header)
    else:
        names = ("sentence1", "sentence2", "gold_label")
        lines = [json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows]
        files = splits(lines, end=".jsonl")
    task = read(tmp_path, files)
    assert task.labels == ["entailment", "neutral"]
    assert sum(map(len, task.examples().values())) == 120


def test_labels_in_quotes_that_are_no_quoted_fields(tmp_path: Path) -> None:
    rows = [
        f'{i}\t"{("positive", "neutral")[i % 2]}"\t{text} Say "no\n'
        for i, text in enumerate(texts(180))
    ]
    task = read(tmp_path, splits(rows))
    assert task.labels == ["neutral", "positive"]
    assert task.split("train")[0].tokens[-2:] == ("Say", '"no')


def test_a_table_of_pandas_has_an_index_without_a_name(tmp_path: Path) -> None:
    rows = [f'{i},{i % 3},{i % 2},"{text}\nTwo"\n' for i, text in enumerate(texts(120))]
    task = read(tmp_path, {"labeled_data.csv": ",count,class,tweet\n" + "".join(rows)})
    assert task.labels == ["0", "1"]
    assert task.split("train")[0].tokens[-1] == "Two"


def test_rows_that_end_with_more_fields_than_most(tmp_path: Path) -> None:
    rows = [
        f"{WORDS[i % 2]}\t{text}\tmain" + "\thttp://x\thttp://y" * (i % 5 == 0) + "\n"
        for i, text in enumerate(texts(180))
    ]
    task = read(tmp_path, splits(rows), "text=1", "label=0")
    assert task.labels == ["dull", "fine"]
    assert sum(map(len, task.examples().values())) == 180
    options = {"text": 1, "label": 0, "delimiter": "tab"}
    with pytest.raises(DataError, match="field-count"):
        read_bytes("table", "".join(rows).encode(), "f", options)


def test_several_labels_between_commas(tmp_path: Path) -> None:
    labels = ["2", "7", "2,7", "9", "7,9"]
    rows = [f"{text}\t{labels[i % 5]}\teeb{i}\n" for i, text in enumerate(texts(180))]
    task = read(tmp_path, splits(rows))
    assert task.id == "multilabel/mine"
    assert task.labels == ["2", "7", "9"]


def test_numbers_of_pairs_in_a_table_without_a_header(tmp_path: Path) -> None:
    rows = [
        f"main-captions\tMSRvid\t2012\t{i:04d}\t{i % 50 / 10:.3f}\t{text}\tNot {text}"
        + "\thttp://x" * (i % 5 == 0)
        + "\n"
        for i, text in enumerate(texts(180))
    ]
    task = read(tmp_path, splits(rows, end=".csv"))
    assert task.id == "pair-regression/mine"
    assert sum(map(len, task.examples().values())) == 180


def test_a_column_that_states_the_splits(tmp_path: Path) -> None:
    kinds = ["TRAIN"] * 4 + ["TRIAL", "TEST"]
    rows = [f"{text}\t{WORDS[i // 6 % 2]}\t{kinds[i % 6]}\n" for i, text in enumerate(texts(240))]
    task = read(tmp_path, {"all.txt": "text\tlabel\tSemEval_set\n" + "".join(rows)})
    assert task.labels == ["dull", "fine"]
    found = {split: len(part) for split, part in task.examples().items()}
    assert found == {"train": 160, "dev": 40, "test": 40}
    # Rows 0 to 3 of each 6 are train.
    numbers = {int(one.tokens[-2]) % 6 for one in task.split("train")}
    assert numbers == {0, 1, 2, 3}


def test_one_object_with_a_list_of_lists_for_each_split(tmp_path: Path) -> None:
    rows = [[text, WORDS[i % 2]] for i, text in enumerate(texts(200))]
    whole = {"oos_train": rows[:5], "train": rows[:120], "val": rows[120:160], "test": rows[160:]}
    task = read(tmp_path, {"data_full.json": json.dumps(whole)})
    assert {split: len(part) for split, part in task.examples().items()} == {
        "train": 120,
        "dev": 40,
        "test": 40,
    }
    assert task.labels == ["dull", "fine"]


def spans(text: str, tool: str) -> Any:
    """A text whose second word is a span, as a tool exports it."""
    start, end = 3, 6
    if tool == "doccano":
        return {"text": text, "label": [[start, end, "PER"]], "Comments": []}
    if tool == "spacy":
        return [text, {"entities": [[start, end, "PER"]]}]
    if tool == "prodigy":
        judged = "reject" if text.startswith("No") else "accept"
        span = {"start": start, "end": end, "token_start": 1, "token_end": 1, "label": "PER"}
        return {"text": text, "spans": [span], "answer": judged}
    value = {"start": start, "end": end, "text": text[start:end], "labels": ["PER"]}
    if tool == "label-studio-min":
        return {"id": 1, "text": text, "label": [value]}
    result = [{"value": value, "id": "x", "from_name": "label", "type": "labels"}]
    return {"id": 1, "annotations": [{"id": 1, "result": result}], "data": {"text": text}}


@pytest.mark.parametrize(
    ("tool", "is_list"),
    [
        ("doccano", False),
        ("prodigy", False),
        ("spacy", True),
        ("label-studio-min", True),
        ("label-studio", True),
    ],
)
def test_spans_of_annotation_tools(tool: str, is_list: bool, tmp_path: Path) -> None:
    rows = [spans(text, tool) for text in texts(120)]
    if tool == "prodigy":
        rows += [spans(text, tool) for text in texts(10, "No one")]
    lines = json.dumps(rows) if is_list else "".join(json.dumps(row) + "\n" for row in rows)
    task = read(tmp_path, {"export.json": lines})
    assert task.id == "ner/mine"
    examples = [one for part in task.examples().values() for one in part]
    assert len(examples) == 120
    assert {one.tags[:3] for one in examples} == {("O", "B-PER", "O")}


@pytest.mark.parametrize("field", ["label", "accept", "choices"])
def test_labels_of_annotation_tools_are_lists_of_one(field: str, tmp_path: Path) -> None:
    rows = []
    for i, text in enumerate(texts(120)):
        label: Any = [WORDS[i % 2]]
        if field == "choices":
            result = [{"value": {"choices": label}, "type": "choices"}]
            rows.append({"annotations": [{"result": result}], "data": {"text": text}})
        else:
            rows.append({"id": i, "text": text, field: label, "Comments": []})
    task = read(tmp_path, {"all.json": json.dumps(rows)})
    assert task.labels == ["dull", "fine"]
    again = read(tmp_path, {"all.json": json.dumps(rows)}, f"label={PATHS[field]}")
    assert again.labels == ["dull", "fine"]


PATHS = {
    "label": "label.0",
    "accept": "accept.0",
    "choices": "annotations.0.result.0.value.choices.0",
}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("227508|t|Naloxone\n227508|a|It is .\n227508\t0\t8\tNaloxone\tChemical\tD1\n", "PubTator"),
        ("T1\tPerson 0 3\tAnn\n", "BRAT"),
        ("<?xml version='1.0'?>\n<corpus><lexelt item='a.v'>", "lexical sample"),
        ("<sentences><sentence><aspectTerms><aspectTerm/>", "aspect terms"),
        ("<review>\n<rating>\n5\n", "reviews between XML tags"),
        ("<a>b</a>", "missing is a reader of XML"),
        ("# global.Entity = eid\n# newdoc id = x\n", "discontinuous mentions"),
        ('{"header": {"dataset": "NewsQA"}}\n{"context": "", "qas": []}\n', "MRQA"),
        ('{"Data": [{"QuestionId": "1", "Answer": {"Aliases": ["x"]}}]}', "TriviaQA"),
        ('[{"question": "?", "supporting_facts": [], "context": []}]', "HotpotQA"),
        ("story_id,question,answer_char_ranges\na,b,1:2\n" * 9, "NewsQA"),
    ],
    ids=lambda value: None,
)
def test_formats_that_are_not_read_are_named(data: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "train.x").write_text(data)
    with pytest.raises(DataError, match=message) as caught:
        propose([str(tmp_path / "train.x")])
    assert caught.value.fix


def test_a_data_set_may_be_called_as_its_folder(tmp_path: Path) -> None:
    for name, part in splits([f"{t}\t{WORDS[i % 2]}\n" for i, t in enumerate(texts(180))]).items():
        (tmp_path / "boolq").mkdir(exist_ok=True)
        (tmp_path / "boolq" / name).write_bytes(str(part).encode())
    shown = elmobench("new", "task", "boolq", "--from", "boolq", cwd=tmp_path)
    assert "train: 120 examples" in shown.stdout
    files = ("boolq/train.tsv", "boolq/dev.tsv", "boolq/test.tsv")
    (tmp_path / "cards" / "boolq.yaml").unlink()
    (tmp_path / "cards" / "boolq-run.yaml").unlink()
    again = elmobench("new", "task", "boolq", "--from", *files, cwd=tmp_path)
    assert "train: 120 examples" in again.stdout
