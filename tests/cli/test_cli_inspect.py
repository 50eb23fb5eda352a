"""``elmobench inspect``."""

import json
import re

import numpy as np
import pytest
from typer.testing import CliRunner

from elmobench.analysis.inspect.word_tables import default_features, in_context
from elmobench.cli.main import app
from elmobench.core.errors import ConfigError, DataError
from elmobench.features.catalog.catalog import load_provider

RIVER, ACCOUNT = "He sat on the river bank", "She opened a bank account"
BASELINES = ["--features", "random", "--features", "elmo-random"]
TASK = [("the", "bank", "is", "shut"), ("a", "Bank", "?"), ("no", "such", "word")]


def _run(*arguments, width=80):
    return CliRunner().invoke(app, ["inspect", *arguments], env={"COLUMNS": str(width)})


@pytest.fixture
def task(monkeypatch):
    monkeypatch.setattr("elmobench.cli.task_sentences.task_sentences", lambda *_: TASK)


def test_json_has_the_numbers_of_the_provider():
    result = _run("bank", RIVER, ACCOUNT, *BASELINES, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [row["name"] for row in found["features"]] == ["random", "elmo-random"]
    assert [o["position"] for o in found["occurrences"]] == [5, 3]
    encoded = load_provider("elmo-random").encode([RIVER.split(), ACCOUNT.split()])
    for layer in found["features"][1]["layers"]:
        a, b = encoded[0][layer["layer"], 5], encoded[1][layer["layer"], 3]
        exact = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        assert layer["cosines"][0][1] == pytest.approx(exact, abs=1e-5)
        assert layer["norms"] == pytest.approx([np.linalg.norm(a), np.linalg.norm(b)], rel=1e-5)


def test_the_table_fits_80_columns_and_says_why_static_vectors_are_alike():
    result = _run("bank", RIVER, ACCOUNT, "the bank bank", *BASELINES)
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert re.search(r"random +0 random +1\.00", result.stdout)
    assert "looks at the spelling alone" in result.stdout
    assert "  4  the bank [bank]" in result.stdout
    assert "cosine mean" in result.stdout


def test_one_layer_of_many_occurrences_shows_every_pair():
    result = _run("bank", *["a bank"] * 4, "--features", "elmo-random", "--layer", "2")
    assert "every pair" in result.stdout
    assert result.stdout.count("1.00  1.00  1.00  1.00") == 4


def test_other_spellings_are_found_and_noted():
    result = _run("bank", RIVER, "The Bank", *BASELINES)
    assert "'bank' is spelt differently in some sentences: 'Bank'" in result.stdout
    assert not re.search(r"random +0 random +1\.00", result.stdout)


def test_unknown_words_have_no_cosine(tmp_path):
    (tmp_path / "v.txt").write_text("bank 1 2\nthe 2 1\n")
    spec = f"static:{tmp_path / 'v.txt'}"
    result = _run("zyx", "a zyx", "the zyx", "--features", spec, width=200)
    assert re.search(r"static +- +0\.00 +0\.00", result.stdout)
    assert "a word that the model does not know has a vector of zeros" in result.stdout
    found = json.loads(_run("zyx", "a zyx", "zyx", "--features", spec, "--json").stdout)
    assert found["features"][0]["layers"][0]["cosines"] == [[None, None], [None, None]]


def test_nearest_in_a_task(task):
    result = _run("bank", RIVER, "--in", "t", "--nearest", "2", *BASELINES)
    assert result.exit_code == 0, result.output
    assert "the [bank] is shut" in result.stdout
    assert "1.00  bank ×1" in result.stdout
    arguments = ["--features", "elmo-random", "--json", "--same-word", "--layer", "1"]
    found = json.loads(_run("bank", RIVER, "--in", "t", *arguments).stdout)
    (near,) = found["features"][0]["layers"][0]["nearest"]
    assert sorted(row["token"] for row in near) == ["Bank", "bank"]
    assert near[0]["cosine"] >= near[1]["cosine"]


def test_mistakes():
    assert isinstance(_run("bank", "the banks").exception, DataError)
    assert isinstance(_run("bank", RIVER, "--features", "a+b").exception, ConfigError)
    layer = _run("bank", RIVER, "--layer", "9", "--features", "elmo-random")
    assert "no layer 9" in str(layer.exception)
    assert _run("river bank", RIVER).exit_code == 2
    assert _run("bank", RIVER, "--same-word").exit_code == 2
    assert _run("bank").exit_code == 2


def test_context_is_cut_to_the_room_there_is():
    sentence = tuple(f"word{i}" for i in range(40))
    for position in (0, 20, 39):
        for room in (20, 60, 78):
            text = in_context(sentence, position, room)
            assert text.cell_len <= room
            assert f"[word{position}]" in text.plain
    assert in_context(("日本",) * 30, 15, 40).cell_len <= 40
    assert in_context(("a", "b", "c"), 1, 80).plain == "a [b] c"


def test_the_default_is_what_ships():
    assert default_features(["random", "elmo-random", "elmo-small"]) == ["random", "elmo-random"]
    assert default_features(["random", "bert-mini", "glove-mini"]) == ["glove-mini", "bert-mini"]
