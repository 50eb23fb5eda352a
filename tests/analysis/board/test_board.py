"""Boards of made-up studies: what shares a column, what counts, and which entry is best."""

from __future__ import annotations

import math
import os
import statistics
from pathlib import Path

import pytest
from made_studies import fail, made_cell, made_study

from elmobench.analysis.board.board import Board, BoardColumn, make_board
from elmobench.analysis.board.entries import Entry
from elmobench.analysis.board.names import natural
from elmobench.analysis.board.render import board_page
from elmobench.analysis.board.studies import results_folders
from elmobench.analysis.stats.differences import compare
from elmobench.core.errors import ConfigError, DataError
from elmobench.data.cards.catalog import CardCatalog
from elmobench.tracking.packing import pack
from elmobench.tracking.record_store import RecordStore

SEEDS = (1, 2, 3)


def cells(features: str, wrong: int, seeds=SEEDS, **changes):
    return [made_cell(features, seed, wrong + seed, **changes) for seed in seeds]


def names(column: BoardColumn) -> list[str]:
    return [row.name for row in column.entries]


def entry(column: BoardColumn, name: str) -> Entry:
    (found,) = (one for row, one in column.entries.items() if row.name == name)
    return found


def test_comparable_cells_of_two_studies_share_a_column(tmp_path: Path) -> None:
    first = made_study(tmp_path / "first", cells("flat", 30) + cells("deep", 3))
    second = made_study(tmp_path / "second", cells("deep", 3, seeds=(2, 3, 4, 5)))
    board = make_board([first, second])
    (column,) = board.columns
    assert (column.task, column.head, column.score) == ("sentiment/made-up", "linear", "accuracy")
    assert (column.letter, column.differs) == ("", {})
    deep = entry(column, "deep")
    # Seeds 2 and 3 are the same cells in both studies, and count once.
    assert [run.seed for run in deep.runs] == [1, 2, 3, 4, 5]
    scores = [100 * (80 - 3 - seed) / 80 for seed in range(1, 6)]
    assert deep.scores == pytest.approx(scores)
    assert deep.mean == pytest.approx(math.fsum(scores) / 5)
    assert deep.sd == pytest.approx(statistics.stdev(scores))
    half = 2.776445 * statistics.stdev(scores) / math.sqrt(5)  # t of 4 degrees of freedom
    assert deep.interval == pytest.approx((deep.mean - half, deep.mean + half), abs=1e-5)
    assert deep.studies == (1, 2)
    assert entry(column, "flat").studies == (1,)
    assert (deep.train_seconds, deep.bytes_per_token, deep.encode_seconds) == (2.0, 12.5, None)
    assert [(s.name, s.first, s.last) for s in board.studies] == [
        ("first", "2026-01-02", "2026-01-04"),
        ("second", "2026-01-03", "2026-01-06"),
    ]


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("data", "e" * 64, {"data": "e" * 64}),
        ("protocol", 2, {"protocol": 2}),
        ("metric", ["accuracy", 2], {"metric": ["accuracy", 2]}),
        ("training", {"epochs": 6}, {"training.epochs": 6}),
        ("head_version", 2, {"head": ["sentiment", "linear", 2]}),
        ("train_fraction", 0.5, {"train_fraction": 0.5}),
    ],
    ids=["data", "protocol", "metric", "options", "head", "share"],
)
def test_other_cells_have_columns_of_their_own(
    tmp_path: Path, field: str, value: object, shown: dict[str, object]
) -> None:
    first = made_study(tmp_path / "a", cells("flat", 30))
    second = made_study(tmp_path / "b", cells("flat", 30, **{field: value}))
    board = make_board([first, second])
    assert sorted(column.letter for column in board.columns) == ["A", "B"]
    assert shown in [column.differs for column in board.columns]
    assert [len(column.entries) for column in board.columns] == [1, 1]
    page = board_page(board, tmp_path)
    assert f'<th scope="col">{next(iter(shown))}</th>' in page


