"""``elmobench board``: what it takes, what it writes and prints, and its errors."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import jsonschema
import pytest
from command_line import elmobench
from made_studies import made_cell, made_study

from elmobench.cli.output.board import BoardOutput


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """``results`` as a run leaves it: two studies in a folder, and one without records."""
    for name, wrong in (("group/x", 9), ("group/y", 40)):
        cells = [made_cell(name[-1], seed, wrong + seed) for seed in (1, 2, 3)]
        made_study(tmp_path / "results" / name, cells)
    (tmp_path / "results" / "notes").mkdir()
    return tmp_path


def test_a_folder_of_studies_gives_one_page_and_rows(folder: Path) -> None:
    out = elmobench("board", "results/group", "results/notes", cwd=folder, ELMOBENCH_OUTPUT="")
    assert (out.returncode, out.stdout.count("\n")) == (0, 2)
    rows = [line.split("\t") for line in out.stdout.splitlines()]
    assert [row[:5] for row in rows] == [
        ["1", "sentiment/made-up", "linear", name, "accuracy"] for name in "xy"
    ]
    assert {len(row) for row in rows} == {len(BoardOutput.ROWS)}
    assert out.stderr.splitlines() == [
        "note: no run records in results/notes: it is left out",
        "written: board.html",
    ]
    page = (folder / "board.html").read_bytes()
    # By their names, in another order, and on a terminal: the same page.
    out = elmobench("board", "group/y", "group/x", cwd=folder, ELMOBENCH_OUTPUT="table")
    assert out.stdout == "written: board.html\n"
    assert (folder / "board.html").read_bytes() == page


def test_the_document_has_everything(folder: Path) -> None:
    out = elmobench("board", "group", "--out", "new/page.html", "--json", cwd=folder)
    assert out.stderr == "written: new/page.html\n"
    document = json.loads(out.stdout)
    jsonschema.Draft202012Validator(BoardOutput.json_schema()).validate(document)
    assert [study["name"] for study in document["studies"]] == ["x", "y"]
    (column,) = document["columns"]
    assert column["comparable"]["data"] == "d" * 64
    assert [e["best"] for e in document["entries"]] == [True, False]
    assert document["entries"][0]["seed_numbers"] == [1, 2, 3]
    assert document["entries"][0]["scores"] == pytest.approx([87.5, 86.25, 85.0])
    assert 'href="../results/' not in (folder / "new" / "page.html").read_text("utf-8")


def test_what_cannot_be_read_is_an_error(folder: Path) -> None:
    with zipfile.ZipFile(folder / "study.zip", "w") as archive:
        archive.writestr("experiment.json", "{}")
    (folder / "page").mkdir()
    for words, error in (
        (["nothing"], "no results of 'nothing' here"),
        (["study.zip"], "study.zip: this is a file, not a results folder"),
        (["results/notes"], "results/notes: no run records here"),
        (["group", "results/group/x"], "named twice"),
        (["group", "--out", "page"], "page: this is a folder"),
    ):
        out = elmobench("board", *words, cwd=folder)
        assert (out.returncode, out.stdout) == (1, ""), words
        assert error in out.stderr
        assert not (folder / "board.html").exists()


def test_damaged_records_are_said(folder: Path) -> None:
    path = sorted((folder / "results/group/x/records").iterdir())[0]
    path.write_text("{")
    out = elmobench("board", "group", cwd=folder)
    assert out.returncode == 0
    assert f"damaged, and left out: {path.relative_to(folder)}" in out.stderr
    plan = folder / "results/group/x/experiment.json"
    plan.write_text("{")
    out = elmobench("board", "group", cwd=folder)
    assert (out.returncode, str(plan.relative_to(folder)) in out.stderr) == (1, True)
