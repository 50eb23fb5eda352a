"""Splits that are made of train: by hashes of texts or of whole documents."""

import hashlib
import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny_cards import card_values

from elmobench.core.errors import ConfigError
from elmobench.data.cards.catalog import load_card
from elmobench.tasks.task import Task

RULE = {"dev": 0.2, "from": "train", "by": "hash"}
LINES = [f"{'pos' if i % 3 else 'neg'}\tfilm number {i}" for i in range(200)]


def task(folder: Path, **changes: Any) -> Task:
    splits = {name: [{"path": f"{name}.tsv"}] for name in ("train", "test")}
    values = card_values(**{"splits": splits, "split": RULE} | changes)
    (folder / "tiny.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    return Task(load_card(folder / "tiny.yaml"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train.tsv").write_text("\n".join(LINES) + "\n")
    (tmp_path / "test.tsv").write_text("pos\tgreat\nneg\tno good\n")
    return tmp_path


def fraction(text: str) -> float:
    """What the documentation states: the first 48 bits of SHA-256, as a number in [0, 1)."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:12], 16) / 2**48


def texts(loaded: Task, split: str) -> list[str]:
    return [" ".join(example.tokens) for example in loaded.split(split)]


def test_dev_is_taken_from_train_by_the_text_alone(folder: Path) -> None:
    loaded = task(folder)
    bodies = [line.split("\t")[1] for line in LINES]
    assert texts(loaded, "dev") == [body for body in bodies if fraction(body) < 0.2]
    assert texts(loaded, "train") == [body for body in bodies if fraction(body) >= 0.2]
    assert 20 < len(loaded.split("dev")) < 60
    assert texts(loaded, "test") == ["great", "no good"]


def test_order_labels_and_repetitions_change_nothing(folder: Path) -> None:
    before = set(texts(task(folder), "dev"))
    changed = [*LINES, *LINES[:40]]
    random.Random(1).shuffle(changed)
    (folder / "train.tsv").write_text("\n".join(x.replace("pos", "neu") for x in changed) + "\n")
    loaded = task(folder)
    assert set(texts(loaded, "dev")) == before
    assert not set(texts(loaded, "train")) & before


def test_test_can_be_taken_too_and_shares_nest(folder: Path) -> None:
    splits = {"train": [{"path": "train.tsv"}]}
    both = task(folder, splits=splits, split=RULE | {"test": 0.1})
    bodies = [line.split("\t")[1] for line in LINES]
    assert texts(both, "test") == [body for body in bodies if fraction(body) < 0.1]
    assert texts(both, "dev") == [body for body in bodies if 0.1 <= fraction(body) < 0.1 + 0.2]
    assert sum(len(both.split(name)) for name in both.splits) == len(LINES)


def test_counts_and_the_data_digest_know_the_rule(folder: Path) -> None:
    plain = task(folder)
    sizes = {name: count.examples for name, count in plain.split_counts.items()}
    assert sum(sizes.values()) == len(LINES) + 2
    right = {name: {"examples": number} for name, number in sizes.items()}
    assert task(folder, counts=right).split("dev")
    wrong = right | {"dev": {"examples": 1}}
    with pytest.raises(Exception, match="dev: examples: the card says 1"):
        task(folder, counts=wrong).split("train")
    digests = {
        task(folder, split=RULE | change).data_digest
        for change in ({}, {"dev": 0.3}, {"salt": "other"}, {"dev": 0.2, "by": "group"})
    }
    assert len(digests) == 4


CONLL = "\n".join(
    f"-DOCSTART- O\n\nword{d} O\n\nshared O\nof{d} O\n\nlast{d} O\n" for d in range(60)
)


def documents(folder: Path, text: str, by: str = "group", **options: Any) -> Task:
    (folder / "train.tsv").write_text(text + "\n")
    (folder / "test.tsv").write_text("word O\n")
    reader = {
        "name": "conll-columns",
        "options": {"separator": "whitespace", "scheme": "bio", **options},
    }
    return task(folder, pipeline="ner", metric="span-f1", reader=reader, split=RULE | {"by": by})


def test_sentences_of_a_document_stay_together(folder: Path) -> None:
    loaded = documents(folder, CONLL)
    homes: dict[str, set[str]] = {}
    for split in ("train", "dev"):
        for text in texts(loaded, split):
            homes.setdefault("".join(filter(str.isdigit, text)), set()).add(split)
    assert len(homes) == 60
    assert all(len(splits) == 1 for splits in homes.values())
    assert {"train"} in homes.values()
    assert {"dev"} in homes.values()


def test_documents_are_divided_by_content_not_by_order(folder: Path) -> None:
    before = set(texts(documents(folder, CONLL), "dev"))
    blocks = [f"-DOCSTART-{block}" for block in CONLL.split("-DOCSTART-")[1:]]
    random.Random(2).shuffle(blocks)
    assert set(texts(documents(folder, "\n".join(blocks)), "dev")) == before


def test_documents_of_universal_dependencies_and_columns_of_tables_are_groups(folder: Path) -> None:
    text = CONLL.replace("-DOCSTART- O", "# newdoc id = d")
    assert set(texts(documents(folder, text, comment="#"), "dev")) == set(
        texts(documents(folder, CONLL), "dev")
    )
    rows = [f"{i % 20}\tpos\tfilm {i}" for i in range(200)]
    (folder / "train.tsv").write_text("\n".join(rows) + "\n")
    (folder / "test.tsv").write_text("x\tneg\tbad\n")
    options = {"group": 0, "label": 1, "text": 2}
    loaded = task(
        folder, reader={"name": "table", "options": options}, split=RULE | {"by": "group"}
    )
    groups = {
        split: {int(text.split()[1]) % 20 for text in texts(loaded, split)}
        for split in ("train", "dev")
    }
    assert groups["train"] | groups["dev"] == set(range(20))
    assert not groups["train"] & groups["dev"]


def test_groups_that_the_data_do_not_state_are_an_error(folder: Path) -> None:
    with pytest.raises(ConfigError, match="the data state no documents"):
        task(folder, split=RULE | {"by": "group"}).split("dev")


def test_a_split_without_examples_is_an_error(folder: Path) -> None:
    with pytest.raises(ConfigError, match="dev would have no examples"):
        task(folder, split=RULE | {"dev": 0.0001}).split("train")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": RULE | {"dev": None}}, "state the share"),
        ({"split": RULE | {"dev": 0.5, "test": 0.5}}, "nothing for train"),
        ({"split": RULE | {"test": 0.1}}, "test is made from train, and 'splits' lists it"),
        ({"split": None}, r"dev missing; 'split: \{dev: 0.1, from: train, by: hash\}'"),
        ({"splits": {"all": [{"path": "x"}]}}, "for a set whose 'splits' has 'train'"),
        ({"split": RULE | {"from": "test"}}, "from"),
        ({"split": RULE | {"by": "name"}}, "by"),
    ],
)
def test_wrong_rules_are_errors(folder: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        task(folder, **changes)
