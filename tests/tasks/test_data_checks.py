"""Data that can be read but are probably not meant so: each case, and a set that is right."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny_cards import card_values
from typer.testing import CliRunner

from elmobench.cli.data import app
from elmobench.core.errors import DataError, ElmobenchWarning
from elmobench.data.cards.catalog import load_card
from elmobench.data.languages import language_problem
from elmobench.tasks.data_checks import check_data, raise_errors
from elmobench.tasks.task import Task

TABLE = {"name": "table", "options": {"header": False, "label": 0, "text": 1}}
SPACES = {"separator": "whitespace", "scheme": "bio"}
WORDS = ["a", "quiet", "film", "about", "the", "sea", "and", "its", "many", "storms"]


def rows(prefix: str, count: int = 40) -> list[str]:
    return [f"{'pos' if i % 2 else 'neg'}\t{' '.join(WORDS)} {prefix} {i}" for i in range(count)]


GOOD = {name: rows(name) for name in ("train", "dev", "test")}


def task(folder: Path, lines: dict[str, list[str]], **changes: Any) -> Task:
    for name, found in lines.items():
        (folder / f"{name}.tsv").write_text("\n".join(found) + "\n")
    values = card_values(**{"reader": TABLE} | changes)
    (folder / "tiny.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    return Task(load_card(folder / "tiny.yaml"))


def remarks(folder: Path, lines: dict[str, list[str]], **changes: Any) -> list[tuple[str, str]]:
    return [(one.level, one.what) for one in check_data(task(folder, lines, **changes))]


def only(found: list[tuple[str, str]]) -> tuple[str, str]:
    (one,) = found
    return one


def test_a_good_set_has_no_remarks(tmp_path: Path) -> None:
    assert remarks(tmp_path, GOOD) == []


def test_equal_splits_are_an_error(tmp_path: Path) -> None:
    level, what = only(remarks(tmp_path, GOOD | {"dev": rows("train")}))
    assert level == "error"
    assert what.startswith("dev and train hold the same 40 texts, such as 'a quiet film")


@pytest.mark.parametrize(("shared", "warned"), [(4, False), (5, True)])
def test_an_overlap_above_the_stated_share_is_a_warning(
    tmp_path: Path, shared: int, warned: bool
) -> None:
    found = remarks(tmp_path, GOOD | {"test": rows("train")[:shared] + rows("test")[shared:]})
    if warned:
        level, what = only(found)
        assert level == "warning"
        assert what.startswith("12 % of the texts of test (5 of 40) are in train too")
    else:
        assert found == []


def test_swapped_columns_are_an_error(tmp_path: Path) -> None:
    swapped = {
        name: ["\t".join(reversed(line.split("\t"))) for line in lines]
        for name, lines in GOOD.items()
    }
    with pytest.warns(ElmobenchWarning, match="40 labels that train lacks"):
        found = remarks(tmp_path, swapped)
    assert any(
        level == "error" and what.startswith("40 different labels in 40 examples, longer than")
        for level, what in found
    )


def test_numbers_as_classes_are_a_warning(tmp_path: Path) -> None:
    scores = {
        name: [f"{i % 37 / 10}\t{line.split(chr(9))[1]}" for i, line in enumerate(lines)]
        for name, lines in GOOD.items()
    }
    level, what = only(remarks(tmp_path, scores))
    assert level == "warning"
    assert "labels are all numbers, such as '0.0'" in what
    stars = {
        name: [f"{i % 5}\t{line.split(chr(9))[1]}" for i, line in enumerate(lines)]
        for name, lines in GOOD.items()
    }
    assert remarks(tmp_path, stars) == []


def columns(row: str, count: int = 30) -> dict[str, list[str]]:
    return {
        name: [row.format(word=f"{name}{i // 3}x{i}", i=i) if i % 3 else "" for i in range(count)]
        for name in ("train", "dev", "test")
    }


def tagged(folder: Path, lines: dict[str, list[str]], **options: Any) -> list[tuple[str, str]]:
    reader = {"name": "conll-columns", "options": SPACES | options}
    return remarks(folder, lines, pipeline="ner", metric="span-f1", reader=reader)


def test_a_wrong_token_column_is_an_error(tmp_path: Path) -> None:
    lines = columns("{i} {word} O", count=60)
    assert tagged(tmp_path, lines, token=1, tag=2) == []
    assert ("error", "all tokens are numbers: '1 2 4 5 7 8 10 11'") in tagged(
        tmp_path, lines, token=0, tag=2
    )
    found = tagged(tmp_path, columns("{word} B-LOC O"), token=1, tag=2)
    assert any(what.startswith("the tokens are tags: 'B-LOC B-LOC") for _, what in found)


def test_a_file_without_empty_lines_is_a_warning(tmp_path: Path) -> None:
    lines = columns("{word} O") | {"train": [f"w{i} O" for i in range(750)]}
    assert only(tagged(tmp_path, lines)) == ("warning", "train is one sentence of 750 tokens")


def test_a_sentence_that_lines_cut_is_a_warning(tmp_path: Path) -> None:
    lines = columns("{word} O")
    reader = {"name": "conll-columns", "options": SPACES}
    common = {"pipeline": "ner", "metric": "span-f1", "reader": reader}
    splits = {name: [{"path": f"{name}.tsv"}] for name in lines}
    cut = splits | {"train": [{"path": "train.tsv", "lines": [1, 5]}]}
    level, what = only(remarks(tmp_path, lines, splits=cut, **common))
    assert level == "warning"
    assert "'lines: [1, 5]' cuts a sentence of train.tsv between the lines 5 and 6" in what
    whole = splits | {"train": [{"path": "train.tsv", "lines": [1, 6]}]}
    assert remarks(tmp_path, lines, splits=whole, **common) == []


def test_an_unknown_language_is_a_warning(tmp_path: Path) -> None:
    level, what = only(remarks(tmp_path, GOOD, language="english"))
    assert (level, what) == ("warning", "language: 'english' is no language code; it is 'en'")


@pytest.mark.parametrize("code", ["en", "pt-BR", "deu", "zh-Hant-TW", "en, de", "mul"])
def test_language_codes(code: str) -> None:
    assert language_problem(code) is None


@pytest.mark.parametrize("code", ["xx", "EN", "englisch", "", "e", "en_US", "en;de"])
def test_what_is_no_language_code(code: str) -> None:
    assert language_problem(code) is not None


def test_data_verify_prints_warnings_and_ends_with_the_errors(tmp_path: Path) -> None:
    loaded = task(tmp_path, GOOD | {"dev": rows("train")}, language="xx")
    with pytest.raises(DataError, match=r"sentiment/tiny .*hold the same 40 texts(?s:.)*-> "):
        raise_errors(loaded, check_data(loaded))
    result = CliRunner().invoke(app, ["verify", "tiny", "--include", str(tmp_path)])
    assert "sentiment/tiny, warning: language: 'xx' is no language code" in result.output
    assert isinstance(result.exception, DataError)


@pytest.mark.parametrize("unit", ["characters", "units of JavaScript"])
def test_positions_that_count_something_else_are_a_warning(unit: str, tmp_path: Path) -> None:
    lines: dict[str, list[str]] = {"train": [], "dev": [], "test": []}
    for name, found in lines.items():
        for i in range(20):
            text = f"\U0001f600 {name} {i} : Ann saw Bob ."
            start = text.index("Ann")
            if unit != "characters":
                start = len(text[:start].encode("utf-16-le")) // 2
            span = {"start": start, "end": start + 3, "label": "PER"}
            found.append(json.dumps({"text": text, "spans": [span]}))
    reader = {"name": "jsonl", "options": {"text": "text", "spans": "spans"}}
    seen = remarks(tmp_path, lines, pipeline="ner", metric="span-f1", reader=reader)
    if unit == "characters":
        assert seen == []
    else:
        what = "20 of 20 positions begin or end inside of a token"
        assert seen == [("warning", f"{name}: {what}") for name in lines]