def test_machine_and_precision_do_not_separate_columns(tmp_path: Path) -> None:
    first = made_study(tmp_path / "a", cells("flat", 30))
    second = made_study(tmp_path / "b", cells("deep", 3, threads=4, device="cuda"))
    (column,) = make_board([first, second]).columns
    assert names(column) == ["deep", "flat"]
    # The same vectors in the same column are two rows then, whose names say why.
    third = made_study(tmp_path / "c", cells("flat", 30, threads=4))
    (column,) = make_board([first, third]).columns
    assert names(column) == ["flat · threads=1", "flat · threads=4"]


def test_equal_names_of_other_vectors_are_other_rows(tmp_path: Path) -> None:
    prints = [letter * 64 for letter in "ab"]
    folders = [
        made_study(tmp_path / p[0], cells("mine", 10, vectors={"fingerprint": p})) for p in prints
    ]
    (column,) = make_board(folders).columns
    assert names(column) == ["mine (vectors aaaaaaaa)", "mine (vectors bbbbbbbb)"]


def test_other_settings_of_the_same_vectors_are_other_rows_of_one_column(tmp_path: Path) -> None:
    made = [
        made_study(
            tmp_path / f"{l2}", cells("mine", 10, vectors={"fingerprint": "f" * 64, "l2": l2})
        )
        for l2 in (0.0, 0.001)
    ]
    (column,) = make_board(made).columns
    assert names(column) == ["mine · part 1 l2=0.0", "mine · part 1 l2=0.001"]
    # In two columns it is one row, for instance where two heads have different defaults.
    other = made_study(
        tmp_path / "other",
        cells("mine", 10, vectors={"fingerprint": "f" * 64, "l2": 0.001}, head="small"),
    )
    assert [row.name for row in make_board([made[0], other]).rows] == ["mine"]


def test_an_axis_of_the_mix_is_in_the_name_of_the_row(tmp_path: Path) -> None:
    vectors = {"fingerprint": "f" * 64, "mix": "last"}
    made = [
        (run.model_copy(update={"axes": {"mix": "last", "norm": "none"}}), answers)
        for run, answers in cells("mine", 10, vectors=vectors)
    ]
    typed = made_study(tmp_path / "b", cells("mine@mix=last", 10, vectors=vectors))
    (column,) = make_board([made_study(tmp_path / "a", made)]).columns
    assert names(column) == ["mine · mix=last"]
    # The same cells by another name are one row, which has the shorter one.
    (column,) = make_board([tmp_path / "a", typed]).columns
    assert names(column) == ["mine@mix=last"]
    assert len(entry(column, "mine@mix=last").runs) == 3


def test_partial_failed_and_damaged_cells_are_left_out(tmp_path: Path) -> None:
    made = cells("flat", 30, seeds=(1, 2, 3, 4))
    quick = cells("deep", 3, limit="50")
    folder = made_study(tmp_path / "study", [*made, *quick])
    fail(folder, made[1][0])
    damaged = RecordStore(folder).record_path(made[2][0].cell)
    damaged.write_text(damaged.read_text().replace('"seed": 3', '"seed": 5'))
    board = make_board([folder])
    (column,) = board.columns
    assert names(column) == ["flat"]
    flat = entry(column, "flat")
    assert ([run.seed for run in flat.runs], flat.wanted) == ([1, 4], 4)
    (study,) = board.studies
    assert (study.partial, study.failed, len(study.damaged)) == (3, 1, 1)
    page = board_page(board, tmp_path)
    assert "2 of 4 seeds" in page
    assert "study: 3 of a quick try (<code>--limit</code>), 1 failed" in page
    assert str(damaged) in page


def test_without_full_results_there_is_no_board(tmp_path: Path) -> None:
    folder = made_study(tmp_path / "quick", cells("deep", 3, limit="5%"))
    with pytest.raises(DataError, match="no finished run on all examples here: quick: 3 quick"):
        make_board([folder])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no run records here"):
        make_board([tmp_path / "empty"])
    with pytest.raises(DataError, match="no results folders are given"):
        make_board([])


