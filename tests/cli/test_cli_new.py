"""``elmobench new task``, and how plain tags are printed."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from elmobench.cli.main import app
from elmobench.core.errors import ConfigError


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
