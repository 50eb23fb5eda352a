"""``elmobench new task``, and how plain tags are printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from elmobench.cli.main import app
from elmobench.core.errors import ConfigError, DataError, UnknownNameError
from elmobench.core.yaml_files import parse_yaml
from elmobench.data.cards.published_data import PUBLISHED_DATASETS
from elmobench.data.readers import read_bytes
from elmobench.data.readers.base import SourceText
from elmobench.data.readers.column_detection import span_column_options


def new(*arguments: str):
    return CliRunner().invoke(app, ["new", "task", *arguments])


def test_it_writes_a_card_and_never_overwrites(tmp_path: Path) -> None:
    out = tmp_path / "cards" / "mine"
    result = new("notes", "--pipeline", "ner", "--out", str(out))
    assert result.exit_code == 0
    assert f"elmobench data verify ner/notes --include {out}" in result.output
    path = out / "notes.yaml"
    assert path.read_text().splitlines()[1].startswith("# A task card for the pipeline ner")
    path.write_text("mine\n")
    result = new("notes", "--pipeline", "ner", "--out", str(out))
    assert isinstance(result.exception, ConfigError)
    assert "the file exists and is kept" in str(result.exception)
    assert path.read_text() == "mine\n"


def test_the_commands_in_the_experiment_of_a_card_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [f"{text}\t{label}" for text in ("good", "bad", "so so") for label in "ab"]
    Path("reviews.tsv").write_text("\n".join(["text\tlabel", *lines]))
    assert new("--from", "reviews.tsv").exit_code == 0
    experiment = Path("cards/reviews-run.yaml").read_text()
    commands = re.findall("`elmobench ([^`]+)`", experiment)
    assert commands
    for command in commands:
        assert CliRunner().invoke(app, command.split()).exit_code == 0, command


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


WORDS = """\
-DOCSTART- -X- -X- O

U.N. NNP I-NP {0}
in IN I-PP O
Rome NNP I-NP {1}
Oslo NNP I-NP {2}
"""


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        (("I-ORG", "I-LOC", "B-LOC"), "iob1"),
        (("B-ORG", "B-LOC", "B-LOC"), "bio"),
        (("S-ORG", "S-LOC", "S-LOC"), "bioes"),
        (("U-ORG", "U-LOC", "U-LOC"), "bioul"),
    ],
)
def test_the_training_file_fills_in_the_scheme(
    tags: tuple[str, str, str], scheme: str, tmp_path: Path
) -> None:
    """The card, once filled in, reads the file as BIO."""
    file = tmp_path / "data" / "eng.train"
    file.parent.mkdir()
    file.write_text(WORDS.format(*tags))
    arguments = ("mine", "--pipeline", "ner", "--train", str(file))
    assert new(*arguments, "--out", str(tmp_path / "cards")).exit_code == 0
    raw = parse_yaml((tmp_path / "cards" / "mine.yaml").read_text(), "card")
    assert raw["splits"]["train"] == [{"path": "../data/eng.train"}]
    assert raw["reader"]["options"].get("convert") == (None if scheme == "bio" else "bio")
    assert raw["reader"]["options"]["scheme"] == scheme
    result = read_bytes("conll-columns", file.read_bytes(), "f", raw["reader"]["options"])
    assert result.examples[0].tags == ("B-ORG", "O", "B-LOC", "B-LOC")


def test_a_training_file_without_span_tags(tmp_path: Path) -> None:
    file = tmp_path / "tagged"
    file.write_text("a\tDT\n\nb\tNN\n")
    result = new("x", "--pipeline", "ner", "--train", str(file), "--out", str(tmp_path))
    assert isinstance(result.exception, DataError)
    assert "none of the schemes" in str(result.exception)
    assert not (tmp_path / "x.yaml").exists()
    # Other pipelines take the path alone.
    assert (
        new("x", "--pipeline", "pos", "--train", str(file), "--out", str(tmp_path)).exit_code == 0
    )
    raw = parse_yaml((tmp_path / "x.yaml").read_text(), "card")
    assert raw["splits"]["train"] == [{"path": "tagged"}]
    assert raw["reader"]["options"]["scheme"] == "none"


def test_the_separator_is_a_tab_if_every_row_has_one() -> None:
    tabs = SourceText(b"New York\tB-LOC\n\na\tO\n", "f")
    assert span_column_options(tabs)["separator"] == "tab"
    mixed = SourceText(b"York\tB-LOC\n\na O\n", "f")
    assert span_column_options(mixed)["separator"] == "whitespace"
    with pytest.raises(DataError, match="the file is empty"):
        span_column_options(SourceText(b"", "f"))


def test_the_options_of_a_published_data_set_are_filled_in(tmp_path: Path) -> None:
    arguments = ("--pipeline", "ner", "--out", str(tmp_path), "--same-as", "conll2003-ner")
    assert new("one", *arguments).exit_code == 0
    options = parse_yaml((tmp_path / "one.yaml").read_text(), "card")["reader"]["options"]
    assert (options["tag"], options["scheme"], options["convert"]) == (3, "iob1", "bio")
    text = WORDS.format("I-ORG", "I-LOC", "B-LOC").encode()
    (example,) = read_bytes("conll-columns", text, "f", options).examples
    assert example.tags == ("B-ORG", "O", "B-LOC", "B-LOC")
    # A file with other tags has the last word.
    (tmp_path / "train").write_text(WORDS.format("S-ORG", "S-LOC", "S-LOC"))
    assert new("two", *arguments, "--train", str(tmp_path / "train")).exit_code == 0
    options = parse_yaml((tmp_path / "two.yaml").read_text(), "card")["reader"]["options"]
    assert (options["tag"], options["scheme"]) == (-1, "bioes")


@pytest.mark.parametrize("name", ["2024", "1e5", "null", "true", "0x1f"])
def test_a_name_that_looks_like_a_number_is_text(name: str, tmp_path: Path) -> None:
    assert new(name, "--pipeline", "ner", "--out", str(tmp_path)).exit_code == 0
    assert parse_yaml((tmp_path / f"{name}.yaml").read_text(), "card")["name"] == name


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"one\ncolumn\n",
        b"\x7fELF\x00\x01\xff",
        b"\xff\xfea\x00",
        b"PK\x03\x04",
        b"a\tB-X\nb\n",
        b"[" * 100_000,
        b"a " * 50_000,
    ],
)
def test_odd_training_files_are_one_error_and_leave_nothing(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "train").write_bytes(content)
    arguments = ("--pipeline", "ner", "--train", str(tmp_path / "train"))
    result = new("x", *arguments, "--out", str(tmp_path / "cards"))
    assert isinstance(result.exception, DataError)
    assert len(str(result.exception)) < 1000
    assert not (tmp_path / "cards").exists()


def test_a_file_where_the_folder_should_be_and_names_that_are_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "cards").write_text("")
    result = new("x", "--pipeline", "ner", "--out", str(tmp_path / "cards"))
    assert isinstance(result.exception, ConfigError)
    assert "--out" in str(result.exception)
    odd = tmp_path / "tr\udcffain"
    odd.write_text("a\tDT\n")
    result = new("x", "--pipeline", "pos", "--train", str(odd), "--out", str(tmp_path))
    assert isinstance(result.exception, ConfigError)
    assert "is not UTF-8" in str(result.exception)
