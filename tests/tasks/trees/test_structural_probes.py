"""Structural probes: formulas in loops, learning, padding; annotations; a run of the control."""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_problems import WORDS, batch_of, build, mixed_of, train

import elmobench
from elmobench.analysis.stats.differences import compare
from elmobench.analysis.stats.tallies import TallyCache
from elmobench.bench.predict import Predictor
from elmobench.core.errors import DataError
from elmobench.data.examples import TreeText
from elmobench.data.trees import tree_depths, tree_distances
from elmobench.metrics.base import get_metric
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.registries import get_head
from elmobench.tasks.trees.pipeline import DEPTH, DISTANCE
from elmobench.tracking.record_store import RecordStore

PIPELINES = {pipeline.name: pipeline for pipeline in (DISTANCE, DEPTH)}
HEADS = [(name, head) for name in PIPELINES for head in ("linear", "paper")]


def texts(n: int = 40) -> list[TreeText]:
    """Chains in any order: a word's quarter of the vocabulary is its depth."""
    draw = random.Random(3)
    made = []
    for i in range(n):
        depths = list(range(draw.randint(1, 4)))
        draw.shuffle(depths)
        heads = tuple(depths.index(depth - 1) if depth else -1 for depth in depths)
        words = tuple(WORDS[10 * depth + draw.randrange(10)] for depth in depths)
        made.append(TreeText(f"t{i}", words, heads))
    return made


def built(pipeline: str, preset: str, **options: Any) -> tuple[Any, Any]:
    torch.manual_seed(7)
    return build(PIPELINES[pipeline], get_head(pipeline, preset), texts(), **options)


@pytest.mark.parametrize(("name", "preset"), HEADS)
def test_scores_loss_and_predictions_against_loops(name: str, preset: str) -> None:
    examples = texts(5)
    head, mixer = built(name, preset, rank=7)
    head.eval()
    losses, predictions = [], []
    for example in examples:
        one = batch_of(PIPELINES[name], [example])
        vectors = mixed_of(mixer, one)["input"]["text"][0].double()
        mapped = [vector @ head.projection.double() for vector in vectors]
        assert len(mapped[0]) == 7
        words = range(len(mapped))
        if name == "tree-distance":
            square = [[(mapped[a] - mapped[b]).pow(2).sum() for b in words] for a in words]
            gold = tree_distances(example.heads)
            errors = [(square[a][b] - gold[a, b]).abs() for a in words for b in words]
            losses.append(sum(errors) / len(mapped) ** 2)
            predictions.append([square[a][b] for a, b in itertools.combinations(words, 2)])
        else:
            norms = [vector.pow(2).sum() for vector in mapped]
            depths = tree_depths(example.heads)
            errors = [(norm - depth).abs() for norm, depth in zip(norms, depths, strict=True)]
            losses.append(sum(errors) / len(mapped))
            predictions.append(norms)
    batch = batch_of(PIPELINES[name], examples, spare=2)
    mixed = mixed_of(mixer, batch)
    loss = head.loss(batch, mixed)
    assert loss.item() == pytest.approx(sum(losses).item() / len(losses), rel=1e-5)
    predicted = head.predict(batch, mixed)
    assert json.loads(json.dumps(predicted)) == predicted
    for found, expected in zip(predicted, predictions, strict=True):
        assert found == pytest.approx([one.item() for one in expected], abs=2e-4)
        assert all(value == round(value, 4) for value in found)
    # What is at padding has no effect, and no gradient.
    mask = batch.slots["text"].mask.unsqueeze(-1)
    dirty = torch.where(mask, mixed["input"]["text"], 1e4).detach().requires_grad_()
    wrong = head.loss(batch, {"input": {"text": dirty}})
    wrong.backward()
    torch.testing.assert_close(wrong, loss)
    assert dirty.grad is not None
    assert not (dirty.grad * ~mask).any()
    assert head.predict(batch, {"input": {"text": dirty}}) == predicted


@pytest.mark.parametrize(("name", "preset"), HEADS)
def test_a_probe_learns(name: str, preset: str) -> None:
    examples = texts()
    head, mixer = built(name, preset)
    batch = batch_of(PIPELINES[name], examples)
    head.loss(batch, mixed_of(mixer, batch)).backward()
    for parameter in [*head.parameters(), *mixer.parameters()]:
        assert parameter.grad is not None
        assert parameter.grad.abs().sum() > 0
    train(PIPELINES[name], head, mixer, examples, 30, 0.01)
    predicted = head.predict(batch, mixed_of(mixer, batch))
    gold = [PIPELINES[name].gold(example) for example in examples]
    assert get_metric(PIPELINES[name].metrics[0]).compute(gold, predicted).score >= 95


