"""Cards that are proposed for pairs with marked words, and for pairs with whole numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from elmobench.core.errors import DataError
from elmobench.data.cards.catalog import load_card
from elmobench.tasks.from_files.card import proposed_card
from elmobench.tasks.from_files.proposal import propose
from elmobench.tasks.task import Task

FIRST = ("He sat on the bank {i} times .", "bank")
SECOND = ("In place {i} the bank was closed , as they said .", "bank")


def rows() -> list[dict[str, Any]]:
    """Pairs as SuperGLUE has them."""
    found = []
    for i in range(90):
        row: dict[str, Any] = {"word": "bank", "pos": "NV"[i % 3 == 0], "idx": i}
        for side, (pattern, word) in enumerate((FIRST, SECOND), start=1):
            text = pattern.format(i=i)
            start = text.index(word)
            row |= {f"sentence{side}": text, f"start{side}": start, f"end{side}": start + len(word)}
        found.append({**row, "label": i % 2 == 0})
    return found


def proposed(path: Path, text: str, *columns: str, pipeline: str | None = None) -> Task:
    path.write_text(text)
    card = proposed_card("mine", propose([str(path)], pipeline, columns), path.with_suffix(".yaml"))
    assert card.problem is None, str(card.problem)
    assert card.missing == []
    if 'pipeline: "wic"' in card.text:
        assert "He sat on the [bank] " in str(card.first)
        assert " ||| In place " in str(card.first)
    path.with_suffix(".yaml").write_text(card.text)
    return Task(load_card(path.with_suffix(".yaml")))


def check_marks(task: Task) -> None:
    assert task.id == "wic/mine"
    examples = [one for part in task.examples().values() for one in part]
    assert len(examples) == 90
    for one in examples:
        for tokens, mark in zip((one.first, one.second), one.marks, strict=True):
            assert tokens[mark[0] : mark[1] + 1] == ("bank",)


def as_table(names: tuple[str, ...], header: bool) -> str:
    lines = ["\t".join(names)] if header else []
    lines += [
        "\t".join(str(int(row[n]) if n == "label" else row[n]) for n in names) for row in rows()
    ]
    return "".join(line + "\n" for line in lines)


MARKS = ("start1", "end1", "start2", "end2")


@pytest.mark.parametrize("columns", [(), ("premise_start=start1", "label=label")])
def test_marked_words_of_records(columns: tuple[str, ...], tmp_path: Path) -> None:
    text = "".join(json.dumps(row) + "\n" for row in rows())
    check_marks(proposed(tmp_path / "a.jsonl", text, *columns))


def test_marks_are_found_where_words_begin_and_end(tmp_path: Path) -> None:
    """Fields of other names, and a table without names, as XL-WiC's."""
    names = {"start1": "from_a", "end1": "to_a", "start2": "from_b", "end2": "to_b"}
    renamed = [{names.get(key, key): value for key, value in row.items()} for row in rows()]
    check_marks(proposed(tmp_path / "a.jsonl", "".join(json.dumps(r) + "\n" for r in renamed)))
    order = ("word", "pos", *MARKS, "sentence1", "sentence2", "label")
    check_marks(proposed(tmp_path / "b.tsv", as_table(order, header=False)))
    check_marks(proposed(tmp_path / "c.tsv", as_table(order, header=True)))


def test_other_numbers_are_no_marks(tmp_path: Path) -> None:
    shifted = [{**row, **{name: row[name] + 1 for name in MARKS}} for row in rows()]
    renamed = [
        {key.replace("start", "x").replace("end", "y"): v for key, v in r.items()} for r in shifted
    ]
    found = propose_text(tmp_path / "a.jsonl", renamed)
    assert found.pipeline == "nli"


def propose_text(path: Path, records: list[dict[str, Any]]) -> Any:
    path.write_text("".join(json.dumps(row) + "\n" for row in records))
    return propose([str(path)])


def test_marked_tokens(tmp_path: Path) -> None:
    found = []
    for row in rows():
        sides = {f"sentence{n}": row[f"sentence{n}"].split() for n in (1, 2)}
        marks = {f"index{n}": sides[f"sentence{n}"].index("bank") for n in (1, 2)}
        found.append({**sides, **marks, "label": str(row["label"])})
    check_marks(proposed(tmp_path / "a.jsonl", "".join(json.dumps(row) + "\n" for row in found)))


def test_a_pipeline_that_the_file_does_not_fit_names_its_roles(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"a": f"x {i}", "b": i}) + "\n" for i in range(60)))
    with pytest.raises(DataError, match="--column premise=NAME --column hypothesis=NAME"):
        propose([str(path)], "wic")


@pytest.mark.parametrize(
    ("name", "form", "pipeline"),
    [
        ("label", "{}.00", "pair-regression"),
        ("similarity_score", "{}", "pair-regression"),
        ("label", "{}", "nli"),
        ("label", "{}.0", "nli"),
    ],
)
def test_whole_numbers_of_pairs(name: str, form: str, pipeline: str, tmp_path: Path) -> None:
    """3.00 is a number, and so is what a column calls a score; other whole numbers are classes."""
    lines = [f"s1\ts2\t{name}"]
    lines += [f"A dog runs {i}\tThe dog ran {i}\t{form.format(i % 6)}" for i in range(120)]
    task = proposed(tmp_path / "a.tsv", "".join(line + "\n" for line in lines))
    assert task.id == f"{pipeline}/mine"


def test_whole_scores_of_texts(tmp_path: Path) -> None:
    lines = [f"{i % 6}.00\tThis is text number {i} .\n" for i in range(120)]
    assert proposed(tmp_path / "a.tsv", "".join(lines)).id == "regression/mine"
