"""Search for evaluation sets in a corpus, compared with a simple search."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from elmobench.core.errors import DownloadError, UnknownNameError
from elmobench.data.cards.card import TaskCard
from elmobench.data.cards.catalog import CardCatalog
from elmobench.pretraining import overlap
from elmobench.pretraining.corpus import Corpus
from elmobench.pretraining.overlap import OverlapCheck, check_cards, known_real_cards
from elmobench.tasks.task import Task


def test_runs_of_eight_words_equal_a_simple_search(tmp_path: Path) -> None:
    draw = random.Random(0)
    words = ["ab", "c", "d"]
    paragraphs = [[draw.choice(words) for _ in range(draw.randint(3, 40))] for _ in range(60)]
    # The same words with different tokens, case and punctuation.
    text = "\n".join(" , ".join(paragraph).title() for paragraph in paragraphs) + "\n"
    (tmp_path / "t").write_text(text)
    sentences = [tuple(draw.choice(words) for _ in range(draw.randint(4, 12))) for _ in range(200)]
    check = OverlapCheck()
    check.add("a", "dev", sentences)
    check.add("a", "test", [("x",) * 20])
    check.read(Corpus.open([tmp_path / "t"]))
    dev, test = check.rows()

    def runs(tokens: tuple[str, ...]) -> set[tuple[str, ...]]:
        return {tokens[i : i + 8] for i in range(len(tokens) - 7)}

    corpus = set().union(*(runs(tuple(paragraph)) for paragraph in paragraphs))
    set_runs = [runs(sentence) for sentence in set(sentences) if len(sentence) >= 8]
    assert (dev.runs, dev.runs_found) == (
        len(set().union(*set_runs)),
        len(set().union(*set_runs) & corpus),
    )
    assert dev.sentences == len(set_runs)
    assert dev.sentences_found == sum(bool(row & corpus) for row in set_runs)
    assert 0 < dev.sentences_found < dev.sentences
    assert (test.runs, test.runs_found, test.sentences_found) == (1, 0, 0)


def test_cards_by_name(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("one line\n")
    corpus = Corpus.open([tmp_path / "t"])
    rows, missing = check_cards(corpus, ["srl/control-srl"])
    assert [(row.task, row.split) for row in rows] == [
        ("srl/control-srl", "dev"),
        ("srl/control-srl", "test"),
    ]
    assert not missing
    with pytest.raises(UnknownNameError):
        check_cards(corpus, ["srl/nothing"])
    assert "ner/wnut17" in known_real_cards(CardCatalog())
    assert not [name for name in known_real_cards(CardCatalog()) if "control" in name]


def test_cards_of_your_own(tmp_path: Path) -> None:
    line = "good\ta film that one likes to see over and over\n"
    for split in ("train", "dev", "test"):
        (tmp_path / f"{split}.tsv").write_text(line.replace("film", split))
    (tmp_path / "mine.yaml").write_text(
        "{name: mine, pipeline: sentiment, version: 1, title: t, description: d, language: en, "
        "reader: {name: table, options: {delimiter: tab, text: 1, label: 0, tokenizer: words}}, "
        "splits: {train: [{path: train.tsv}], dev: [{path: dev.tsv}], test: [{path: test.tsv}]}, "
        "metric: accuracy, licence: internal, redistributable: no, citation: none}"
    )
    (tmp_path / "t").write_text("so , a test that one likes to see over and over !\n")
    assert "sentiment/mine" in known_real_cards(CardCatalog([tmp_path]))
    dev, test = check_cards(
        Corpus.open([tmp_path / "t"]), ["sentiment/mine"], CardCatalog([tmp_path])
    )[0]
    assert (dev.split, dev.runs_found) == ("dev", 1)  # "that one likes to see over and over"
    assert (test.split, test.runs_found, test.runs) == ("test", 3, 3)


@pytest.mark.slow
def test_without_a_network_only_one_card_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def load_remote_task(card: TaskCard) -> Task:
        tried.append(card.id)
        task = Task(CardCatalog().get("ner/control-ner"))
        monkeypatch.setattr(Task, "is_local", property(lambda self: False))
        monkeypatch.setattr(Task, "split", unreachable)
        return task

    def unreachable(self: Task, split: str) -> None:
        requested.append(split)
        raise DownloadError("gave up")

    requested: list[str] = []
    monkeypatch.setattr(overlap, "Task", load_remote_task)
    (tmp_path / "t").write_text("one line\n")
    rows, missing = check_cards(Corpus.open([tmp_path / "t"]))
    assert rows == []
    assert set(missing) == set(tried) == set(known_real_cards(CardCatalog()))
    assert requested == ["dev"]
    assert sorted(missing.values())[0] == "gave up"