def test_equal_words_are_at_distance_zero_with_a_gradient() -> None:
    head, mixer = built("tree-distance", "paper")
    word, other = WORDS[:2]
    example = TreeText("e", (word, other, word), (-1, 0, 0))
    batch = batch_of(DISTANCE, [example])
    mixed = mixed_of(mixer, batch)
    predicted = head.predict(batch, mixed)[0]
    assert predicted[1] == 0.0
    assert predicted[0] == predicted[2] > 0
    head.loss(batch, mixed).backward()
    assert torch.isfinite(head.projection.grad).all()


def test_rank_and_initial_values() -> None:
    for options, shape in (({}, (24, 24)), ({"rank": 3}, (24, 3)), ({"rank": 30}, (24, 30))):
        head, _ = built("tree-depth", "paper", **options)
        assert head.projection.shape == shape
        assert 0.04 < head.projection.abs().max() <= 0.05
    assert built("tree-distance", "linear")[0].projection.shape == (24, 64)


def test_a_head_that_diverged_still_predicts_numbers() -> None:
    head, mixer = built("tree-distance", "paper")
    batch = batch_of(DISTANCE, texts(4))
    for value in (1e30, float("nan")):
        torch.nn.init.constant_(head.projection, value)
        predicted = head.predict(batch, mixed_of(mixer, batch))
        gold = [DISTANCE.gold(example) for example in texts(4)]
        get_metric("uuas").compute(gold, predicted)


def test_annotations_and_texts() -> None:
    example = TreeText("x", ("old", "dogs", "sleep", "."), (1, 2, -1, 2), (3,))
    gold = {"heads": [1, 2, -1, 2], "punctuation": [3]}
    words = example.tokens
    assert DISTANCE.gold(example) == DEPTH.gold(example) == gold
    assert DISTANCE.format_annotation(gold, words) == "old–dogs, dogs–sleep, sleep–."
    assert DISTANCE.format_annotation([1.0, 2.1, 2.9, 1.2, 2.5, 0.8]) == "1–2, 2–3, 3–4"
    assert DISTANCE.format_annotation([], ["a"]) == ""
    assert DEPTH.format_annotation(gold, words) == "old 2, dogs 1, sleep 0, . 1"
    assert DEPTH.format_annotation([1.0, 0.26]) == "1 1.0, 2 0.3"
    assert DEPTH.from_text("Dogs sleep.") == TreeText("text", ("Dogs", "sleep", "."), ())
    counts = DEPTH.count([example, replace(example, id="y")])
    assert (counts.examples, counts.tokens) == (2, 8)
    assert DEPTH.codec([example], None) == LabelCodec(labels=[])
    assert DEPTH.problem_of(example) is None
    assert DEPTH.problem_of(DEPTH.from_text("Dogs sleep.")) == "the tree is not known"
    with pytest.raises(DataError, match="lists labels"):
        DISTANCE.codec([example], ["a"])


@pytest.mark.slow
def test_a_run_of_the_control(tmp_path: Path) -> None:
    """Contextual vectors know which verb is the root, and context-free ones cannot."""
    results = elmobench.run(
        {
            "name": "trees",
            "tasks": ["tree-depth/control-tree-depth", "tree-distance/control-tree-distance"],
            "features": ["elmo-mini@layer=0", "elmo-mini@layer=1"],
            "heads": ["linear"],
            "overrides": [
                {"set": {"training.epochs": 10, "training.grid": {}, "training.lr": 0.01}}
            ],
        },
        results=tmp_path / "results",
        quiet=True,
        tracking_uri="none",
    )
    tallies = TallyCache(RecordStore(results.folder))
    rows = compare(tallies, "elmo-mini@layer=1", "elmo-mini@layer=0")
    assert [row.estimate.variance is not None for row in rows] == [True, True]
    for record in tallies.records:
        assert record.result is not None
        is_depth = record.task.startswith("tree-depth")
        score = record.result.test["root_accuracy" if is_depth else "uuas"]
        ceiling = 70.0 if is_depth else 85.0
        assert (score > ceiling) == ("layer=1" in record.features), (record.task, score)
        ((tokens, numbers),) = Predictor(tallies.store, record.cell).predict(["Dogs sleep now."])
        assert len(tokens) == 4
        assert len(numbers) == (4 if is_depth else 6)
