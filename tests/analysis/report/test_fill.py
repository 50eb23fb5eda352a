"""Numbers of records in a text: the right ones, or an error that tells the line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from made_up import keep, predictions, record
from typer.testing import CliRunner

import elmobench
from elmobench.analysis.report.template.render import fill
from elmobench.analysis.stats.differences import compare
from elmobench.cli.main import app
from elmobench.core.errors import ConfigError, DataError
from elmobench.pretraining.model_card import card_of
from elmobench.tracking.record import RecordStore

OTHER = "sentiment/other"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two tasks; on each, ``flat`` has 40 wrong of 80 and ``flat+deep`` 8, 10 and 12."""
    store = RecordStore(tmp_path / "some")
    for task in ("sentiment/made-up", OTHER):
        for seed, wrong in zip((1, 2, 3), (8, 10, 12), strict=True):
            for features, count in (("flat", 40), ("flat+deep", wrong)):
                said = predictions(count)
                axes = {"mix": "learned"}
                s = (0.25, 0.75) if task == OTHER else (0.4, 0.6)
                keep(store, record(features, seed, said, axes, task=task, s=s), said)
    return tmp_path


def filled(folder: Path, text: str) -> str:
    template = folder / "text.md.in"
    template.write_text('{% set r = results("some") %}' + text, "utf-8")
    return fill(template, resamples=500).text


def test_scores(folder: Path) -> None:
    # 87.5 is the mean of 90, 87.5 and 85; their sample standard deviation is 2.5.
    assert filled(folder, f'{{{{ r.score("{OTHER}", "flat+deep") }}}}') == "87.50 ± 2.50"
    assert filled(folder, '{{ "%.1f" | format(r.mean("sentiment/other", "flat")) }}') == "50.0"
    assert filled(folder, "{{ r.cells }} {{ r.tasks | length }} {{ r.features | sort }}") == (
        "12 2 ['flat', 'flat+deep']"
    )
    table = filled(folder, '{{ r.scores(["flat+deep", "flat"]) }}').splitlines()
    # What is the same everywhere says nothing: head and mix are left out.
    assert table[0] == "| task | metric | seeds | flat+deep | flat |"
    assert table[2].endswith("| 1–3 | 87.50 ± 2.50 | 50.00 ± 0.00 |")
    assert len(table) == 4


def test_differences(folder: Path) -> None:
    rows = compare(RecordStore(folder / "some"), "flat+deep", "flat", resamples=500)
    row = next(row for row in rows if row.task == OTHER)
    assert filled(folder, f'{{{{ r.difference("{OTHER}", "flat+deep", "flat") }}}}') == (
        f"+37.50 ({row.low:+.2f} … {row.high:+.2f}, p = {row.p_corrected:.3f})"
    )
    assert filled(folder, '{{ r.count("better", "flat+deep", "flat") }}') == "2"
    assert filled(folder, '{{ r.count("worse", "flat+deep", "flat") }}') == "0"
    table = filled(folder, '{{ r.differences("flat+deep", "flat", head="linear") }}')
    assert len(table.splitlines()) == 4
    assert "| +37.50 |" in table
    assert "better" in table
    one = filled(folder, f'{{{{ r.differences("flat+deep", "flat", task=["{OTHER}"]) }}}}')
    assert len(one.splitlines()) == 3
    assert "| 2 supported |" in filled(folder, "{{ r.claims() }}")


def test_weights_and_drawings(folder: Path) -> None:
    said = filled(folder, f'{{{{ r.weight("{OTHER}", "flat+deep", "deep", 1) }}}}')
    assert said == "0.75 ± 0.00"
    template = folder / "drawn.md.in"
    template.write_text(
        '{% set r = results("some") %}{{ r.draw_scores("a.svg", ["flat", "flat+deep"]) }}'
        ' {{ r.draw_weights("b.svg", "deep") }}'
    )
    found = fill(template, 500)
    assert "](a.svg)" in found.text
    assert "](b.svg)" in found.text
    label = re.search('aria-label="([^"]*)"', found.drawings["a.svg"])
    assert label
    assert f"{OTHER}: flat 50.00, flat+deep 87.50" in label[1]
    assert f"{OTHER}: 0.25, 0.75" in found.drawings["b.svg"]
    # A file of its own has its colours inside.
    assert "--series-1: #" in found.drawings["a.svg"]
    assert "xmlns=" in found.drawings["a.svg"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ('r.score("sentiment/othr", "flat")', "did you mean 'sentiment/other'"),
        ('r.score("sentiment/other", "flat", head="smal")', "no cell with head 'smal'"),
        ('r.weight("sentiment/other", "flat+deep", "deep", 2)', "no one weight of layer 2"),
        ('r.draw_weights("x.svg", "nothing")', "learned layer weights of 'nothing'"),
        ("r.scoer", "has no attribute 'scoer'"),
        ("r.score()", "missing"),
        ("r.cells +", "unexpected"),
        ("r._store", "unsafe"),
    ],
)
def test_errors_tell_the_line(folder: Path, asked: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)) as error:
        filled(folder, "\n\n{{ " + asked + " }}\n")
    assert "text.md.in:3: cannot be filled in" in str(error.value)


