"""Templates: numbers equal those of the records; errors name the line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from made_up import keep, predictions, record
from typer.testing import CliRunner

import elmobench
from elmobench.analysis.report.template.render import number_word, render
from elmobench.analysis.stats.correction import p_text
from elmobench.analysis.stats.difference_row import interval_text
from elmobench.analysis.stats.differences import compare
from elmobench.cli.main import app
from elmobench.core.errors import ConfigError, DataError
from elmobench.pretraining.model_card import card_of
from elmobench.tracking.record_store import RecordStore

OTHER = "sentiment/other"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two tasks; on each, ``flat`` has 40 wrong of 80 and ``flat+deep`` 8, 10 and 12."""
    store = RecordStore(tmp_path / "some")
    for task in ("sentiment/made-up", OTHER):
        for seed, wrong in zip((1, 2, 3), (8, 10, 12), strict=True):
            for features, count in (("flat", 40), ("flat+deep", wrong)):
                predicted = predictions(count)
                axes = {"mix": "learned"}
                s = (0.25, 0.75) if task == OTHER else (0.4, 0.6)
                keep(store, record(features, seed, predicted, axes, task=task, s=s), predicted)
    return tmp_path


def rendered(folder: Path, text: str) -> str:
    template = folder / "text.md.in"
    template.write_text('{% set r = results("some") %}' + text, "utf-8")
    return render(template).text


def test_scores(folder: Path) -> None:
    # 87.5 is the mean of 90, 87.5 and 85; their sample standard deviation is 2.5.
    assert rendered(folder, f'{{{{ r.score("{OTHER}", "flat+deep") }}}}') == "87.50 ± 2.50"
    assert rendered(folder, '{{ "%.1f" | format(r.mean("sentiment/other", "flat")) }}') == "50.0"
    assert rendered(folder, "{{ r.cells }} {{ r.tasks | length }} {{ r.features | sort }}") == (
        "12 2 ['flat', 'flat+deep']"
    )
    table = rendered(folder, '{{ r.scores(["flat+deep", "flat"]) }}').splitlines()
    # Columns with one value are left out: head and mix.
    assert table[0] == "| task | metric | seeds | flat+deep | flat |"
    assert table[2].endswith("| 1–3 | 87.50 ± 2.50 | 50.00 ± 0.00 |")
    assert len(table) == 4


def test_differences(folder: Path) -> None:
    rows = compare(RecordStore(folder / "some"), "flat+deep", "flat")
    row = next(row for row in rows if row.task == OTHER)
    p = p_text(row.p_corrected)
    assert rendered(folder, f'{{{{ r.difference("{OTHER}", "flat+deep", "flat") }}}}') == (
        f"+37.50 ({interval_text(row)}, p {p if '<' in p else '= ' + p})"
    )
    assert rendered(folder, '{{ r.count("better", "flat+deep", "flat") }}') == "2"
    assert rendered(folder, '{{ r.count("worse", "flat+deep", "flat") }}') == "0"
    table = rendered(folder, '{{ r.differences("flat+deep", "flat", head="linear") }}')
    assert len(table.splitlines()) == 4
    assert "| +37.50 |" in table
    assert "better" in table
    one = rendered(folder, f'{{{{ r.differences("flat+deep", "flat", task=["{OTHER}"]) }}}}')
    assert len(one.splitlines()) == 3
    assert "| 2 supported |" in rendered(folder, "{{ r.claims() }}")


def test_weights_and_drawings(folder: Path) -> None:
    weight = rendered(folder, f'{{{{ r.weight("{OTHER}", "flat+deep", "deep", 1) }}}}')
    assert weight == "0.75 ± 0.00"
    template = folder / "drawn.md.in"
    template.write_text(
        '{% set r = results("some") %}{{ r.draw_scores("a.svg", ["flat", "flat+deep"]) }}'
        ' {{ r.draw_weights("b.svg", "deep") }}'
    )
    drawn = render(template)
    assert "](a.svg)" in drawn.text
    assert "](b.svg)" in drawn.text
    label = re.search('aria-label="([^"]*)"', drawn.drawings["a.svg"])
    assert label
    assert f"{OTHER}: flat 50.00, flat+deep 87.50" in label[1]
    assert f"{OTHER}: 0.25, 0.75" in drawn.drawings["b.svg"]
    # A file of its own has its colours inside.
    assert "--series-1: #" in drawn.drawings["a.svg"]
    assert "xmlns=" in drawn.drawings["a.svg"]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ('r.score("sentiment/othr", "flat")', "did you mean 'sentiment/other'"),
        ('r.score("sentiment/other", "flat", head="smal")', "no cell with head 'smal'"),
        ('r.weight("sentiment/other", "flat+deep", "deep", 2)', "no single weight of layer 2"),
        ('r.draw_weights("x.svg", "nothing")', "learned layer weights of 'nothing'"),
        ("r.scoer", "has no attribute 'scoer'"),
        ("r.score()", "missing"),
        ("r.cells +", "unexpected"),
        ("r._store", "unsafe"),
        ("'x' * 10**10", "more than 1,000,000 values"),
        ("10**8 * [0]", "more than 1,000,000 values"),
        ("9**9**9", "too large"),
        ("'%99999d' % 1", "too wide"),
        ("range(10**9) | length", "too big"),
        ("1 / 0", "division by zero"),
        ("[1][5].real", "has no element 5"),
        ("'x' | int + r", "unsupported operand"),
        ("results('a' * 9999).cells", "File name too long"),
        ("number_word('x')", "not supported"),
    ],
)
def test_errors_name_the_line(folder: Path, expression: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)) as error:
        rendered(folder, "\n\n{{ " + expression + " }}\n")
    assert "text.md.in:3: cannot be rendered" in str(error.value)


