"""The cards of question answering against the real files."""

import hashlib
import json
from pathlib import Path

import pytest

from elmobench.core import paths
from elmobench.data.cards.catalog import CardCatalog
from elmobench.data.cards.source_kinds import UrlSource
from elmobench.tasks.task import load_task

SPLITS = ("train", "dev", "test")
DEV = (
    "raw.githubusercontent.com/rajpurkar/SQuAD-explorer/"
    "eee5fdbf62f8613a7812b03419e6b29617b74fd1/dataset/dev-v1.1.json"
)


@pytest.fixture
def mirror(shared: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(paths.MIRROR_VARIABLE, str(shared / "mirror"))
    return shared / "mirror"


@pytest.mark.slow
@pytest.mark.shared
def test_squad_small(mirror: Path) -> None:
    """SplitCounts, and the split worked out again from the file and its titles alone."""
    task = load_task("squad-small")
    counts = [task.split_counts[split] for split in SPLITS]
    assert [c.examples for c in counts] == [13550, 1976, 2982]
    assert [c.passages for c in counts] == [2671, 407, 570]
    moved = [dict(task.dropped[split]) for split in SPLITS]
    assert moved == [{"answers moved to token borders": n} for n in (104, 27, 18)]

    articles = json.loads((mirror / DEV).read_text("utf-8"))["data"]
    articles.sort(key=lambda a: hashlib.sha1(a["title"].encode("utf-8")).hexdigest())
    assert articles[0]["title"] == "Sky_(United_Kingdom)"
    assert articles[13]["title"] == "Prime_number"
    assert articles[14]["title"] == "United_Methodist_Church"
    assert articles[23]["title"] == "Imperialism"
    for split, part in (
        ("test", articles[:14]),
        ("dev", articles[14:24]),
        ("train", articles[24:]),
    ):
        ids = [qa["id"] for a in part for p in a["paragraphs"] for qa in p["qas"]]
        found = [example.id for example in task.split(split)]
        assert found[: len(ids)] == ids
        assert len(found) - len(ids) == (7938 if split == "train" else 0)

    examples = [example for split in SPLITS for example in task.split(split)]
    texts = {split: {e.passage.text for e in task.split(split)} for split in SPLITS}
    assert not texts["train"] & (texts["dev"] | texts["test"])
    assert not texts["dev"] & texts["test"]
    for example in examples:
        assert example.answers
        for answer in example.answers:
            # The tokens hold the answer, and at most the rest of its outermost words.
            assert answer.text.strip() in example.passage.substring(answer.first, answer.last)


@pytest.mark.slow
@pytest.mark.shared
def test_official_dev_is_squad_s_test(mirror: Path) -> None:
    task = load_task("qa/squad")
    assert len(task.split("test")) == 10570
    assert dict(task.dropped["test"]) == {"answers moved to token borders": 98}


def test_squad_s_dev_and_train_are_one_file_cut_once() -> None:
    card = CardCatalog().get("qa/squad")
    (train,), (dev,) = card.splits["train"], card.splits["dev"]
    assert isinstance(train, UrlSource)
    assert isinstance(dev, UrlSource)
    assert train.url == dev.url
    assert train.git_blob_sha1 == dev.git_blob_sha1
    cut, rest = dev.options["articles"], train.options["articles"]
    assert cut["order"] == rest["order"] == "sha1"
    assert (cut["first"], "last" in rest) == (1, False)
    assert rest["first"] == cut["last"] + 1
