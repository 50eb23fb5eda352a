"""Cards whose splits are many files, and whose readers need companion files."""

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from elmobench.core import paths
from elmobench.core.errors import ConfigError, DigestError, ElmobenchError
from elmobench.data.cards.catalog import load_card
from elmobench.data.examples import ClassifiedText
from elmobench.data.readers.base import READERS, Reader, ReaderOptions, ReadResult, SourceText
from elmobench.tasks.task import Task

BASE = "https://example.org/set"
DOCUMENTS = {"train/a.txt": "one\ntwo\n", "train/b.txt": "three\n", "dev.txt": "four\n"}
KEYS = "one 1\ntwo 2\nthree 1\nfour 2\n"


class KeyedReader(Reader[ReaderOptions]):
    """Lines whose labels are in a companion file."""

    name: ClassVar[str] = "keyed-for-tests"
    version: ClassVar[int] = 1
    options_type = ReaderOptions

    def read(self, text: SourceText, options: ReaderOptions) -> ReadResult:
        rows = [row for keys in text.companions("keys") for _, row in keys.rows()]
        label = dict(row.split(" ") for row in rows)
        examples = [
            ClassifiedText(text.id(number), (row,), label[row]) for number, row in text.rows()
        ]
        return ReadResult(examples, Counter({"blank": 0}))


@pytest.fixture(autouse=True)
def reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(READERS._entries, KeyedReader.name, KeyedReader())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    mirror = tmp_path / "mirror"
    for path, text in DOCUMENTS.items():
        file = mirror / "example.org" / "set" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.setenv(paths.MIRROR_VARIABLE, str(mirror))
    cards = tmp_path / "cards"
    cards.mkdir()
    listing(cards / "train.tsv", ["train/a.txt", "train/b.txt"])
    (cards / "keys.txt").write_text(KEYS)
    return cards


def listing(file: Path, names: list[str]) -> None:
    rows = []
    for name in names:
        data = DOCUMENTS[name].encode()
        rows.append(f"{name}\t{hashlib.sha256(data).hexdigest()}\t{len(data)}\n")
    file.write_text("".join(rows))


def url(name: str) -> dict[str, Any]:
    data = DOCUMENTS[name].encode()
    digest = hashlib.sha256(data).hexdigest()
    return {"url": f"{BASE}/{name}", "sha256": digest, "bytes": len(data)}


def task(folder: Path, **splits: Any) -> Task:
    beside = {"beside": {"keys": [{"path": "keys.txt"}]}}
    card = {
        "name": "tiny",
        "pipeline": "sentiment",
        "version": 1,
        "title": "Tiny",
        "description": "For tests.",
        "language": "en",
        "reader": {"name": KeyedReader.name},
        "splits": {
            "train": [{"base": BASE, "files": "train.tsv", **beside}],
            "dev": [url("dev.txt") | beside],
            "test": [url("dev.txt") | beside],
        }
        | splits,
        "metric": "accuracy",
        "licence": "none",
        "redistributable": "no",
        "citation": "none",
    }
    (folder / "tiny.yaml").write_text(yaml.safe_dump(card, sort_keys=False))
    return Task(load_card(folder / "tiny.yaml"))


def test_a_listed_source_is_its_files_in_order_and_readers_see_what_stands_beside(folder: Path):
    loaded = task(folder)
    assert [(e.id, e.tokens[0], e.label) for e in loaded.split("train")] == [
        ("train.1-000001", "one", "1"),
        ("train.1-000002", "two", "2"),
        ("train.2-000001", "three", "1"),
    ]
    assert [e.label for e in loaded.split("dev")] == ["2"]


def test_every_file_is_fetched_once(folder: Path):
    files = task(folder).fetch()
    assert sorted(file.read_text() for file in files) == sorted([*DOCUMENTS.values(), KEYS])
    assert len(files) == len(set(files))
    assert task(folder).is_local
    assert len(task(folder).verify()) == len(files)


def test_the_digest_depends_on_every_listed_file_and_on_those_beside(folder: Path):
    digests = {task(folder).data_digest}
    (folder / "keys.txt").write_text(KEYS + "five 1\n")
    digests.add(task(folder).data_digest)
    listing(folder / "train.tsv", ["train/b.txt", "train/a.txt"])
    digests.add(task(folder).data_digest)
    assert len(digests) == 3


def test_a_list_of_urls_and_a_table_of_the_same_files_are_the_same_data(folder: Path):
    beside = {"beside": {"keys": [{"path": "keys.txt"}]}}
    urls = task(folder, train=[url("train/a.txt") | beside, url("train/b.txt") | beside])
    assert urls.data_digest == task(folder).data_digest


def test_a_listed_file_with_other_bytes_is_an_error(folder: Path):
    (folder / "train.tsv").write_text(f"train/a.txt\t{'0' * 64}\t8\n")
    with pytest.raises(DigestError):
        task(folder).split("train")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no file"),
        ("train/a.txt\n", "expected path, sha256 and bytes"),
        (f"train/a.txt\t{'0' * 63}\t8\n", "expected path, sha256 and bytes"),
        (f"train/a.txt\t{'0' * 64}\tmany\n", "expected path, sha256 and bytes"),
        (f"a\t{'0' * 64}\t8\na\t{'0' * 64}\t8\n", "appears twice"),
    ],
)
def test_a_malformed_table_is_an_error_with_its_line(folder: Path, text: str, complaint: str):
    (folder / "train.tsv").write_text(text)
    with pytest.raises(ConfigError, match=complaint) as error:
        task(folder).split("train")
    assert "train.tsv" in str(error.value.where)


def test_a_missing_table_says_what_it_should_hold(folder: Path):
    (folder / "train.tsv").unlink()
    with pytest.raises(ConfigError, match="no such table"):
        task(folder).split("train")


def test_a_reader_without_the_file_it_needs_says_so(folder: Path):
    with pytest.raises(ConfigError, match="needs a companion file 'keys'"):
        task(folder, dev=[url("dev.txt")]).split("dev")


def test_what_stands_beside_has_nothing_beside_it(folder: Path):
    inner = {"path": "keys.txt", "beside": {"x": [{"path": "keys.txt"}]}}
    with pytest.raises(ElmobenchError, match="beside"):
        task(folder, dev=[url("dev.txt") | {"beside": {"keys": [inner]}}])
