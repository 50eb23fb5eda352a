"""A pipeline of another package, with an example class of its own, is used like a built-in one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from command_line import elmobench
from torch import Tensor, nn
from torch.nn import functional as F

from elmobench.analysis.inspect.slices import slice_table
from elmobench.analysis.report.page.examples import example_groups
from elmobench.bench.run import run_experiment
from elmobench.core.errors import DataError
from elmobench.data.cards.card_numbers import SplitCounts
from elmobench.data.cards.catalog import CardCatalog, load_card
from elmobench.data.cards.counts import frequencies
from elmobench.data.examples import Sentence
from elmobench.data.readers.base import READERS, Reader, ReaderOptions, ReadResult, SourceText
from elmobench.metrics.base import METRICS, Metric, Scores, Tally
from elmobench.nn.pooling import masked_mean
from elmobench.tasks.base import HeadOptions, LabelCodec, Pipeline
from elmobench.tasks.head import Batch, Head, HeadPreset, MixDefaults, Mixed, TrainingOptions
from elmobench.tasks.registries import HEADS, PIPELINES
from elmobench.tasks.task import Task
from elmobench.tracking.record_store import RecordStore

CARD = """\
name: reviews
pipeline: rating
version: 1
title: Reviews
description: For tests.
language: en
reader: {name: reviews}
splits: {train: [{path: train}], dev: [{path: dev}], test: [{path: test}]}
counts: {test: {examples: 40, labels: {"1": 20, "5": 20}}}
metric: star-distance
licence: none
redistributable: no
citation: none
"""


@dataclass(frozen=True)
class Review:
    """A class that the program does not know; annotations are dictionaries."""

    id: str
    title: Sentence
    paragraphs: tuple[Sentence, ...]
    stars: int


class Rating(Pipeline[Review]):
    """Reviews with a number of stars."""

    name: ClassVar[str] = "rating"
    metrics: ClassVar[tuple[str, ...]] = ("star-distance",)

    def slots(self, example: Review) -> dict[str, list[Sentence]]:
        return {"title": [example.title], "body": list(example.paragraphs)}

    def labels_of(self, example: Review) -> list[str]:
        return [str(example.stars)]

    def count(self, examples: Sequence[Review]) -> SplitCounts:
        labels = frequencies(str(example.stars) for example in examples)
        return super().count(examples).model_copy(update={"labels": labels})

    def codec(self, train: Sequence[Review], labels: Sequence[str] | None) -> LabelCodec:
        return LabelCodec(labels=[str(stars) for stars in range(1, 6)])

    def gold(self, example: Review) -> dict[str, int]:
        return {"stars": example.stars}

    def annotation_labels(self, annotation: dict[str, int]) -> list[str]:
        return [str(annotation["stars"])]

    def format_annotation(self, annotation: Any, tokens: Sequence[str] | None = None) -> str:
        return "*" * annotation["stars"]

    def from_tokens(self, tokens: Sentence) -> Review:
        return Review("text", tokens[:1], (tokens[1:],), 0)


class StarHead(Head[Review]):
    """One linear layer over the mean vectors of the title."""

    def __init__(self, input_dims: Any, codec: LabelCodec, options: HeadOptions) -> None:
        super().__init__(input_dims, codec, options)
        self.output = nn.Linear(input_dims["input"], len(codec.labels))

    def scores(self, batch: Batch[Review], mixed: Mixed) -> Tensor:
        return self.output(masked_mean(mixed["input"]["title"], batch.slots["title"].mask))

    def loss(self, batch: Batch[Review], mixed: Mixed) -> Tensor:
        gold = torch.tensor([example.stars - 1 for example in batch.examples])
        return F.cross_entropy(self.scores(batch, mixed), gold)

    def predict(self, batch: Batch[Review], mixed: Mixed) -> list[dict[str, int]]:
        return [{"stars": i + 1} for i in self.scores(batch, mixed).argmax(dim=1).tolist()]


class ReviewReader(Reader[ReaderOptions]):
    """Lines of stars, title and paragraphs, separated by tabs."""

    name: ClassVar[str] = "reviews"
    version: ClassVar[int] = 1
    options_type: ClassVar[type[ReaderOptions]] = ReaderOptions

    def read(self, source: SourceText, options: ReaderOptions) -> ReadResult:
        examples = []
        for number, row in source.rows():
            stars, title, *paragraphs = row.split("\t")
            words = tuple(tuple(paragraph.split()) for paragraph in paragraphs)
            examples.append(Review(source.id(number), (title,), words, int(stars)))
        return ReadResult(examples)


class StarDistance(Metric):
    """How many stars are right, in percent."""

    name: ClassVar[str] = "star-distance"
    version: ClassVar[int] = 1
    primary: ClassVar[str] = "right"

    def compute(self, gold: Sequence[Any], predicted: Sequence[Any]) -> Scores:
        right = np.mean([a["stars"] == b["stars"] for a, b in zip(gold, predicted, strict=True)])
        return Scores(self.primary, {"right": 100 * float(right)})

    def tally(self, gold: Sequence[Any], systems: Sequence[Sequence[Any]]) -> Tally:
        return self._tally(
            gold,
            systems,
            lambda a, b: (float(a["stars"] == b["stars"]), 1.0),
            lambda sums: 100 * sums[..., 0] / sums[..., 1],
        )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a card and data; pipeline, head, reader and metric are registered."""
    preset = HeadPreset(
        head=StarHead,
        options=HeadOptions(),
        training=TrainingOptions(lr=0.05, batch_size=8, epochs=8),
        mix=MixDefaults(dropout=0.0, static_dropout=0.0),
        version=1,
    )
    monkeypatch.setitem(PIPELINES._entries, "rating", Rating())
    monkeypatch.setitem(HEADS._entries, "rating/linear", preset)
    monkeypatch.setitem(READERS._entries, "reviews", ReviewReader())
    monkeypatch.setitem(METRICS._entries, "star-distance", StarDistance())
    cards = tmp_path / "cards"
    cards.mkdir()
    (cards / "reviews.yaml").write_text(CARD)
    rows = ["5\tlovely\tit is so good\tbuy it", "1\tawful\tdo not buy it\tit is bad"] * 20
    for split in ("train", "dev", "test"):
        (cards / split).write_text("\n".join(rows) + "\n")
    return cards


