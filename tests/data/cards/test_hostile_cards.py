"""Cards, lists of files and folders of cards that are damaged, or that no one should write."""

import contextlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny_cards import card_values

from elmobench.core import paths
from elmobench.core.errors import ConfigError, DataError, ElmobenchError
from elmobench.data.cards.card import TaskCard
from elmobench.data.cards.catalog import CardCatalog, load_card
from elmobench.data.cards.file_lists import single_files
from elmobench.data.cards.source_kinds import ListedSource
from elmobench.tasks.task import Task

CARD = card_values()
SHA = "ab" * 32


def write(folder: Path, text: str | bytes | None = None, **changes: Any) -> Path:
    path = folder / "tiny.yaml"
    if text is None:
        text = yaml.safe_dump(CARD | changes, sort_keys=False)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        "- " * 10_000,
        "name: &a [*a, *a]",
        "a0: &a0 [x, x]\n" + "".join(f"a{i + 1}: &a{i + 1} [*a{i}, *a{i}]\n" for i in range(40)),
        "version: " + "9" * 5000,
        "version: 1e999",
        b"name: caf\xe9",
        b"name: a\x00b",
        "",
        "name",
        "[1, 2]",
        "{1: 2, 3.5: 4, null: 5}",
        "name: !!python/object:os.system x",
    ],
)
def test_files_that_are_no_card_are_an_error_with_their_name(text: str | bytes, tmp_path: Path):
    path = write(tmp_path, text)
    with pytest.raises(ConfigError, match=r"tiny\.yaml"):
        load_card(path)


@pytest.mark.parametrize("field", list(TaskCard.model_fields))
@pytest.mark.parametrize("value", [10**400, -1, True, [], {"a": 1}, [[1]], "\u2028", None, 1.5])
def test_wrong_types_are_errors_or_are_read(field: str, value: Any, tmp_path: Path):
    with contextlib.suppress(ElmobenchError):
        Task(load_card(write(tmp_path, **{field: value}))).examples()


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ({"url": "https://[::1", "sha256": SHA}, "url"),
        ({"url": "https://a:99999999/x", "sha256": SHA}, "url"),
        ({"url": "https://a/b c", "sha256": SHA}, "write %20"),
        ({"url": "https://a/b\u200b", "sha256": SHA}, "write %20"),
        ({"url": "https://a/b", "sha256": "xyz"}, "sha256"),
        ({"url": "https://a/b", "sha256": SHA.upper()}, "sha256"),
        ({"url": "https://a/b", "sha256": SHA + "\n"}, "sha256"),
        ({"url": "https://a/b", "git_blob_sha1": SHA}, "git_blob_sha1"),
        ({"url": "https://a/b", "bytes": -1}, "bytes"),
        ({"path": "a", "lines": [0, 3]}, "lines"),
        ({"path": "a", "lines": [5, 3]}, "lines"),
        ({"path": "a", "url": "https://a/b"}, "exactly one of"),
    ],
)
def test_wrong_sources_are_errors_when_the_card_is_read(source, problem: str, tmp_path: Path):
    with pytest.raises(ConfigError, match=problem):
        load_card(write(tmp_path, splits=CARD["splits"] | {"dev": [source]}))


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("", "is a folder"),
        (".", "is a folder"),
        ("x" * 5000, "no such file"),
        ("a\0b", "no such file"),
        ("loop", "no such file"),
    ],
)
def test_paths_that_are_no_file(path: str, problem: str, tmp_path: Path):
    (tmp_path / "loop").symlink_to("loop")
    card = TaskCard.model_validate(
        CARD | {"splits": {s: [{"path": path}] for s in ("train", "dev", "test")}}
    ).at(tmp_path / "tiny.yaml")
    task = Task(card)
    assert not task.is_local
    for use in (task.fetch, lambda: task.data_digest, lambda: task.split("train")):
        with pytest.raises(DataError, match=problem):
            use()


def test_index_sense_given_a_folder_and_a_member_of_what_is_no_archive(tmp_path: Path):
    (tmp_path / "train.tsv").write_text("pos\ta\n")
    (tmp_path / "dict").mkdir()
    split = {"path": "train.tsv", "beside": {"inventory": [{"path": "dict"}]}}
    task = Task(load_card(write(tmp_path, splits=CARD["splits"] | {"train": [split]})))
    with pytest.raises(DataError, match="dict: is a folder"):
        task.split("train")
    member = {"path": "train.tsv", "member": "a.txt"}
    task = Task(load_card(write(tmp_path, splits=CARD["splits"] | {"train": [member]})))
    with pytest.raises(DataError, match=r"train\.tsv:a\.txt: cannot be unpacked"):
        task.split("train")


