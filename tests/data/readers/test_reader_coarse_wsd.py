"""The layout of CoarseWSD-20: a folder per word, named by patterns in a card."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny_cards import card_values

from elmobench.core.errors import ConfigError, DataError
from elmobench.data.cards.catalog import load_card
from elmobench.data.examples import SenseInstance
from elmobench.tasks.task import Task

BESIDE = {"gold": [{"path": "*/SPLIT.gold.txt"}], "senses": [{"path": "*/classes_map.txt"}]}
WORDS = {
    "apple": ({"0": "apple_inc.", "1": "apple_apple"}, ["2\tan old apple tree", "0 apple sells"]),
    "java": ({"0": "java_island", "1": "java_lang"}, ["1\tin java we trust"]),
}


def task(folder: Path, **source: Any) -> Task:
    for word, (senses, lines) in WORDS.items():
        (folder / word).mkdir(exist_ok=True)
        (folder / word / "classes_map.txt").write_text(json.dumps(senses))
        for split in ("train", "dev", "test"):
            (folder / word / f"{split}.data.txt").write_text("\n".join(lines) + "\n")
            gold = [str(1 - i % 2) for i in range(len(lines))]
            (folder / word / f"{split}.gold.txt").write_text("\n".join(gold) + "\n")
    splits = {
        split: [
            {
                "path": f"*/{split}.data.txt",
                "beside": json.loads(json.dumps(BESIDE).replace("SPLIT", split)),
                **source,
            }
        ]
        for split in ("train", "dev", "test")
    }
    values = card_values(
        pipeline="wsd", metric="wsd-f1", splits=splits, reader={"name": "coarse-wsd"}
    )
    (folder / "tiny.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    return Task(load_card(folder / "tiny.yaml"))


def test_all_words_are_read_with_their_own_files(tmp_path: Path) -> None:
    examples = task(tmp_path).split("train")
    candidates = ("apple_inc.", "apple_apple")
    assert [example.tokens for example in examples] == [
        ("an", "old", "apple", "tree"),
        ("apple", "sells"),
        ("in", "java", "we", "trust"),
    ]
    assert [example.instances[0] for example in examples[:2]] == [
        SenseInstance("apple.train.1-000001", 2, 3, "apple", "n", ("apple_apple",), candidates),
        SenseInstance("apple.train.1-000002", 0, 1, "apple", "n", ("apple_inc.",), candidates),
    ]
    assert examples[2].instances[0].senses == ("java_lang",)
    assert task(tmp_path).split_counts["train"].types == {"n": 3}


def test_a_new_file_changes_the_digest_of_the_data(tmp_path: Path) -> None:
    before = task(tmp_path).data_digest
    WORDS["bow"] = ({"0": "bow_ship"}, ["1\ta bow"])
    try:
        assert task(tmp_path).data_digest != before
    finally:
        del WORDS["bow"]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("apple/train.gold.txt", "1\n", "has 1 lines, but apple/train.data.txt has 2"),
        ("apple/train.gold.txt", "1\n7\n", "gold.txt:2: '7' is no sense of 'apple': 0, 1 are"),
        ("apple/train.data.txt", "4\ta b\n0\tb\n", "data.txt:1: there is no token 4"),
        ("apple/train.data.txt", "a b\n0\tb\n", "expected the position of the word"),
        ("apple/classes_map.txt", '{"0": "x", "1": "x"}', "two senses have one name"),
        ("apple/classes_map.txt", '{"0": 5}', "numbers and names of senses"),
        ("apple/classes_map.txt", "[]", "expected an object"),
    ],
)
def test_wrong_files_are_errors(tmp_path: Path, file: str, content: str, message: str) -> None:
    loaded = task(tmp_path)
    (tmp_path / file).write_text(content)
    with pytest.raises(DataError, match=message):
        loaded.split("train")


def test_a_pattern_has_no_digest_and_its_companions_as_many_stars(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a pattern for several files"):
        task(tmp_path, lines=[1, 2]).split("train")
    beside = {"gold": [{"path": "*/*.gold.txt"}], "senses": [{"path": "*/classes_map.txt"}]}
    with pytest.raises(ConfigError, match="equally many"):
        task(tmp_path, beside=beside).split("train")


def test_a_pattern_that_matches_nothing_is_a_missing_file(tmp_path: Path) -> None:
    loaded = task(tmp_path, path="nothing*.txt")
    assert not loaded.is_local
    with pytest.raises(DataError, match="no such file"):
        loaded.split("train")
