"""Several labels per text: codec, heads, notes, and a run with its report."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn.metrics import f1_score
from tiny_problems import WORDS, batch_of, build, mixed_of, train

import elmobench
from elmobench.analysis.report.page.labels import confused, labels_section
from elmobench.analysis.stats.differences import compare
from elmobench.analysis.stats.tallies import TallyCache
from elmobench.bench.predict import Predictor
from elmobench.core.errors import DataError
from elmobench.data.controls import GENERATORS
from elmobench.data.controls.ceilings import label_set_ceiling
from elmobench.data.examples import LabelledText
from elmobench.metrics.base import get_metric
from elmobench.tasks.multilabel.pipeline import PIPELINE
from elmobench.tasks.registries import get_head
from elmobench.tasks.task import load_task
from elmobench.tracking.record_store import RecordStore

CASES = [("linear", 60, 0.1), ("mlp", 40, 1e-2), ("small", 30, 5e-3)]


def texts(n: int = 50) -> list[LabelledText]:
    """A label for each third of the vocabulary of which a text has a word; some texts have none."""
    draw = random.Random(5)
    made = []
    for i in range(n):
        tokens = tuple(draw.choice(WORDS) for _ in range(draw.randint(1, 3)))
        labels = {f"part{WORDS.index(word) // 10}" for word in tokens}
        made.append(LabelledText(f"t{i}", tokens, tuple(sorted(labels - {"part3"}))))
    return made


def built(preset: str, examples: list[LabelledText], **options: Any) -> tuple[Any, Any]:
    torch.manual_seed(7)
    return build(PIPELINE, get_head("multilabel", preset), examples, **options)


@pytest.mark.parametrize(("preset", "epochs", "lr"), CASES, ids=[case[0] for case in CASES])
def test_a_head_learns_sets(preset: str, epochs: int, lr: float) -> None:
    examples = texts()
    assert {len(example.labels) for example in examples} == {0, 1, 2, 3}
    head, mixer = built(preset, examples)
    batch = batch_of(PIPELINE, examples)
    head.loss(batch, mixed_of(mixer, batch)).backward()
    for name, parameter in [*head.named_parameters(), *mixer.named_parameters()]:
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    train(PIPELINE, head, mixer, examples, epochs, lr)
    predicted = head.predict(batch, mixed_of(mixer, batch))
    assert json.loads(json.dumps(predicted)) == predicted
    gold = [PIPELINE.gold(example) for example in examples]
    assert get_metric("subset-accuracy").compute(gold, predicted).score >= 98


@pytest.mark.parametrize("preset", [case[0] for case in CASES])
def test_results_depend_neither_on_the_batch_nor_on_padding(preset: str) -> None:
    examples = texts(8)
    head, mixer = built(preset, examples)
    head.eval()
    together = batch_of(PIPELINE, examples, spare=3)
    mixed = mixed_of(mixer, together)
    dirty = torch.where(together.slots["text"].mask.unsqueeze(-1), mixed["input"]["text"], 1e4)
    scores = head.scores(together, mixed)
    torch.testing.assert_close(head.scores(together, {"input": {"text": dirty}}), scores)
    losses = []
    for i, example in enumerate(examples):
        alone = batch_of(PIPELINE, [example])
        mixed_alone = mixed_of(mixer, alone)
        torch.testing.assert_close(
            head.scores(alone, mixed_alone)[0], scores[i], atol=1e-5, rtol=1e-5
        )
        losses.append(head.loss(alone, mixed_alone))
    torch.testing.assert_close(head.loss(together, mixed), torch.stack(losses).mean())


def test_loss_probabilities_and_threshold_are_those_of_single_labels() -> None:
    examples = texts(6)
    head, mixer = built("linear", examples)
    batch = batch_of(PIPELINE, examples)
    mixed = mixed_of(mixer, batch)
    labels = head.codec.labels
    shares = head.probabilities(batch, mixed)
    surprise = [
        -torch.tensor(share[label] if label in example.labels else 1 - share[label]).log()
        for share, example in zip(shares, examples, strict=True)
        for label in labels
    ]
    torch.testing.assert_close(head.loss(batch, mixed), torch.stack(surprise).mean())
    for threshold in (0.4, 0.5, 0.6):
        other, _ = built("linear", examples, threshold=threshold)
        other.load_state_dict(head.state_dict())
        assert other.predict(batch, mixed) == [
            sorted(label for label in labels if share[label] >= threshold) for share in shares
        ]


def test_codec_and_errors() -> None:
    examples = texts(5)
    assert PIPELINE.codec(examples, ["x", *[f"part{i}" for i in range(3)]]).labels[0] == "x"
    with pytest.raises(DataError, match=r"'part\d' is not among"):
        PIPELINE.codec(examples, ["x"])
    with pytest.raises(DataError, match="no training example has a label"):
        PIPELINE.codec([LabelledText("a", ("b",), ())], None)
    head, mixer = built("linear", examples)
    batch = batch_of(PIPELINE, [LabelledText("x7", (WORDS[0],), ("odd",))])
    with pytest.raises(DataError, match=r"x7.*'odd'"):
        head.loss(batch, mixed_of(mixer, batch))


def test_notes_and_formats() -> None:
    assert "no label throughout" in (PIPELINE.note_on([["a"], []], [[], []]) or "")
    assert "'a' throughout" in (PIPELINE.note_on([["a"], ["b"]], [["a"], ["a"]]) or "")
    assert PIPELINE.note_on([["a"], ["b"]], [["a"], ["b"]]) is None
    assert PIPELINE.note_on([[], []], [[], []]) is None
    assert PIPELINE.format_annotation(["a", "b"]) == "a, b"
    assert PIPELINE.format_annotation([]) == "no label"
    # Sets of one size are no rows of a confusion matrix.
    assert confused(PIPELINE, ["a", "b"], ["a", "c"]) == []


def test_the_control_and_its_ceiling() -> None:
    task = load_task("multilabel/control-multilabel")
    assert task.card.ceiling is not None
    generator = GENERATORS.get("control-multilabel")
    ceiling = task.card.ceiling.context_free
    for split, error in (("test", 1e-9), ("train", 2), ("dev", 2)):
        found = generator.context_free_ceiling(task.split(split))
        assert found == pytest.approx(ceiling, abs=error)
    bags = [{tuple(sorted(e.tokens)) for e in task.split(split)} for split in task.splits]
    assert not bags[0] & bags[1]
    assert not bags[0] & bags[2]
    assert not bags[1] & bags[2]
    assert any(not example.labels for example in task.split("test"))


def test_the_ceiling_is_that_of_the_best_of_all_functions() -> None:
    """By trying every function from bags to sets of labels of a small set."""
    examples = [
        LabelledText("1", ("a", "b"), ("x", "y")),
        LabelledText("2", ("b", "a"), ("y",)),
        LabelledText("3", ("b", "a"), ()),
        LabelledText("4", ("c",), ("x",)),
        LabelledText("5", ("c",), ("y",)),
        LabelledText("6", ("d",), ()),
    ]
    bags = [("a", "b"), ("c",), ("d",)]
    sets = [(), ("x",), ("y",), ("x", "y")]
    best = 0.0
    for i in range(len(sets) ** len(bags)):
        given = {bag: sets[i // len(sets) ** k % len(sets)] for k, bag in enumerate(bags)}
        rows = [(e.labels, given[tuple(sorted(e.tokens))]) for e in examples]
        gold, predicted = (
            [[label in row[side] for label in ("x", "y")] for row in rows] for side in (0, 1)
        )
        best = max(best, 100 * f1_score(gold, predicted, average="micro", zero_division=0))
    assert label_set_ceiling(examples) == pytest.approx(best)


def test_a_run_and_its_report(tmp_path: Path) -> None:
    results = elmobench.run(
        {
            "name": "sets",
            "tasks": ["multilabel/control-multilabel"],
            "features": ["glove-mini", "random"],
            "overrides": [{"set": {"training.epochs": 5, "training.grid": {}, "training.lr": 0.1}}],
        },
        results=tmp_path / "results",
        quiet=True,
        tracking_uri="none",
    )
    tallies = TallyCache(RecordStore(results.folder))
    (row,) = compare(tallies, "glove-mini", "random")
    assert row.metric == "micro_f1"
    (table,) = labels_section(tallies, ["glove-mini", "random"]).tables
    assert {cells[0].text for cells in table.rows} == {"criticism", "music", "praise", "screen"}
    record = tallies.records[0]
    assert record.result is not None
    assert record.result.test["micro_f1"] > 60
    ((_, labels),) = Predictor(tallies.store, record.cell).predict(["the song was good ."])
    assert isinstance(labels, list)
    assert set(labels) <= {"criticism", "music", "praise", "screen"}
