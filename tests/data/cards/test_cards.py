import pickle
import re
import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny_cards import card_values
from typer.testing import CliRunner

from elmobench.cli.main import app
from elmobench.core import paths
from elmobench.core.errors import (
    ConfigError,
    ElmobenchWarning,
    UnfinishedError,
    UnknownNameError,
)
from elmobench.data.cards.catalog import CardCatalog, load_card

DIGEST = "0" * 64


def values(**changes: Any) -> dict[str, Any]:
    card = card_values()
    card["splits"]["test"] = [{"url": "https://example.org/t.tsv", "sha256": DIGEST, "bytes": 4}]
    card.update(changes)
    return {key: value for key, value in card.items() if value is not None}


def write(folder: Path, file: str = "tiny.yaml", **changes: Any) -> Path:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(values(**changes)))
    return path


def test_a_card_is_read_with_its_defaults(tmp_path: Path):
    card = load_card(write(tmp_path))
    assert card.id == "sentiment/tiny"
    assert (card.head, card.context_unit) == ("small", "sentence")
    assert card.folder == tmp_path
    assert type(card.splits["train"][0]).__name__ == "PathSource"
    assert type(card.splits["test"][0]).__name__ == "UrlSource"


def test_redistributable_may_be_written_without_quotes(tmp_path: Path):
    path = write(tmp_path)
    path.write_text(path.read_text().replace("redistributable: 'no'", "redistributable: no"))
    assert load_card(path).redistributable == "no"


TRAIN = {"path": "x"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"metrik": "f1"}, ["'metrik'", "did you mean 'metric'?"]),
        ({"metric": None}, ["'metric' is missing"]),
        ({"version": 0}, ["version"]),
        ({"redistributable": "maybe"}, ["redistributable", "maybe"]),
        ({"labels": [0, 1]}, ["labels[0]"]),
        ({"labels": ["a", "a"]}, ["labels"]),
        ({"name": "Tiny Set"}, ["name"]),
        ({"reader": None}, ["'reader' is missing"]),
        ({"reader": {"name": "lines", "optoins": {}}}, ["'reader.optoins'", "'options'"]),
        ({"splits": {"train": [TRAIN]}}, ["dev, test missing"]),
        ({"splits": {"train": [], "dev": [TRAIN], "test": [TRAIN]}}, ["splits.train"]),
        ({"splits": {"all": [TRAIN]}}, ["needs 'split'"]),
        ({"splits": {"all": [TRAIN], "train": [TRAIN]}}, ["'all'"]),
        ({"split": {"by": "hash", "salt": "x"}}, ["split"]),
        (
            {
                "splits": {"all": [TRAIN]},
                "split": {"by": "hash", "salt": "x", "dev": 0.6, "test": 0.4},
            },
            ["nothing for train"],
        ),
        (
            {"splits": {"train": [{"url": "https://x.org/y", "sah256": DIGEST}]}},
            ["'splits.train[0].sah256'", "did you mean 'sha256'?"],
        ),
        ({"splits": {"train": [{"path": "a", "url": "b"}]}}, ["splits.train[0]", "exactly one of"]),
        ({"splits": {"train": [{"member": "a"}]}}, ["splits.train[0]", "exactly one of"]),
        ({"splits": {"train": [{"path": "a", "lines": [5, 2]}]}}, ["splits.train[0].lines"]),
        ({"splits": {"train": [{"path": "a", "sha256": "abc"}]}}, ["splits.train[0].sha256"]),
        ({"counts": {"train": {"exampels": 3}}}, ["'counts.train.exampels'", "'examples'"]),
        (
            {"published": [{"metric": "f1", "score": "high", "model": "m", "source": "s"}]},
            ["score"],
        ),
        ({"ceiling": {"context_free": 101, "why": ""}}, ["ceiling.context_free"]),
    ],
)
def test_a_wrong_card_is_an_error_that_names_file_and_field(
    tmp_path: Path, changes: dict[str, Any], expected: list[str]
):
    with pytest.raises(ConfigError) as error:
        load_card(write(tmp_path, **changes))
    for part in ("tiny.yaml", *expected):
        assert part in str(error.value)