def test_cells_of_several_kinds_are_not_averaged(folder: Path) -> None:
    predicted = predictions(4)
    store = RecordStore(folder / "some")
    keep(store, record("flat", 1, predicted, {"mix": "uniform"}, task=OTHER), predicted)
    with pytest.raises(ConfigError, match=r"several kinds.*mix learned, mix uniform"):
        rendered(folder, f'{{{{ r.score("{OTHER}", "flat") }}}}')
    assert rendered(folder, f'{{{{ r.score("{OTHER}", "flat", mix="uniform") }}}}') == "95.00"


def test_a_table(folder: Path) -> None:
    (folder / "numbers.csv").write_text("name,value\na,1\nb,2\n")
    text = '{% for row in table("numbers.csv") %}{{ row.name }}{{ row.value }} {% endfor %}'
    assert rendered(folder, text).strip() == "a1 b2"
    with pytest.raises(DataError, match=r"nowhere\.csv: cannot be read"):
        rendered(folder, '{{ table("nowhere.csv") }}')


def test_model_cards(folder: Path) -> None:
    shipped = Path(elmobench.__file__).parent / "models" / "elmo-mini" / "model_card.yaml"
    (folder / "card.yaml").write_bytes(shipped.read_bytes())
    text = rendered(folder, '{% set m = model_card("card.yaml") %}{{ m.name }} {{ m.tokens_seen }}')
    assert text == f"elmo-mini {card_of(shipped.parent).tokens_seen}"  # type: ignore[union-attr]
    with pytest.raises(ConfigError, match="cannot be read") as error:
        rendered(folder, '{{ model_card("nowhere.yaml").name }}')
    assert "text.md.in:1" in str(error.value)
    # Several cards in one file, by name.
    lines = shipped.read_text("utf-8").splitlines()
    (folder / "cards.yaml").write_text("mine:\n" + "\n".join(f"  {line}" for line in lines))
    assert rendered(folder, '{{ model_card("cards.yaml", "mine").name }}') == "elmo-mini"
    with pytest.raises(ConfigError, match="no model card called 'mind'"):
        rendered(folder, '{{ model_card("cards.yaml", "mind").name }}')


def test_one_finding(folder: Path) -> None:
    text = rendered(
        folder,
        '{% set c = r.claim("adding-helps") %}{{ c.outcome }}: {{ c.counts }}; '
        '{{ c.counts.supported }} of {{ c.counts.total }}; {{ c.places("supported") | length }}',
    )
    assert text == "supported: 2 supported; 2 of 2; 2"
    with pytest.raises(ConfigError, match="did you mean 'adding-helps'"):
        rendered(folder, '{{ r.claim("adding-help").counts }}')


def test_epochs(tmp_path: Path) -> None:
    store = RecordStore(tmp_path / "some")
    for seed, reached in enumerate([(75.0, 80.0), (60.0, 70.0), (1.0, 2.0)]):
        predicted = predictions(4)
        for task, deep in (("ner/some", reached), ("ner/never", (1.0, 2.0))):
            # The baseline is best in its third epoch.
            keep(
                store, record("flat", seed, predicted, task=task, dev=(50.0, 60.0, 70.0)), predicted
            )
            keep(store, record("flat+deep", seed, predicted, task=task, dev=deep), predicted)
    lines = rendered(tmp_path, '{{ r.epochs("flat+deep", "flat") }}').splitlines()
    assert lines[0] == "| task | seeds | best epoch of flat | flat+deep reaches it |"
    # Two seeds reach it, in the first and the second epoch; the third never does.
    assert sorted(lines[2:]) == [
        "| ner/never | 3 | 3.0 ± 0.0 | never |",
        "| ner/some | 3 | 3.0 ± 0.0 | 1.5 ± 0.7 (2 of 3 seeds) |",
    ]
    with pytest.raises(ConfigError, match="no run with features 'deep' here"):
        rendered(tmp_path, '{{ r.epochs("flat+deep", "deep") }}')


