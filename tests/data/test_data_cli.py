from pathlib import Path

import pytest
from typer.testing import CliRunner

from elmobench.cli.data import app
from elmobench.core import paths
from elmobench.core.errors import DataError, DigestError, UnknownNameError

RUNNER = CliRunner(env={"COLUMNS": "160"})

CARD = """
name: tiny
pipeline: sentiment
version: 1
title: Tiny
description: For tests.
language: en
reader: {name: lines, options: {label_field: first}}
splits:
  train: [{url: "https://example.org/t.tsv"}]
  dev: [{url: "https://example.org/t.tsv"}]
  test: [{url: "https://example.org/t.tsv"}]
metric: accuracy
licence: "[bold]mine[/bold]"
redistributable: no
citation: none
"""


@pytest.fixture
def include(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "tiny.yaml").write_text(CARD)
    (tmp_path / "mirror" / "example.org").mkdir(parents=True)
    (tmp_path / "mirror" / "example.org" / "t.tsv").write_text("a\tb\nc\td e\n")
    monkeypatch.setenv(paths.MIRROR_VARIABLE, str(tmp_path / "mirror"))
    return ["--include", str(tmp_path / "cards")]


def row(output: str, task: str) -> list[str]:
    return next(line.split() for line in output.splitlines() if line.startswith(task))


@pytest.mark.slow
def test_list_fetch_verify(include: list[str]):
    listed = RUNNER.invoke(app, ["list", *include], catch_exceptions=False)
    assert row(listed.output, "sentiment/tiny")[1:4] == ["?", "?", "?"]
    assert "absent" in next(x for x in listed.output.splitlines() if "tiny" in x)
    assert "[bold]mine[/bold]" in listed.output
    assert row(listed.output, "ner/control-ner")[1:5] == ["600", "150", "300", "generated"]

    with pytest.raises(DigestError, match="--trust-first"):
        RUNNER.invoke(app, ["fetch", "tiny", *include], catch_exceptions=False)
    fetched = RUNNER.invoke(
        app, ["fetch", "tiny", "--trust-first", *include], catch_exceptions=False
    )
    assert fetched.output == "sentiment/tiny: 1 file, 0.0 MB\n"

    verified = RUNNER.invoke(app, ["verify", *include], catch_exceptions=False)
    assert row(verified.output, "sentiment/tiny") == ["sentiment/tiny", "1", "2", "2", "2"]
    assert "sst5" not in verified.output
    again = RUNNER.invoke(app, ["list", *include], catch_exceptions=False)
    assert "here" in row(again.output, "sentiment/tiny")

    cached = next(p for p in paths.data_cache().rglob("*") if p.is_file() and len(p.name) == 64)
    cached.write_text("a\tb\nc\td f\n")
    with pytest.raises(DigestError, match="damaged"):
        RUNNER.invoke(app, ["verify", "tiny", *include], catch_exceptions=False)


def test_fetch_needs_tasks_or_all():
    assert RUNNER.invoke(app, ["fetch"]).exit_code == 2
    assert RUNNER.invoke(app, ["fetch", "sst5", "--all"]).exit_code == 2
    with pytest.raises(UnknownNameError, match="'sst5'"):
        RUNNER.invoke(app, ["fetch", "sts5"], catch_exceptions=False)
    generated = RUNNER.invoke(app, ["fetch", "control-ner"], catch_exceptions=False)
    assert "nothing to fetch" in generated.output


SPANS = """
name: spans
pipeline: ner
version: 1
title: Spans
description: For tests.
language: en
reader:
  name: conll-columns
  options: {separator: whitespace, OPTIONS}
splits: {train: [{path: t.conll}], dev: [{path: t.conll}], test: [{path: t.conll}]}
metric: span-f1
licence: none
redistributable: no
citation: none
"""
IOB1 = "U.N. I-ORG\nsays O\n\nEkeus I-PER\nBaghdad I-LOC\nRome B-LOC\n"


@pytest.mark.parametrize(
    ("options", "where", "advice"),
    [
        ("scheme: iob1", "line 1: ", "convert: bio"),
        ("scheme: bio", "line 1: ", "'scheme: iob1' and 'convert: bio'"),
        ("scheme: bio, illegal_i: keep", "example train-000001", "convert: bio"),
        ("scheme: none", "example train-000001", "convert: bio"),
    ],
)
def test_span_tags_that_no_head_reads_are_found_when_data_is_verified(
    tmp_path: Path, options: str, where: str, advice: str
):
    card = tmp_path / "spans.yaml"
    (tmp_path / "t.conll").write_text(IOB1)
    card.write_text(SPANS.replace("OPTIONS", options))
    with pytest.raises(DataError) as error:
        RUNNER.invoke(app, ["verify", "spans", "--include", str(tmp_path)], catch_exceptions=False)
    assert where in str(error.value)
    assert advice in str(error.value)
    card.write_text(SPANS.replace("OPTIONS", "scheme: iob1, convert: bio"))
    verified = RUNNER.invoke(
        app, ["verify", "spans", "--include", str(tmp_path)], catch_exceptions=False
    )
    assert row(verified.output, "ner/spans") == ["ner/spans", "1", "2", "2", "2"]


def test_verify_lists_what_the_readers_dropped(tmp_path: Path):
    card = CARD.replace('{url: "https://example.org/t.tsv"}', "{path: t.tsv}")
    (tmp_path / "tiny.yaml").write_text(card)
    (tmp_path / "t.tsv").write_text("a\tb\n\n\nc\td e\n")
    result = RUNNER.invoke(
        app, ["verify", "tiny", "--include", str(tmp_path)], catch_exceptions=False
    )
    assert result.output.splitlines()[-3:] == [
        f"sentiment/tiny, {split}: 2 blank lines" for split in ("dev", "test", "train")
    ]
