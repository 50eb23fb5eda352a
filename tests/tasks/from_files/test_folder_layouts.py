"""Cards that are proposed for folders in which several files belong together."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_public_layouts import WORDS, texts

from elmobench.core.errors import ConfigError, DataError
from elmobench.data.cards.catalog import load_card
from elmobench.tasks.from_files.card import proposed_card
from elmobench.tasks.from_files.proposal import propose
from elmobench.tasks.task import Task


def write(folder: Path, files: dict[str, str | bytes]) -> None:
    for name, data in files.items():
        path = folder / "set" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())


def read(folder: Path, pipeline: str | None = None) -> Task:
    (folder / "cards").mkdir(exist_ok=True)
    path = folder / "cards" / "mine.yaml"
    card = proposed_card("mine", propose([str(folder / "set")], pipeline), path)
    assert card.problem is None, str(card.problem)
    path.write_text(card.text)
    return Task(load_card(path))


def test_a_folder_for_each_label(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"README": "x", "imdb.vocab": "the\n"}
    for split, start in (("train", "It was"), ("test", "She is")):
        for i, text in enumerate(texts(60, start)):
            files[f"{split}/{('neg', 'pos')[i % 2]}/{i}_{i % 9}.txt"] = f"{text}\nFine."
        files[f"{split}/urls_neg.txt"] = "http://x\n"
    files |= {f"train/unsup/{i}_0.txt": "None" for i in range(3)}
    write(tmp_path, files)
    task = read(tmp_path)
    assert task.labels == ["neg", "pos"]
    found = {split: len(part) for split, part in task.examples().items()}
    assert (found["train"] + found["dev"], found["test"]) == (60, 60)
    # The number of a text is even in neg; the ids of all files differ.
    for part in task.examples().values():
        assert {(int(one.tokens[-4]) % 2, one.label) for one in part} == {(0, "neg"), (1, "pos")}
        assert len({one.id for one in part}) == len(part)


def test_folders_of_labels_without_splits_in_latin_1(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {}
    for i, text in enumerate(texts(120)):
        data = f"Subject: {text}\n\nCaf\u00e9".encode("latin-1")
        files[f"{('alt.atheism', 'sci.space')[i % 2]}/{49960 + i}"] = data
    write(tmp_path, files)
    task = read(tmp_path)
    assert task.labels == ["alt.atheism", "sci.space"]
    assert sum(map(len, task.examples().values())) == 120
    assert task.split("train")[0].tokens[-1] == "Caf\u00e9"


def test_labels_in_files_of_their_own(tmp_path: Path) -> None:
    lines = texts(180)
    files: dict[str, str | bytes] = {"mapping.txt": "0\tanger\n1\tjoy\n"}
    for split, part in (("train", lines[:120]), ("val", lines[120:150]), ("test", lines[150:])):
        files[f"{split}_text.txt"] = "".join(f"{line}\n" for line in part)
        files[f"{split}_labels.txt"] = "".join(f"{int(line.split()[-2]) % 2}\n" for line in part)
    write(tmp_path, files)
    task = read(tmp_path)
    sizes = {split: len(part) for split, part in task.examples().items()}
    assert sizes == {"train": 120, "dev": 30, "test": 30}
    assert {(int(one.tokens[-2]) % 2, one.label) for one in task.split("dev")} == {
        (0, "0"),
        (1, "1"),
    }
    assert all(source.sha256 for source in task.files())
    (tmp_path / "set" / "train_labels.txt").write_text("0\n1\n")
    with pytest.raises(DataError, match="no format that is recognised"):
        propose([str(tmp_path / "set")])


@pytest.mark.parametrize("pipeline", [None, "ner"])
def test_slots_and_intents(pipeline: str | None, tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {}
    for split, number in (("train", 120), ("valid", 30), ("test", 40)):
        rows = [(f"play song{i} now", WORDS[i % 2]) for i in range(number)]
        files[f"{split}/seq.in"] = "".join(f"{words}\n" for words, _ in rows)
        files[f"{split}/seq.out"] = "O B-track O\n" * number
        files[f"{split}/label"] = "".join(f"{label}\n" for _, label in rows)
    write(tmp_path, files)
    task = read(tmp_path, pipeline)
    if pipeline is None:
        assert (task.id, task.labels) == ("sentiment/mine", ["dull", "fine"])
    else:
        assert task.id == "ner/mine"
        assert {one.tags for one in task.split("train")} == {("O", "B-track", "O")}


def test_pairs_with_a_marked_word(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {}
    for split, number in (("train", 120), ("dev", 30), ("test", 40)):
        rows = [f"bank\tN\t1-2\tA bank {split} .\tIn the bank {i} .\n" for i in range(number)]
        files[f"{split}/{split}.data.txt"] = "".join(rows)
        files[f"{split}/{split}.gold.txt"] = "T\nF\n" * (number // 2)
    write(tmp_path, files)
    task = read(tmp_path)
    assert (task.id, task.labels) == ("wic/mine", ["F", "T"])
    assert {split: len(part) for split, part in task.examples().items()} == {
        "train": 120,
        "dev": 30,
        "test": 40,
    }


def test_words_with_tags(tmp_path: Path) -> None:
    lines = [f"The/DT end{i}/NN ,/, {'ABCDEFG'[i % 7]}/B/NN" for i in range(120)]
    write(tmp_path, {"train.pos": "".join(f"{line}\n" for line in lines)})
    task = read(tmp_path)
    assert task.id == "pos/mine"
    assert task.split("train")[0].tags == ("DT", "NN", ",", "NN")
    assert task.split("train")[0].tokens[3] in {f"{one}/B" for one in "ABCDEFG"}


def test_a_file_for_each_label_gets_advice(tmp_path: Path) -> None:
    write(tmp_path, {"rt.pos": "a fine film\n", "rt.neg": "a dull film\n"})
    with pytest.raises(ConfigError, match="cannot say which split") as caught:
        propose([str(tmp_path / "set")])
    assert "--reader lines" in str(caught.value)