def test_a_study_cannot_be_named_twice(tmp_path: Path) -> None:
    folder = made_study(tmp_path / "study", cells("flat", 30))
    os.symlink(folder, tmp_path / "link")
    for other in (folder, tmp_path / "link", tmp_path / "x" / ".." / "study"):
        (tmp_path / "x").mkdir(exist_ok=True)
        with pytest.raises(ConfigError, match="named twice"):
            make_board([folder, other])


def test_packed_results_and_another_order_give_the_same_page(tmp_path: Path) -> None:
    folders = [
        made_study(tmp_path / "a", cells("flat", 30) + cells("deep", 3)),
        made_study(tmp_path / "b", cells("flat", 20, data="e" * 64)),
    ]
    page = board_page(make_board(folders), tmp_path)
    assert page == board_page(make_board(folders[::-1]), tmp_path)
    for folder in folders:
        pack(folder)
    assert page == board_page(make_board(folders), tmp_path)


def best(board: Board) -> list[list[str]]:
    return [[r.name for r, e in column.entries.items() if e.best] for column in board.columns]


def test_the_best_entry_is_that_of_the_verdict(tmp_path: Path) -> None:
    clear = cells("flat", 40) + cells("deep", 3)
    folder = made_study(tmp_path / "clear", clear)
    (row,) = compare(RecordStore(folder), "deep", "flat")
    assert row.verdict == "better"
    assert best(make_board([folder])) == [["deep"]]
    close = made_study(tmp_path / "close", cells("flat", 4) + cells("deep", 3))
    (row,) = compare(RecordStore(close), "deep", "flat")
    assert row.verdict != "better"
    assert best(make_board([close])) == [[]]
    # Also between studies; a third one that is as good takes the mark away.
    flat = made_study(tmp_path / "flat", cells("flat", 40))
    deep = made_study(tmp_path / "deep", cells("deep", 3))
    assert best(make_board([flat, deep])) == [["deep"]]
    other = made_study(tmp_path / "other", cells("other", 4))
    assert best(make_board([flat, deep, other])) == [[]]
    # Differences below the largest margin of the studies are negligible.
    wide = made_study(tmp_path / "wide", cells("deep", 3), margin=80.0)
    assert best(make_board([flat, wide])) == [[]]


def test_single_runs_are_not_marked(tmp_path: Path) -> None:
    folder = made_study(tmp_path / "one", cells("flat", 40) + cells("deep", 3, seeds=(1,)))
    board = make_board([folder])
    assert best(board) == [[]]
    deep = entry(board.columns[0], "deep")
    assert (deep.sd, deep.interval) == (None, None)


def test_damaged_predictions_take_the_mark_away_and_are_noted(tmp_path: Path) -> None:
    made = cells("flat", 40) + cells("deep", 3)
    folder = made_study(tmp_path / "study", made)
    path = RecordStore(folder).predictions_path(made[0][0].cell)
    path.write_bytes(path.read_bytes()[:-9])
    board = make_board([folder])
    assert best(board) == [[]]
    assert names(board.columns[0]) == ["deep", "flat"]
    assert str(path) in board.studies[0].damaged[0]
    path.unlink()  # predictions that were not kept are no damage
    board = make_board([folder])
    assert (best(board), board.studies[0].damaged) == ([[]], [])


def test_controls_are_apart_and_never_best(tmp_path: Path) -> None:
    task = "sentiment/control-sentiment"
    made = cells("flat", 40, task=task) + cells("deep", 3, task=task)
    folder = made_study(tmp_path / "study", made + cells("flat", 30))
    board = make_board([folder])
    assert [(c.task, c.control) for c in board.columns] == [
        ("sentiment/made-up", False),
        (task, True),
    ]
    assert best(board) == [[], []]
    page = board_page(board, tmp_path)
    assert "their scores are no findings" in page
    ceiling = CardCatalog().by_id[task].ceiling
    assert ceiling is not None
    assert [c.ceiling for c in board.columns] == [None, ceiling.context_free]
    assert page.count(f"context-free ceiling {ceiling.context_free:.2f}<") == 1
    assert page.index('id="group-1"') < page.index('id="controls"')


