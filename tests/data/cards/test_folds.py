"""Cards that are split by folds: every file is test once, and a cell's identity has its fold."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from elmobench.bench.experiment.cells import cell_digest
from elmobench.bench.experiment.grid import grid
from elmobench.bench.experiment.schema import parse_experiment
from elmobench.bench.run import run_experiment
from elmobench.core.errors import ConfigError, DataError
from elmobench.data.cards.catalog import CardCatalog, load_card
from elmobench.tasks.task import Task, load_task
from elmobench.tracking.record_store import RecordStore

FILES = {"a": 2, "b": 1, "c": 3, "d": 1}
FOLDS = {"0.ids": "a.tsv\nd.tsv\n", "1.ids": "b.tsv\n\n", "2.ids": "c"}


def card_in(folder: Path, name: str = "folded", **changes: object) -> Path:
    folder.mkdir(exist_ok=True)
    for file, count in FILES.items():
        rows = [f"Ada B-PER\n{file}{i} O\n" for i in range(count)]
        (folder / f"{file}.conll").write_text("\n".join(rows))
    for file, text in FOLDS.items():
        (folder / file).write_text(text)
    card = {
        "name": name,
        "pipeline": "ner",
        "version": 1,
        "title": "t",
        "description": "d",
        "language": "en",
        "reader": {
            "name": "conll-columns",
            "options": {"scheme": "bio", "separator": "whitespace"},
        },
        "splits": {"all": [{"path": f"{file}.conll"} for file in FILES]},
        "split": {"by": "fold", "folds": [{"path": file} for file in FOLDS]},
        "counts": {"all": {"examples": 7}, "test": {"examples": 3}},
        "metric": "span-f1",
        "licence": "none",
        "redistributable": "no",
        "citation": "none",
        **changes,
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(card))
    return path


def ids(task: Task, split: str) -> set[str]:
    return {example.id.rsplit("-", 1)[0] for example in task.split(split)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return card_in(tmp_path / "cards").parent


def test_the_splits_of_each_fold(folder: Path) -> None:
    expected = [("b", "c", "ad"), ("c", "ad", "b"), ("ad", "b", "c")]
    for fold, splits in enumerate(expected):
        task = load_task("folded", [folder], fold=fold)
        assert task.fold == fold
        for split, files in zip(("train", "dev", "test"), splits, strict=True):
            assert ids(task, split) == set(files)
    assert load_task("folded", [folder]).fold == 0
    assert [e.id for e in task.split("test")] == ["c-000001", "c-000004", "c-000007"]
    assert len(task.files()) == 7


def test_folds_have_digests_of_their_own(folder: Path) -> None:
    digests = {load_task("folded", [folder], fold=fold).data_digest for fold in range(3)}
    assert len(digests) == 3
    before = load_task("folded", [folder]).data_digest
    assert before in digests
    (folder / "1.ids").write_text("b")
    assert load_task("folded", [folder]).data_digest != before


def test_counts_are_those_of_fold_0_and_of_the_whole(folder: Path) -> None:
    card_in(folder, counts={"test": {"examples": 2}})
    with pytest.raises(DataError, match=r"folded, test.*card says 2"):
        load_task("folded", [folder]).examples()
    load_task("folded", [folder], fold=1).examples()
    card_in(folder, counts={"all": {"examples": 8}})
    with pytest.raises(DataError, match=r"folded, all.*card says 8"):
        load_task("folded", [folder], fold=1).examples()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("0.ids", "a\nx.tsv\n", r"0\.ids:2.*no file 'x'"),
        ("1.ids", "b\na\n", r"1\.ids:2.*test in fold 0 already"),
        ("1.ids", "\n", "no fold tests on 'b'"),
    ],
)
def test_wrong_lists(folder: Path, name: str, text: str, message: str) -> None:
    (folder / name).write_text(text)
    with pytest.raises(DataError, match=message):
        load_task("folded", [folder]).split("train")


def test_wrong_folds(folder: Path) -> None:
    for fold in (3, -1):
        with pytest.raises(ConfigError, match="folds are 0 to 2"):
            load_task("folded", [folder], fold=fold)
    with pytest.raises(ConfigError, match="no folds"):
        load_task("control-ner", fold=0)
    card_in(folder, split={"by": "fold", "folds": [{"path": "0.ids"}, {"path": "1.ids"}]})
    with pytest.raises(ConfigError, match="at least 3"):
        load_task("folded", [folder])
    for wrong in ({"by": "year"}, {"by": "fold"}, {"by": "fold", "folds": [], "salt": "x"}):
        with pytest.raises(ConfigError, match="split"):
            load_card(card_in(folder, split=wrong))


def test_two_files_of_one_name(folder: Path) -> None:
    (folder / "more").mkdir()
    (folder / "more" / "a.conll").write_text("x O\n")
    paths = [{"path": f"{file}.conll"} for file in [*FILES, "more/a"]]
    card_in(folder, splits={"all": paths}, counts={})
    with pytest.raises(DataError, match="two files are called 'a'"):
        load_task("folded", [folder]).split("train")


def cells(**axes: object) -> list:
    raw = {
        "name": "x",
        "tasks": ["ner/folded", "ner/control-ner"],
        "features": ["random"],
        "axes": axes,
    }
    tasks = {"ner/folded": "ner", "ner/control-ner": "ner"}
    return list(grid(parse_experiment(raw), tasks, {"ner/folded"}))


def identity(cell) -> dict:
    return cell.identity(
        data_digest="d",
        card_version=1,
        metric=("span-f1", 1),
        labels=[],
        context_unit="sentence",
        fingerprints=["f"],
        num_layers=[1],
    )


def test_the_axis_is_there_for_folded_tasks_alone() -> None:
    found = cells(fold=[2, 0])
    assert [(c.task, c.fold, c.axes) for c in found] == [
        ("ner/folded", 2, {"fold": 2}),
        ("ner/folded", 0, {"fold": 0}),
        ("ner/control-ner", None, {}),
    ]
    assert identity(found[0])["fold"] == 2
    assert "fold" not in identity(found[2])
    assert len({cell_digest(identity(cell)) for cell in found}) == 3
    assert [c.fold for c in cells()] == [0, None]
    for wrong in ([], [0, 0], [-1]):
        with pytest.raises(ConfigError, match="fold"):
            cells(fold=wrong)


def test_an_experiment_over_folds(folder: Path, tmp_path: Path) -> None:
    experiment = {
        "name": "folds",
        "tasks": ["ner/folded"],
        "features": ["random"],
        "heads": ["small"],
        "axes": {"fold": [0, 1, 2]},
        "overrides": [{"set": {"training.epochs": 1}}],
    }
    summary = run_experiment(
        experiment,
        results=tmp_path / "out",
        cards=CardCatalog([folder]),
        tracking_uri="none",
        quiet=True,
    )
    assert [record.status for record in summary.records] == ["ok"] * 3
    assert [record.axes for record in summary.records] == [{"fold": k} for k in range(3)]
    counts = [record.result.counts for record in summary.records if record.result]
    assert [c["test"] for c in counts] == [3, 1, 3]
    assert all(r.run and f"fold:{k}" in r.run.signature for k, r in enumerate(summary.records))
    # What a test of significance draws are documents.
    rows = RecordStore(tmp_path / "out").read_predictions(summary.records[0].cell)
    task = load_task("ner/folded", include=[folder])
    documents = {example.id: task.resampling_unit(example) for example in task.split("test")}
    assert {row["id"]: row["unit"] for row in rows} == documents
    assert sorted(documents.values()) == ["a", "a", "d"]
    with pytest.raises(ConfigError, match="no fold 3"):
        run_experiment(
            {**experiment, "axes": {"fold": [3]}},
            cards=CardCatalog([folder]),
            results=tmp_path / "no",
        )