def test_no_records(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no run records"):
        rendered(tmp_path, "{{ r.cells }}")


@pytest.mark.parametrize("name", ["render", "fill"])
def test_command(folder: Path, name: str) -> None:
    template = folder / "TEXT.md.in"
    template.write_text('{{ results("some").draw_scores("scores.svg", ["flat"]) }}\n')
    ran = CliRunner().invoke(app, [name, str(template)])
    assert ran.exit_code == 0, ran.output
    assert (folder / "TEXT.md").read_text().startswith("![Test scores of flat on ")
    assert (folder / "scores.svg").read_text().startswith("<svg ")
    ran = CliRunner().invoke(app, ["render", str(folder / "TEXT.md")])
    assert isinstance(ran.exception, ConfigError)


def test_number_words() -> None:
    assert [number_word(n) for n in (0, 5, 12, 13)] == ["zero", "five", "twelve", "13"]


def test_facts_about_the_cells(folder: Path) -> None:
    text = rendered(
        folder,
        '{{ r.seeds() }} {{ r.parameters("flat") }} {{ r.shared_cells(r) }} '
        '{{ r.training_share(task="sentiment/other") }}',
    )
    assert text == "3 7 12 100 %"
    store = RecordStore(folder / "other")
    predicted = predictions(4)
    for share in (0.25, 0.5):
        one = record("flat", 1, predicted, {"train_fraction": share}, task=OTHER)
        keep(store, one, predicted)
    text = '{% set o = results("other") %}'
    assert rendered(folder, text + '{{ o.training_share(train_fraction="0.25") }}') == "25 %"
    assert rendered(folder, text + "{{ o.shared_cells(r) }}") == "0"
    with pytest.raises(ConfigError, match="several shares of the training data"):
        rendered(folder, text + "{{ o.training_share() }}")


@pytest.mark.parametrize("expression", ["(" * 5000, "9" * 5000], ids=["depth", "digits"])
def test_what_cannot_be_parsed_is_an_error_with_the_file(expression: str, folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"text\.md\.in: cannot be rendered"):
        rendered(folder, "{{ " + expression + " }}")


@pytest.mark.parametrize("content", [b"a,b\n1,\xff\n", b"\xff\xfea\x00", b'a,b\n"1,2\n'])
def test_a_damaged_table_is_an_error_with_its_name(content: bytes, folder: Path) -> None:
    (folder / "numbers.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"numbers\.csv"):
        rendered(folder, '{{ table("numbers.csv") }}')


def test_a_byte_order_mark_is_no_part_of_a_table_or_template(folder: Path) -> None:
    (folder / "numbers.csv").write_bytes(b"\xef\xbb\xbfname\nx\n")
    template = folder / "text.md.in"
    template.write_text('\ufeff{{ table("numbers.csv")[0].name }}', "utf-8")
    assert render(template).text == "x"
    template.write_bytes(b"caf\xe9")
    with pytest.raises(ConfigError, match=r"text\.md\.in:1: is not UTF-8"):
        render(template)


def test_judged_probes_and_what_mixes_read(tmp_path: Path) -> None:
    store = RecordStore(tmp_path / "some")
    for seed, wrong in ((1, 8), (2, 10), (3, 12)):
        for labels, count in (("given", wrong), ("control", 60)):
            run = record("deep", seed, predictions(count), {"labels": labels})
            identity = {**run.identity, **({"control": 1} if labels == "control" else {})}
            run = run.model_copy(update={"identity": identity})
            if run.run is not None:
                run.run.layer_norms["deep"] = [1.0, 2.0]
            keep(store, run, predictions(count))
        less = record("deep@mix=without=1", seed, predictions(wrong + 4), {"labels": "given"})
        keep(store, less, predictions(wrong + 4))
    # 87.5 on the given labels and 25 on control labels; four more errors of 80 without layer 1.
    probe = 'r.probe("sentiment/made-up", "deep")'
    assert rendered(tmp_path, f"{{{{ {probe}.selectivity }}}}") == "62.5"
    table = rendered(tmp_path, '{{ r.probes(features="deep") }}').splitlines()
    assert table[0].startswith("| task | head | features | score | control | selectivity |")
    assert "| 87.50 ± 2.50 | 25.00 | 62.50 (56.29 … 68.71) |" in table[2]
    layers = rendered(tmp_path, "{{ r.mixes() }}").splitlines()
    assert len(layers) == 4
    assert "5.00" in layers[3]
    for query, message in (
        ('r.probes(head="other")', "no cell with head 'other'"),
        ('r.probe("sentiment/made-up", "deep@mix=without=1")', "0 judged probes"),
    ):
        with pytest.raises(ConfigError, match=message):
            rendered(tmp_path, f"{{{{ {query} }}}}")