def test_its_examples_are_counted_and_checked(folder: Path) -> None:
    task = Task(load_card(folder / "reviews.yaml"))
    assert isinstance(task.pipeline, Rating)
    assert task.split_counts["test"] == SplitCounts(
        examples=40, tokens=20 * 7 + 20 * 8, labels={"1": 20, "5": 20}
    )
    assert task.labels == ["1", "5"]
    (folder / "listed.yaml").write_text(CARD + "labels: ['5']\n")
    with pytest.raises(DataError, match="labels that the card does not list: 1"):
        Task(load_card(folder / "listed.yaml")).split("train")
    (folder / "wrong.yaml").write_text(CARD.replace('"1": 20', '"1": 19'))
    with pytest.raises(DataError, match="labels: the card says 1 19, 5 20, the data have 1 20"):
        Task(load_card(folder / "wrong.yaml")).split("test")


def test_examples_of_another_pipeline_are_an_error(folder: Path) -> None:
    card = CARD.replace("pipeline: rating", "pipeline: sentiment")
    (folder / "mixed-up.yaml").write_text(card)
    with pytest.raises(DataError, match="pipeline sentiment cannot use examples of type Review"):
        Task(load_card(folder / "mixed-up.yaml")).split("train")


def test_run_report_and_predict(folder: Path, tmp_path: Path) -> None:
    experiment = {
        "name": "stars",
        "tasks": ["rating/reviews"],
        "features": ["random", "elmo-random"],
        "heads": ["linear"],
    }
    results = tmp_path / "results"
    summary = run_experiment(
        experiment, results=results, cards=CardCatalog([folder]), tracking_uri="none", quiet=True
    )
    assert [record.result.test["right"] for record in summary.records] == [100.0, 100.0]
    assert [record.result.notes for record in summary.records] == [[], []]
    store = RecordStore(results)
    # Let the second system answer 5 throughout, so that the two disagree.
    first, second = summary.records
    rows = store.read_predictions(second.cell)
    changed = [{**row, "predicted": {"stars": 5}} for row in rows]
    digest = store.write_predictions(second.cell, changed)
    result = second.result.model_copy(update={"predictions_digest": digest})
    second = second.model_copy(update={"result": result})
    store.write(second)
    cards = CardCatalog([folder])
    (group,) = example_groups(store, [first, second], ["random", "elmo-random"], cards)
    row = group["rows"][0]
    assert row["text"] == "awful | do not buy it | it is bad"
    assert row["gold"] == "*"
    assert sorted(row["predicted"]) == ["*", "*****"]
    # It marks no spans, so slices by entities are left out.
    assert not any("entities" in name for name in slice_table(store, cards).get("slice", ()))
    path = store.record_path(first.cell)
    completed = elmobench("predict", path, "lovely and good", "--tokenized")
    assert completed.returncode == 0, completed.stderr
    assert completed.stdout == "*****\tlovely and good\n"


def test_a_head_that_gives_one_answer_is_noted(folder: Path, tmp_path: Path) -> None:
    experiment = {
        "name": "stars",
        "tasks": ["rating/reviews"],
        "features": ["random"],
        "heads": ["linear"],
        "overrides": [{"set": {"training.lr": 1e-12, "training.epochs": 1}}],
        "seeds": [1],
    }
    (folder / "test").write_text("5\tlovely\tgood\n1\tlovely\tbad\n" * 20)
    summary = run_experiment(
        experiment,
        results=tmp_path / "r",
        cards=CardCatalog([folder]),
        tracking_uri="none",
        quiet=True,
    )
    (note,) = summary.records[0].result.notes
    assert "throughout: it may need more epochs" in note
