"""Cards that are proposed for files of tagged sentences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from proposed_tasks import jsonl, parquet, read

from elmobench.data.cards.catalog import load_card
from elmobench.tasks.from_files.card import proposed_card
from elmobench.tasks.from_files.proposal import propose
from elmobench.tasks.task import Task

SENTENCES = [
    {"tokens": ["Ann", f"met{i}", "Bob", "Ray"], "ner_tags": ["S-PER", "O", "B-PER", "E-PER"]}
    for i in range(120)
]


def people(task: Task) -> None:
    """The task has :data:`SENTENCES`."""
    assert task.id == "ner/mine"
    examples = [one for part in task.examples().values() for one in part]
    assert {one.tokens[1] for one in examples} == {f"met{i}" for i in range(120)}
    assert {one.tags for one in examples} == {("B-PER", "O", "B-PER", "I-PER")}
    assert task.labels == ["B-PER", "I-PER", "O"]


def columns(start: str = "", separator: str = " ") -> bytes:
    text = ""
    for row in SENTENCES:
        rows = zip(row["tokens"], row["ner_tags"], strict=True)
        text += "".join(f"{token}{separator}X{separator}{tag}\n" for token, tag in rows) + "\n"
    return (start + text).encode()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.conll", columns()),
        ("a.txt", columns("-DOCSTART- -X- O\n\n")),
        ("a.tsv", columns("", "\t")),
        ("a.jsonl", jsonl(*SENTENCES)),
        ("a.jsonl", jsonl(*({k: " ".join(v) for k, v in row.items()} for row in SENTENCES))),
        (
            "a.jsonl",
            jsonl(
                *(
                    {
                        "text": " ".join(row["tokens"]),
                        "entities": [[0, 3, "PER"], [at, at + 7, "PER"]],
                    }
                    for i, row in enumerate(SENTENCES)
                    for at in [8 + len(str(i))]
                )
            ),
        ),
        (
            "a.json",
            json.dumps(
                [
                    {
                        "tokens": row["tokens"],
                        "spans": [
                            {"start": 0, "end": 1, "type": "PER"},
                            {"start": 2, "end": 4, "type": "PER"},
                        ],
                    }
                    for row in SENTENCES
                ]
            ).encode(),
        ),
    ],
    ids=["columns", "documents", "tabs", "lists", "strings", "characters", "tokens"],
)
def test_tagged_sentences_in_every_format(name: str, data: bytes, tmp_path: Path) -> None:
    people(read(tmp_path, {name: data}))


def test_tagged_sentences_in_parquet_with_names(tmp_path: Path) -> None:
    names = ["O", "S-PER", "B-PER", "E-PER"]
    rows = [
        {"tokens": row["tokens"], "ner_tags": [names.index(tag) for tag in row["ner_tags"]]}
        for row in SENTENCES
    ]
    features = {
        "ner_tags": {"feature": {"names": names, "_type": "ClassLabel"}, "_type": "Sequence"}
    }
    people(read(tmp_path, {"a.parquet": parquet(rows, features)}))


def test_numbers_of_tags_without_names_are_left_to_the_user(tmp_path: Path) -> None:
    rows = [{"tokens": row["tokens"], "ner_tags": [1, 0, 2, 3]} for row in SENTENCES]
    (tmp_path / "a.jsonl").write_bytes(jsonl(*rows))
    proposal = propose([str(tmp_path / "a.jsonl")])
    card = proposed_card("mine", proposal, tmp_path / "mine.yaml")
    lines = card.text.splitlines()
    assert [name for _, name in card.missing] == ["names", "scheme"]
    assert [lines[number - 1].strip() for number, _ in card.missing] == [
        "names:  # to be filled in",
        "scheme:  # to be filled in",
    ]
    filled = card.text.replace("names:  #", 'names: ["O", "S-PER", "B-PER", "E-PER"]  #')
    (tmp_path / "mine.yaml").write_text(filled.replace("scheme:  #", "scheme: bioes  #"))
    people(Task(load_card(tmp_path / "mine.yaml")))


UNIVERSAL = """\
# sent_id = {0}
1-2\tdon't{0}\t_\t_\t_\t_\t_\t_\t_\t_
1\tdo{0}\tdo\tAUX\tVBP\t_\t0\troot\t_\t_
2\tn't\tnot\tPART\tRB\t_\t1\tadvmod\t_\t_

"""


def test_universal_dependencies_are_parts_of_speech(tmp_path: Path) -> None:
    data = "".join(UNIVERSAL.format(i) for i in range(120)).encode()
    task = read(tmp_path, {"a.conllu": data})
    assert task.id == "pos/mine"
    assert {one.tags for one in task.split("train")} == {("AUX", "PART")}


def test_one_file_may_have_several_tags_of_which_the_pipeline_takes_its_own(tmp_path: Path) -> None:
    rows = [
        {**row, "pos_tags": ["N", "V", "N", "N"], "chunk_tags": ["B-NP", "B-VP", "B-NP", "I-NP"]}
        for row in SENTENCES
    ]
    for pipeline, tags in (
        ("pos", ("N", "V", "N", "N")),
        ("chunking", ("B-NP", "B-VP", "B-NP", "I-NP")),
    ):
        task = read(tmp_path, {"a.jsonl": jsonl(*rows)}, pipeline=pipeline)
        assert task.id == f"{pipeline}/mine"
        assert task.split("train")[0].tags == tags
    people(read(tmp_path, {"a.jsonl": jsonl(*rows)}))
    other = read(tmp_path, {"a.jsonl": jsonl(*rows)}, "tokens=tokens", "tags=chunk_tags")
    assert other.id == "chunking/mine"
