"""Results as data frames, and how they are shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_records import make_record

import elmobench
from elmobench.api.display import as_html, as_text
from elmobench.api.results import Results
from elmobench.core.errors import DataError, ElmobenchWarning, UnknownNameError
from elmobench.tracking.record_store import RecordStore

HOSTILE = "<script>alert(1)</script>"


def record(cell: str, seed: int, score: float, **changes):
    made = make_record(cell * 64, seed=seed, axes={"mix": "learned"}, **changes)
    assert made.result is not None
    made.result.test = {"f1": score, "precision": score + 1}
    made.result.counts = {"train": 7, "dev": 3, "test": 5}
    return made


def failed(cell: str, seed: int):
    return make_record(
        cell * 64, seed=seed, axes={"mix": "learned"}, status="failed", error="boom", result=None
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store = RecordStore(tmp_path / "results" / "x")
    limited = {"parts": [{"fingerprint": "f" * 64}], "limit": "50", "train_fraction": 0.5}
    for made in (
        record("a", 1, 50.0),
        record("b", 2, 52.0, identity=limited),
        failed("c", 3),
    ):
        made.run.seconds = {"prepare": 1.0, "select": 2.0, "train": 4.0, "test": 8.0, "cpu": 16.0}
        store.write(made)
    return store.folder


def test_one_row_per_cell(folder: Path) -> None:
    cells = elmobench.load_results(folder).cells
    assert len(cells) == 3
    first, second, third = cells.to_dict("records")
    assert (first["task"], first["features"], first["head"], first["seed"]) == (
        *("ner/t", "a+b", "linear", 1),
    )
    assert (first["metric"], first["score"], first["dev"], first["mix"]) == (
        *("f1", 50.0, 51.0, "learned"),
    )
    sizes = ("train_examples", "dev_examples", "test_examples")
    assert [first[name] for name in sizes] == [7, 3, 5]
    assert first["seconds"] == 1 + 2 + 4 + 8
    limits = cells["limit"].astype(object).where(cells["limit"].notna(), None)
    assert list(zip(cells["partial"], limits, strict=True))[:2] == [
        *[(False, None), (True, "50")],
    ]
    assert second["train_fraction"] == 0.5
    assert (third["status"], third["error"]) == ("failed", "boom")
    assert np.isnan(third["score"])
    assert not [name for name in cells if name.startswith("test.")]


def test_one_row_per_score_of_a_cell(folder: Path) -> None:
    scores = elmobench.load_results(folder).scores
    rows = scores[["seed", "metric", "score", "dev", "primary", "mix"]].to_dict("records")
    assert [(r["seed"], r["metric"], r["score"], r["primary"]) for r in rows] == [
        *[(1, "f1", 50.0, True), (1, "precision", 51.0, False)],
        *[(2, "f1", 52.0, True), (2, "precision", 53.0, False)],
    ]
    assert rows[0]["dev"] == 51.0
    assert np.isnan(rows[1]["dev"])


def test_one_row_per_layer_of_a_mix(folder: Path) -> None:
    """The part ``a`` of the made records has no mix, ``b`` has two layers."""
    weights = elmobench.load_results(folder).weights
    assert weights["part"].tolist() == ["b"] * 4
    assert weights["layer"].tolist() == [0, 1, 0, 1]
    assert weights["weight"].tolist() == [0.2, 0.8, 0.2, 0.8]
    assert set(weights["gamma"]) == {1.5}
    assert weights["learned"].all()


def test_frames_of_failed_cells_alone_have_their_columns(tmp_path: Path) -> None:
    results = Results(tmp_path, [failed("c", 1)])
    assert results.scores.empty
    assert {"task", "metric", "score"} <= set(results.scores.columns)
    assert {"part", "layer", "weight"} <= set(results.weights.columns)
    assert "1 cell, 1 of them failed" in repr(results)


def test_plain_text_says_what_it_is(folder: Path) -> None:
    lines = repr(elmobench.load_results(folder)).splitlines()
    assert lines[0] == "Results of x"
    assert lines[1].startswith("3 cells, 1 of them failed, 1 task, 1 representation, 3 seeds; in ")
    assert lines[-1] == "1 cell of a quick try on a part of the examples"
    assert " ".join(lines[-2].split()) == "ner/t f1 linear learned 1, 2 51.00 ± 1.41"
    # Nothing explains marks that no score has; a failed cell has no flags.
    assert "↑" not in "".join(lines)


def test_marks_of_scores_are_explained(tmp_path: Path) -> None:
    rising = record("a", 1, 50.0)
    rising.identity["training"] = {"epochs": 2}
    assert rising.result.best_epoch == 2
    lines = repr(Results(tmp_path, [rising])).splitlines()
    assert lines[3].endswith("50.00 ↑")
    assert lines[4].startswith("↑: in some of the runs")
    assert max(map(len, lines[4:])) <= 100


def test_a_folder_is_found_by_its_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parents[1])
    assert len(elmobench.load_results("x")) == 3
    with pytest.raises(UnknownNameError, match="no results of 'y'"):
        elmobench.load_results("y")


def test_a_damaged_record_is_named_and_the_others_are_read(folder: Path) -> None:
    path = RecordStore(folder).record_path("a" * 64)
    path.write_text(path.read_text().replace("50.0", "99.0"))
    with pytest.warns(ElmobenchWarning, match=path.name) as caught:
        results = elmobench.load_results(folder)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert results.cells["seed"].tolist() == [2, 3]
    assert [path.name in text for text in results.damaged] == [True]
    assert "1 damaged record left out, see .damaged" in repr(results)
    assert "1 damaged record left out" in results._repr_html_()
    # Comparisons do not go on without it, as in the command line.
    with pytest.raises(DataError, match=path.name):
        elmobench.claims(results)


def test_damaged_records_alone_are_an_error(folder: Path) -> None:
    for path in (folder / "records").iterdir():
        path.write_text("{")
    with pytest.raises(DataError):
        elmobench.load_results(folder)


def test_every_text_in_a_notebook_is_escaped(tmp_path: Path) -> None:
    hostile = record("a", 1, 50.0, task=HOSTILE, features=HOSTILE, experiment=HOSTILE)
    results = Results(tmp_path / HOSTILE, [hostile], [HOSTILE])
    page = results._repr_html_()
    assert page.count("&lt;script&gt;") == 4  # twice in the heading, in a column and a cell
    assert "<script" not in page
    assert "<script" not in as_html(
        [HOSTILE, HOSTILE], pd.DataFrame({HOSTILE: [{HOSTILE: 1}]}), [HOSTILE]
    )


def test_characters_that_a_terminal_obeys_are_replaced() -> None:
    text = as_text(["\x1b[2Jheading"], pd.DataFrame({"\x1b": ["\x9bx"]}))
    assert text.splitlines() == ["\ufffd[2Jheading", "\ufffd", "\ufffdx"]


def test_lone_surrogates_are_replaced(tmp_path: Path) -> None:
    """Kernels send UTF-8, and pandas holds no others."""
    table = pd.DataFrame({"x": pd.Series(["\ud800"], dtype=object)})
    assert as_html(["\ud800"], table).encode("utf-8").count("\ufffd".encode()) == 2
    broken = make_record("c" * 64, status="failed", error="no \ud800", result=None)
    assert Results(tmp_path, [broken]).cells["error"].tolist() == ["no \ufffd"]


def test_long_tables_are_cut_and_say_so() -> None:
    table = pd.DataFrame({"n": range(30)})
    assert as_text(["x"], table).splitlines()[-1] == "(the first 20 of 30 rows)"
    assert as_html(["x"], table).count("<tr>") == 20  # the row of the header has a style
    assert "(the first 20 of 30 rows)" in as_html(["x"], table)


def test_numbers_and_missing_values_are_readable() -> None:
    table = pd.DataFrame({"a": [0.001, np.nan], "b": [None, "long text " * 20]})
    assert as_text(["x"], table).splitlines()[2].split() == ["0.001"]
    page = as_html(["x"], table)
    assert "nan" not in page.lower()
    assert "None" not in page
    assert "long text " * 19 in page


def test_what_is_no_results_is_a_type_error(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"results are of type DataFrame.*load_results"):
        elmobench.claims(pd.DataFrame())  # type: ignore[arg-type]


def test_public_names_are_completed() -> None:
    assert set(elmobench.__all__) <= set(dir(elmobench))
