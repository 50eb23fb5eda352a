"""``elmobench new task``, and how plain tags are printed."""

from __future__ import annotations

import re
from pathlib import Path

from typer.testing import CliRunner

from elmobench.cli.main import app
from elmobench.core.errors import ConfigError, UnknownNameError
from elmobench.data.cards.published_data import PUBLISHED_DATASETS


def new(*arguments: str):
    return CliRunner().invoke(app, ["new", "task", *arguments])


def test_it_writes_a_card_and_never_overwrites(tmp_path: Path) -> None:
    out = tmp_path / "cards" / "mine"
    result = new("notes", "--pipeline", "ner", "--out", str(out))
    assert result.exit_code == 0
    assert f"elmobench data verify ner/notes --include {out}" in result.output
    path = out / "notes.yaml"
    assert path.read_text().startswith("# A task card for the pipeline ner")
    path.write_text("mine\n")
    result = new("notes", "--pipeline", "ner", "--out", str(out))
    assert isinstance(result.exception, ConfigError)
    assert "the file exists and is kept" in str(result.exception)
    assert path.read_text() == "mine\n"


def test_another_reader(tmp_path: Path) -> None:
    assert (
        new("x", "--pipeline", "nli", "--reader", "pair-jsonl", "--out", str(tmp_path)).exit_code
        == 0
    )
    assert "name: pair-jsonl" in (tmp_path / "x.yaml").read_text()


def test_the_pipeline_must_be_stated(tmp_path: Path) -> None:
    assert new("x", "--out", str(tmp_path)).exit_code == 2
    result = new("x", "--pipeline", "nre", "--out", str(tmp_path))
    assert isinstance(result.exception, ConfigError)
    assert not list(tmp_path.iterdir())


def test_the_published_data_set_can_be_named(tmp_path: Path) -> None:
    arguments = ("conll2003", "--pipeline", "ner", "--out", str(tmp_path))
    assert new(*arguments, "--same-as", "conll2003-ner").exit_code == 0
    assert "\nsame_as: conll2003-ner\n" in (tmp_path / "conll2003.yaml").read_text()
    result = new("x", *arguments[1:], "--same-as", "conll2003")
    assert isinstance(result.exception, UnknownNameError)
    assert "did you mean 'conll2003-ner'" in str(result.exception)
    assert not (tmp_path / "x.yaml").exists()


def test_help_lists_the_published_data_sets() -> None:
    shown = re.sub(r"[│\s]+", "", CliRunner().invoke(app, ["new", "task", "--help"]).output)
    assert f"Oneof:{','.join(PUBLISHED_DATASETS)}." in shown
