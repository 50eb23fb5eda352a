import json

import pytest
import yaml
from typer.testing import CliRunner

from elmobench.cli.main import app
from elmobench.core.errors import ConfigError, UnknownNameError
from elmobench.features.catalog.catalog import ModelCatalog


def run(*arguments, width=80):
    runner = CliRunner(env={"COLUMNS": str(width)})
    return runner.invoke(app, list(arguments), catch_exceptions=False).output


def test_the_list_fits_80_columns_and_names_every_model():
    lines = run("models", "list").splitlines()
    assert max(map(len, lines)) <= 80
    rows = {line.split()[0]: line for line in lines[1:]}
    assert list(rows) == ModelCatalog().names()  # one line each: nothing is folded
    assert "93.6 M" in rows["elmo-original"]
    assert "374.4 MB" in rows["elmo-original"]
    assert "needs --trust-first not stated" in rows["elmo-original"]
    assert "862.2 MB to fetch" in rows["glove-6b-300d"]
    assert "no network needed" in rows["random"]


def test_json_agrees_with_the_entries():
    catalog = ModelCatalog()
    rows = json.loads(run("models", "list", "--json"))["models"]
    assert [row["name"] for row in rows] == catalog.names()
    for row in rows:
        entry = catalog.entry(row["name"])
        for key in ("provider", "description", "licence", "citation", "trained_on", "homepage"):
            assert row[key] == getattr(entry, key)
        assert row["parameters"] == entry.expect.parameters
        assert [file.get("url") for file in row["files"].values() if "hub" not in file] == [
            file.url for file in entry.files.values()
        ]


def test_list_features_and_show_agree():
    listed = run("list", "features", width=200)
    for row in json.loads(run("models", "list", "--json"))["models"]:
        line = next(x for x in listed.splitlines() if x.startswith(f"{row['name']} "))
        assert row["description"] in line
    ours = run("models", "show", "elmo-original", width=300).split("\n", 1)
    theirs = run("show", "elmo-original", width=300).split("\n", 1)
    assert ours[0] == "model elmo-original"
    assert yaml.safe_load(ours[1]) == yaml.safe_load(theirs[1])


def test_show_tells_everything():
    shown = yaml.safe_load(run("models", "show", "glove-6b-50d").split("\n", 1)[1])
    assert shown["files"]["vectors"]["digest"] == "published"
    assert shown["files"]["vectors"]["here"] is None
    assert shown["use"] == [
        "elmobench models fetch glove-6b-50d",
        "glove-6b-50d",
        "glove-6b-50d(trainable)",
    ]
    assert "D14-1162" in shown["citation"]
    original = run("models", "show", "elmo-original")
    assert "unknown: needs --trust-first" in original
    assert "elmo-original@layer=1" in original
    assert "lstm_2, 128 values" in run("models", "show", "elmo-random", "--check")


def test_slips():
    with pytest.raises(UnknownNameError, match="did you mean 'elmo-small'"):
        run("models", "show", "elmo-smal")
    with pytest.raises(ConfigError, match="family of models"):
        run("models", "fetch", "glove")


def test_models_of_ones_own(tmp_path, monkeypatch):
    (tmp_path / "models.yaml").write_text(
        "models:\n"
        "  mine:\n    provider: static\n    licence: '[red]ours[/red]'\n"
        "    files: {vectors: {path: v.txt}}\n"
    )
    monkeypatch.setenv("ELMOBENCH_MODELS", str(tmp_path))
    row = next(x for x in run("models", "list").splitlines() if x.startswith("mine"))
    assert "file missing" in row
    (tmp_path / "v.txt").write_text("a 1 2\n")
    row = next(x for x in run("models", "list").splitlines() if x.startswith("mine"))
    assert "local" in row
    assert "[red]ours" in row
    shown = yaml.safe_load(run("models", "show", "mine", "--check").split("\n", 1)[1])
    assert shown["files"]["vectors"] == {
        "path": "v.txt",
        "bytes": 6,
        "here": str(tmp_path / "v.txt"),
    }
    assert shown["loaded"]["parameters"] == 2
    assert "nothing to fetch (local)" in run("models", "fetch", "mine")