def test_a_card_that_is_no_mapping(tmp_path: Path):
    (tmp_path / "list.yaml").write_text("- a\n- b\n")
    with pytest.raises(ConfigError, match=r"list\.yaml: holds a list"):
        load_card(tmp_path / "list.yaml")


def test_cards_are_found_in_included_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path / "one", "deep/down/tiny.yaml")
    write(tmp_path / "two", name="other")
    monkeypatch.setenv(paths.INCLUDE_VARIABLE, str(tmp_path / "two"))
    found = CardCatalog([tmp_path / "one"]).by_id
    assert {"sentiment/tiny", "sentiment/other", "ner/control-ner"} <= set(found)
    assert list(found) == sorted(found)


def test_a_folder_given_twice_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path)
    monkeypatch.setenv(paths.INCLUDE_VARIABLE, str(tmp_path))
    assert "sentiment/tiny" in CardCatalog([tmp_path]).by_id


def test_two_cards_of_one_id_name_both_files(tmp_path: Path):
    write(tmp_path, "a.yaml")
    write(tmp_path, "b.yaml")
    with pytest.raises(ConfigError) as error:
        CardCatalog([tmp_path]).names()
    assert "a.yaml" in str(error.value)
    assert "b.yaml" in str(error.value)


def test_an_included_folder_must_exist(tmp_path: Path):
    with pytest.raises(ConfigError, match="nowhere"):
        CardCatalog([tmp_path / "nowhere"]).names()


def test_cards_of_another_package_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package = tmp_path / "their_cards"
    write(package, "theirs.yaml", name="theirs")
    (package / "__init__.py").write_text("raise RuntimeError('must not run')\n")
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[elmobench.cards]\ntheirs = their_cards\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "sentiment/theirs" in CardCatalog().by_id


def test_a_pickled_catalog_has_absolute_folders_and_reads_its_cards_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    pickled = pickle.dumps(CardCatalog([Path("mine")]))
    monkeypatch.chdir("/")
    catalog = pickle.loads(pickled)  # noqa: S301 - the test wrote it
    assert catalog.get("tiny").file == tmp_path / "mine" / "tiny.yaml"
    write(tmp_path / "mine", "later.yaml", name="later")
    assert "sentiment/later" not in catalog.names()  # cards are read once
    assert "sentiment/later" in pickle.loads(pickle.dumps(catalog)).names()  # noqa: S301


def test_short_names_must_be_unambiguous(tmp_path: Path):
    write(tmp_path, "a.yaml")
    assert CardCatalog([tmp_path]).get("tiny").id == "sentiment/tiny"
    assert CardCatalog([tmp_path]).get("sentiment/tiny").id == "sentiment/tiny"
    write(tmp_path, "b.yaml", pipeline="ner")
    with pytest.raises(UnknownNameError, match="ner/tiny, sentiment/tiny"):
        CardCatalog([tmp_path]).get("tiny")


@pytest.mark.parametrize(
    ("name", "meant"), [("tinny", "'tiny'"), ("sentiment/tin", "'sentiment/tiny'")]
)
def test_an_unknown_name_gets_advice(tmp_path: Path, name: str, meant: str):
    write(tmp_path)
    with pytest.raises(UnknownNameError, match=meant):
        CardCatalog([tmp_path]).get(name)


def test_a_superseded_card_warns(tmp_path: Path):
    write(tmp_path, superseded_by="sentiment/tiny2")
    with warnings.catch_warnings(), pytest.warns(ElmobenchWarning, match="tiny2"):
        CardCatalog([tmp_path]).get("tiny")