def test_a_card_cannot_supersede_itself(tmp_path: Path):
    for name in ("tiny", "sentiment/tiny"):
        with pytest.raises(ConfigError, match="cannot supersede itself"):
            load_card(write(tmp_path, superseded_by=name))


class TestFolders:
    def test_experiments_beside_cards_are_passed_over(self, tmp_path: Path):
        write(tmp_path)
        experiment = tmp_path / "mine.yaml"
        experiment.write_text("name: mine\ntasks: [tiny]\nfeatures: [random]\n")
        assert "sentiment/tiny" in CardCatalog([tmp_path]).by_id
        with pytest.raises(ConfigError, match="is an experiment, not a task card"):
            load_card(experiment)
        with pytest.raises(ConfigError, match="is an experiment, not a task card"):
            _ = CardCatalog([experiment]).by_id

    def test_folders_called_like_cards_are_no_cards(self, tmp_path: Path):
        (tmp_path / "a.yaml").mkdir()
        write(tmp_path / "a.yaml")
        assert "sentiment/tiny" in CardCatalog([tmp_path]).by_id

    @pytest.mark.parametrize("target", ["a.yaml", "nowhere"])
    def test_links_that_lead_nowhere_are_named(self, target: str, tmp_path: Path):
        (tmp_path / "a.yaml").symlink_to(target)
        with pytest.raises(ConfigError, match=r"a\.yaml: cannot be read"):
            _ = CardCatalog([tmp_path]).by_id

    @pytest.mark.parametrize("name", ["x" * 5000, "a\0b"])
    def test_names_that_no_folder_can_have(self, name: str):
        with pytest.raises(ConfigError, match="no such folder of task cards"):
            _ = CardCatalog([Path(name)]).by_id


def listed(folder: Path, table: bytes) -> list[Any]:
    (folder / "files.tsv").write_bytes(table)
    card = TaskCard.model_validate(CARD).at(folder / "tiny.yaml")
    source = ListedSource(base="https://a.org/b", files="files.tsv", reader="lines")
    return single_files(card, source)


def test_a_list_of_files_is_cut_at_tabs_and_line_ends_only(tmp_path: Path):
    table = f"\ufeffa\u2028b.txt\t{SHA}\t5\r\nc.txt\t{SHA}\t0\n"
    with pytest.raises(ConfigError, match=r"files\.tsv:1: is not an address"):
        listed(tmp_path, table.encode())
    first, second = listed(tmp_path, table.replace("\u2028", "-").encode())
    assert (first.url, first.bytes) == ("https://a.org/b/a-b.txt", 5)
    assert (second.url, second.bytes) == ("https://a.org/b/c.txt", 0)
    # A reader of its own goes to each of the files.
    assert first.reader == second.reader == "lines"


@pytest.mark.parametrize(
    "table",
    [
        b"",
        b"\n",
        b"a.txt\t" + SHA.encode() + b"\t" + b"9" * 5000,
        b"a.txt\t" + SHA.encode() + b"\t\xd9\xa5",
        b"a.txt\t" + SHA.encode() + b"\t-1",
        b"a.txt\t" + SHA.encode(),
        b"a.txt\tABC\t5",
        b"a.txt\xff\t" + SHA.encode() + b"\t5",
        b"[" * 100_000,
    ],
)
def test_damaged_lists_are_errors_with_their_name(table: bytes, tmp_path: Path):
    with pytest.raises(ConfigError, match=r"files\.tsv") as error:
        listed(tmp_path, table)
    assert len(str(error.value)) < 1000


def test_the_pins_of_a_card_may_be_damaged(tmp_path: Path):
    paths.lock_file().parent.mkdir(parents=True, exist_ok=True)
    paths.lock_file().write_bytes(b"\xff")
    url = [{"url": "https://a.org/x"}]
    task = Task(load_card(write(tmp_path, splits=dict.fromkeys(("train", "dev", "test"), url))))
    for use in (lambda: task.is_local, task.fetch, task.verify, lambda: task.data_digest):
        with pytest.raises(DataError, match=r"trusted\.json"):
            use()