def test_a_head_that_reads_no_vectors_has_one_row(tmp_path: Path) -> None:
    made = [
        one for name in ("flat", "deep") for one in cells(name, 30, head="most-frequent", seeds=[1])
    ]
    board = make_board([made_study(tmp_path / "study", made)])
    assert [(row.name, row.family) for row in board.rows] == [("no vectors", "no vectors")]
    assert len(entry(board.columns[0], "no vectors").runs) == 1


def test_another_result_of_the_same_cell_is_noted(tmp_path: Path) -> None:
    first = made_study(tmp_path / "first", [made_cell("flat", 1, 10)])
    second = made_study(tmp_path / "second", [made_cell("flat", 1, 11)])
    board = make_board([first, second])
    flat = entry(board.columns[0], "flat")
    assert (flat.scores, flat.studies) == ((87.5,), (1,))
    assert board.notes == [
        "sentiment/made-up, flat, linear, seed 1: second has another result of the same cell than "
        "first, which is shown"
    ]


def test_encoding_costs_are_of_all_parts(tmp_path: Path) -> None:
    run, answers = made_cell("flat", 1, vectors={"fingerprint": "f" * 64})
    folder = made_study(tmp_path / "study", [(run, answers)])
    store = RecordStore(folder)
    for seconds in (1.5, 2.0):  # two workers
        store.add_cost({"task": run.task, "fingerprint": "f" * 64, "seconds": seconds})
    store.add_cost({"task": "other/task", "fingerprint": "f" * 64, "seconds": 50.0})
    assert entry(make_board([folder]).columns[0], "flat").encode_seconds == 3.5
    parts = [{"fingerprint": "f" * 64}, {"fingerprint": "e" * 64}]
    made_study(tmp_path / "two", [made_cell("flat", 1, parts=parts)])
    store = RecordStore(tmp_path / "two")
    store.add_cost({"task": run.task, "fingerprint": "f" * 64, "seconds": 1.0})
    assert entry(make_board([tmp_path / "two"]).columns[0], "flat").encode_seconds is None


def test_costs_of_encoding_alone_are_shown(tmp_path: Path) -> None:
    run, answers = made_cell("flat", 1, vectors={"fingerprint": "f" * 64})
    folder = made_study(tmp_path / "study", [(run.model_copy(update={"run": None}), answers)])
    RecordStore(folder).add_cost({"task": run.task, "fingerprint": "f" * 64, "seconds": 1.5})
    page = board_page(make_board([folder]), tmp_path)
    assert "encode\N{NO-BREAK SPACE}1.5\N{NO-BREAK SPACE}s" in page
    assert '<p class="facts">1 run · ' in page


def test_folders_of_studies_are_found_at_any_depth(tmp_path: Path) -> None:
    inner = [
        made_study(tmp_path / name, [made_cell("flat", 1)]) for name in ("b/y", "b/x/deep", "a")
    ]
    made_study(tmp_path / "a" / "older", [made_cell("deep", 1)])
    made_study(tmp_path / ".hidden", [made_cell("deep", 1)])
    assert results_folders(tmp_path) == [inner[2], inner[1], inner[0]]
    (tmp_path / "none").mkdir()
    assert results_folders(tmp_path / "none") == []


def test_numbers_in_names_sort_as_numbers() -> None:
    given = ["m@layer=10", "m@layer=9", "m", "12", "n²", "n1"]
    assert sorted(given, key=natural) == ["12", "m", "m@layer=9", "m@layer=10", "n1", "n²"]