@pytest.mark.parametrize("value", [".inf", ".nan", "-.inf"])
@pytest.mark.parametrize(
    "place",
    [
        {"reader": {"name": "lines", "options": {"max": [0.5]}}},
        {"published": [{"metric": "m", "score": 0.5, "model": "x", "source": "y"}]},
        {"ceiling": {"context_free": 0.5, "why": "w"}},
        {
            "splits": {"all": [{"path": "a", "options": {"o": {"p": 0.5}}}]},
            "split": {"by": "hash", "salt": "s"},
        },
    ],
)
def test_numbers_are_finite(tmp_path: Path, place: dict[str, Any], value: str):
    path = write(tmp_path, **place)
    load_card(path)
    path.write_text(path.read_text().replace("0.5", value))
    with pytest.raises(ConfigError, match="finite"):
        load_card(path)


def test_a_slip_in_a_cards_pipeline_is_pointed_out(tmp_path):
    import yaml

    shipped = CardCatalog().by_id["ner/control-ner"]
    card = shipped.model_dump(mode="json", exclude_defaults=True)
    card |= {"name": "mine", "pipeline": "nerr"}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(card))
    with pytest.raises(UnknownNameError, match="is called 'nerr/mine': is its pipeline right"):
        CardCatalog([tmp_path]).get("ner/mine")
    with pytest.raises(UnknownNameError, match="need --include FOLDER"):
        CardCatalog().get("ner/mine")


def unfinished(folder: Path) -> None:
    write(folder)
    (folder / "half.yaml").write_text(
        "# A comment.\nname: half\npipeline: ner\nversion: 1\ntitle: t\ndescription:\n"
        "language: en\nreader: {name: lines}\nsplits:\n  train: [{path: x}]\n  dev: [{path: }]\n"
        "  test:\n    - path:\nmetric: span-f1\nlicence: no\nredistributable: no\ncitation: c\n"
    )


def test_an_unfinished_card_stops_nobody_who_does_not_ask_for_it(tmp_path: Path) -> None:
    unfinished(tmp_path)
    catalog = CardCatalog([tmp_path])
    assert catalog.get("sentiment/tiny").name == "tiny"
    assert "ner/half" not in catalog.by_id
    assert catalog.unfinished["ner/half"].fields == (
        "description",
        "splits.dev[0].path",
        "splits.test[0].path",
    )
    for name in ("ner/half", "half"):
        with pytest.raises(UnfinishedError, match=r"half\.yaml, lines 6, 11, 13: nothing"):
            catalog.get(name)


def test_an_unfinished_card_is_listed_and_shown_as_such(tmp_path: Path) -> None:
    unfinished(tmp_path)
    run = CliRunner(env={"COLUMNS": "200"}).invoke
    listed = run(app, ["list", "tasks", "--include", str(tmp_path)], catch_exceptions=False)
    assert re.search(r"ner/half +\(unfinished: description, splits", listed.output)
    shown = run(app, ["show", "half", "--include", str(tmp_path)])
    assert isinstance(shown.exception, UnfinishedError)


def test_a_card_that_is_wrong_is_still_an_error_for_everybody(tmp_path: Path) -> None:
    unfinished(tmp_path)
    write(tmp_path, file="wrong.yaml", name="wrong", metric=None)
    with pytest.raises(ConfigError, match="'metric' is missing"):
        CardCatalog([tmp_path]).get("sentiment/tiny")


def test_a_name_of_several_things_is_shown_exactly_or_refused() -> None:
    run = CliRunner(env={"COLUMNS": "200"}).invoke
    with pytest.warns(ElmobenchWarning, match="squad is a reader, shown here, and a task: .*qa/sq"):
        shown = run(app, ["show", "squad"], catch_exceptions=False)
    assert shown.output.startswith("reader squad")
    assert run(app, ["show", "qa/squad"]).output.startswith("task qa/squad")
    ambiguous = run(app, ["show", "litbank"])
    assert "could be any of coref/litbank, ner/litbank" in str(ambiguous.exception)
