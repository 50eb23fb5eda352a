"""The shipped WSD cards on the real files: counts, and the baselines' figures to the digit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from elmobench.core import paths
from elmobench.data.readers.base import READERS, SourceText
from elmobench.metrics.base import Scores, get_metric
from elmobench.tasks.head import Batch
from elmobench.tasks.registries import get_head
from elmobench.tasks.task import Task, load_task
from elmobench.tasks.wsd.pipeline import PIPELINE

pytestmark = [pytest.mark.shared, pytest.mark.slow]

SETS = ("senseval2", "senseval3", "semeval2007", "semeval2013", "semeval2015")


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Task:
    """``wsd/raganato-all``, read once for all tests here."""
    return Task(load_task("wsd/raganato-all").card)


@pytest.fixture(autouse=True)
def _mirror(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(paths.MIRROR_VARIABLE, str(shared / "mirror"))


def score(examples: list[Any], answers: list[Any]) -> Scores:
    return get_metric("wsd-f1").compute([PIPELINE.gold(e) for e in examples], answers)


def test_counts(everything: Task) -> None:
    counts = everything.split_counts
    assert [counts[s].spans for s in ("train", "dev", "test")] == [226040, 455, 7253]
    assert everything.dropped["train"] == {
        "words whose sense is not in WordNet": 8096,
        "sentences without a sense": 878,
        "stray underscores": 1,
    }
    train = everything.split("train")
    # 102,902 + 82,371 + brownv's verbs.
    instances = [i for e in train for i in e.instances]
    assert sum(i.pos == "v" for i in instances[102902 + 82371 :]) == 40767
    assert sum(len(i.senses) > 1 for i in instances) == 703
    test = [i for e in everything.split("test") for i in e.instances]
    assert sum(len(i.senses) > 1 for i in test) == 340
    assert sum(bool(set(i.senses) & set(i.candidates)) for i in test) == 7103


def test_the_five_sets_are_the_file_of_all(everything: Task, shared: Path) -> None:
    folder = next((shared / "mirror").rglob("Evaluation_Datasets"))
    inventory = SourceText(b"x:\n  n:\n    sense:\n    - id: x%1:03:00::\n", "none")
    keys = SourceText((folder / "ALL" / "ALL.gold.key.txt").read_bytes(), "keys")
    text = SourceText(
        (folder / "ALL" / "ALL.data.xml").read_bytes(),
        "ALL",
        beside={"inventory": (inventory,), "keys": (keys,)},
    )
    reader = READERS.get("wsd")
    found = reader.read(text, reader.options({"format": "raganato", "unescape": True}, "test"))

    def plain(examples: list[Any]) -> list[Any]:
        return [
            (e.id, e.tokens, [replace(instance, candidates=()) for instance in e.instances])
            for e in examples
        ]

    assert plain(found.examples) == plain(everything.split("test"))


def test_inventory_first_sense(everything: Task) -> None:
    test = everything.split("test")
    answers = [[{"id": i.id, "senses": list(i.candidates[:1])} for i in e.instances] for e in test]
    assert round(score(test, answers).values["recall"], 2) == 63.56


def test_most_frequent_sense(everything: Task) -> None:
    train, test = everything.split("train"), everything.split("test")
    codec = PIPELINE.codec(train, None)
    assert len(codec.labels) == 33409
    preset = get_head("wsd", "most-frequent")
    head = preset.head({"input": 1}, codec, preset.options)
    head.fit((Batch(train[i : i + 1000], {}), {}) for i in range(0, len(train), 1000))
    answers = head.predict(Batch(test, {}), {})
    scores = score(test, answers)
    values = scores.values
    assert (values["correct"], values["answered"], values["support"]) == (4706, 7240, 7253)
    found = [round(values[name], 2) for name in ("precision", "recall", "f1")]
    assert found == [65.0, 64.88, 64.94]
    rows = [round(scores.per_class[name]["recall"], 2) for name in SETS]
    assert rows == [66.61, 65.35, 56.04, 62.90, 67.32]
    four = [i for i, example in enumerate(test) if example.dataset != "semeval2007"]
    held_out = score([test[i] for i in four], [answers[i] for i in four])
    assert round(held_out.values["recall"], 2) == 65.48


def test_dev_is_not_in_the_four_sets() -> None:
    card = load_task("wsd/raganato").card
    datasets = [source.options["dataset"] for source in card.splits["test"]]
    assert datasets == [name for name in SETS if name != "semeval2007"]
    assert [source.options["dataset"] for source in card.splits["dev"]] == ["semeval2007"]