def test_several_kinds_are_not_mixed(folder: Path) -> None:
    said = predictions(4)
    store = RecordStore(folder / "some")
    keep(store, record("flat", 1, said, {"mix": "uniform"}, task=OTHER), said)
    with pytest.raises(ConfigError, match=r"several kinds.*mix learned, mix uniform"):
        filled(folder, f'{{{{ r.score("{OTHER}", "flat") }}}}')
    assert filled(folder, f'{{{{ r.score("{OTHER}", "flat", mix="uniform") }}}}') == "95.00"


def test_model_cards(folder: Path) -> None:
    shipped = Path(elmobench.__file__).parent / "models" / "elmo-mini" / "model_card.yaml"
    (folder / "card.yaml").write_bytes(shipped.read_bytes())
    told = filled(folder, '{% set m = model_card("card.yaml") %}{{ m.name }} {{ m.tokens_seen }}')
    assert told == f"elmo-mini {card_of(shipped.parent).tokens_seen}"  # type: ignore[union-attr]
    with pytest.raises(ConfigError, match="cannot be read") as error:
        filled(folder, '{{ model_card("nowhere.yaml").name }}')
    assert "text.md.in:1" in str(error.value)


def test_one_finding(folder: Path) -> None:
    told = filled(folder, '{{ r.claim("adding-helps") }}')
    assert told == "2 supported"
    with pytest.raises(ConfigError, match="did you mean 'adding-helps'"):
        filled(folder, '{{ r.claim("adding-help") }}')


def test_epochs(tmp_path: Path) -> None:
    store = RecordStore(tmp_path / "some")
    for seed, mine in enumerate([(75.0, 80.0), (60.0, 70.0), (1.0, 2.0)]):
        said = predictions(4)
        for task, deep in (("ner/some", mine), ("ner/never", (1.0, 2.0))):
            # The baseline is best in its third epoch.
            keep(store, record("flat", seed, said, task=task, dev=(50.0, 60.0, 70.0)), said)
            keep(store, record("flat+deep", seed, said, task=task, dev=deep), said)
    lines = filled(tmp_path, '{{ r.epochs("flat+deep", "flat") }}').splitlines()
    assert lines[0] == "| task | seeds | flat at its best | flat+deep as good |"
    # In the first and the second epoch; the third seed never is.
    assert sorted(lines[2:]) == [
        "| ner/never | 3 | 3.0 ± 0.0 | never |",
        "| ner/some | 3 | 3.0 ± 0.0 | 1.5 ± 0.7 (2 of 3 seeds) |",
    ]
    with pytest.raises(ConfigError, match="with the same seed"):
        filled(tmp_path, '{{ r.epochs("flat+deep", "deep") }}')


def test_no_records(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no run records"):
        filled(tmp_path, "{{ r.cells }}")


def test_command(folder: Path) -> None:
    template = folder / "TEXT.md.in"
    template.write_text('{{ results("some").draw_scores("scores.svg", ["flat"]) }}\n')
    ran = CliRunner().invoke(app, ["fill", str(template)])
    assert ran.exit_code == 0, ran.output
    assert (folder / "TEXT.md").read_text().startswith("![Test scores of flat on ")
    assert (folder / "scores.svg").read_text().startswith("<svg ")
    ran = CliRunner().invoke(app, ["fill", str(folder / "TEXT.md")])
    assert isinstance(ran.exception, ConfigError)
