"""Pairs with a marked word: heads, the threshold against all thresholds, users' texts, a run."""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny_problems
import torch
from tiny_problems import DIM, LAYERS, WORDS, mixed_of

import elmobench
from elmobench.analysis.stats.differences import compare
from elmobench.analysis.stats.tallies import TallyCache
from elmobench.bench.predict import Predictor
from elmobench.core.errors import DataError
from elmobench.data.controls import GENERATORS
from elmobench.data.controls.ceilings import marked_ceiling
from elmobench.data.examples import MarkedPair
from elmobench.nn.feature_mixer import FeatureMixer, PartConfig
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.head import Batch
from elmobench.tasks.registries import get_head
from elmobench.tasks.task import load_task
from elmobench.tasks.wic.pipeline import PIPELINE
from elmobench.tracking.record_store import RecordStore

CASES = [("linear", 60, 0.1), ("mlp", 40, 1e-2), ("small", 30, 5e-3)]


def pairs(n: int = 50) -> list[MarkedPair]:
    """T if the marked words, of one or two tokens, are from the same half of a few words."""
    draw = random.Random(6)
    made = []
    for i in range(n):
        sides, marks, halves = [], [], []
        for _ in range(2):
            half = draw.randrange(2)
            word = [WORDS[half * 4 + draw.randrange(4)] for _ in range(draw.randint(1, 2))]
            before = [draw.choice(WORDS[20:]) for _ in range(draw.randint(0, 3))]
            after = [draw.choice(WORDS[20:]) for _ in range(draw.randint(0, 3))]
            sides.append((*before, *word, *after))
            marks.append((len(before), len(before) + len(word) - 1))
            halves.append(half)
        label = "T" if halves[0] == halves[1] else "F"
        made.append(MarkedPair(f"p{i}", sides[0], sides[1], (marks[0], marks[1]), label))
    return made


def batch_of(examples: list[MarkedPair], spare: int = 0) -> Batch[MarkedPair]:
    return tiny_problems.batch_of(PIPELINE, examples, spare)


def build(preset: str, examples: list[MarkedPair]) -> tuple[Any, FeatureMixer]:
    torch.manual_seed(7)
    chosen = get_head("wic", preset)
    mixer = FeatureMixer([PartConfig("p", LAYERS, DIM)], chosen.mix.standardize)
    head = chosen.head({"input": mixer.out_dim}, PIPELINE.codec(examples, None), chosen.options)
    if chosen.mix.standardize:
        mixer.fit_standardizer(batch_of(examples).slots.values())
    return head, mixer


@pytest.mark.slow
@pytest.mark.parametrize(("preset", "epochs", "lr"), CASES, ids=[case[0] for case in CASES])
def test_a_head_learns(preset: str, epochs: int, lr: float) -> None:
    examples = pairs()
    head, mixer = build(preset, examples)
    batch = batch_of(examples)
    head.loss(batch, mixed_of(mixer, batch)).backward()
    for name, parameter in [*head.named_parameters(), *mixer.named_parameters()]:
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    optimizer = torch.optim.Adam([*head.parameters(), *mixer.parameters()], lr=lr)
    for _ in range(epochs):
        for start in range(0, len(examples), 10):
            part = batch_of(examples[start : start + 10])
            optimizer.zero_grad()
            head.loss(part, mixed_of(mixer, part)).backward()
            optimizer.step()
    head.eval()
    mixer.eval()
    predicted = head.predict(batch, mixed_of(mixer, batch))
    assert json.loads(json.dumps(predicted)) == predicted
    right = sum(a == e.label for a, e in zip(predicted, examples, strict=True))
    assert right >= 48


@pytest.mark.parametrize("preset", ["linear", "mlp", "small", "threshold"])
def test_results_depend_neither_on_the_batch_nor_on_padding(preset: str) -> None:
    examples = pairs(8)
    head, mixer = build(preset, examples)
    head.eval()
    together = batch_of(examples, spare=3)
    mixed = mixed_of(mixer, together)
    dirty = {
        "input": {
            name: torch.where(together.slots[name].mask.unsqueeze(-1), x, 1e4)
            for name, x in mixed["input"].items()
        }
    }
    score = head.cosines if preset == "threshold" else head.scores
    scores = score(together, mixed)
    torch.testing.assert_close(score(together, dirty), scores)
    for i, example in enumerate(examples):
        alone = batch_of([example])
        torch.testing.assert_close(
            score(alone, mixed_of(mixer, alone))[0], scores[i], atol=1e-5, rtol=1e-5
        )


def test_the_linear_head_reads_nothing_but_the_marked_words() -> None:
    examples = pairs(5)
    head, mixer = build("linear", examples)
    batch = batch_of(examples)
    mixed = mixed_of(mixer, batch)
    for i, example in enumerate(examples):
        u, v = (
            mixed["input"][slot][i, first : last + 1].mean(dim=0)
            for slot, (first, last) in zip(("first", "second"), example.marks, strict=True)
        )
        vector = torch.cat([(u - v).abs(), u * v])
        torch.testing.assert_close(head.scores(batch, mixed)[i], head.output(vector))


@pytest.mark.parametrize("swapped", [False, True], ids=["same above", "same below"])
def test_the_threshold_is_the_best_of_all(swapped: bool) -> None:
    examples = pairs(40)
    if swapped:
        examples = [replace(e, label="F" if e.label == "T" else "T") for e in examples]
    head, mixer = build("threshold", examples)
    batches = [batch_of(examples[:25]), batch_of(examples[25:])]
    head.fit([(batch, mixed_of(mixer, batch)) for batch in batches])
    whole = batch_of(examples)
    mixed = mixed_of(mixer, whole)
    predicted = head.predict(whole, mixed)
    gold = [example.label for example in examples]
    found = sum(a == b for a, b in zip(predicted, gold, strict=True))
    cosines = [
        torch.nn.functional.cosine_similarity(
            *(
                mixed["input"][slot][i, first : last + 1].double().mean(dim=0)
                for slot, (first, last) in zip(("first", "second"), e.marks, strict=True)
            ),
            dim=0,
        ).item()
        for i, e in enumerate(examples)
    ]
    assert head.cosines(whole, mixed).tolist() == pytest.approx(cosines)
    best = max(
        sum(
            (above if cosine > cut else other) == label
            for cosine, label in zip(cosines, gold, strict=True)
        )
        for cut in [-2.0, *cosines]
        for above, other in (("T", "F"), ("F", "T"))
    )
    assert found == best
    assert head.codec.labels[int(head.above)] == ("F" if swapped else "T")
    again, _ = build("threshold", examples)
    again.load_state_dict(head.state_dict())
    assert again.predict(whole, mixed) == predicted
    assert again.probabilities(whole, mixed) is None


def test_a_threshold_needs_two_labels() -> None:
    preset = get_head("wic", "threshold")
    with pytest.raises(DataError, match="two labels, but there are 3"):
        preset.head({"input": 2}, LabelCodec(labels=["a", "b", "c"]), preset.options)


def test_one_label_in_training_is_predicted_throughout() -> None:
    examples = [replace(example, label="T") for example in pairs(6)]
    preset = get_head("wic", "threshold")
    mixer = FeatureMixer([PartConfig("p", LAYERS, DIM)])
    head: Any = preset.head({"input": DIM}, LabelCodec(labels=["F", "T"]), preset.options)
    batch = batch_of(examples)
    head.fit([(batch, mixed_of(mixer, batch))])
    assert head.predict(batch, mixed_of(mixer, batch)) == ["T"] * 6


def test_what_users_write() -> None:
    pair = PIPELINE.from_text("A [bank] opened. ||| We sat on the [river bank].")
    assert pair.first == ("A", "bank", "opened", ".")
    assert pair.second[4:6] == ("river", "bank")
    assert pair.marks == ((1, 1), (4, 5))
    tokens = ("a", "[bank]", "|||", "[the", "bank]")
    assert PIPELINE.from_tokens(tokens).marks == ((1, 1), (0, 1))
    for wrong in ("a [b]", "a [b] ||| c", "a [b] ||| c [ ]", "a ] b [ ||| [c]", "[a]|||[b]|||[c]"):
        with pytest.raises(DataError, match="square brackets"):
            PIPELINE.from_text(wrong)


@pytest.mark.parametrize("marks", [((0, 0), (0, 3)), ((-1, 0), (0, 0)), ((1, 0), (0, 0))])
def test_marks_outside_of_a_sentence(marks: Any) -> None:
    with pytest.raises(ValueError, match="mark"):
        MarkedPair("x", ("a", "b"), ("c", "d"), marks, "T")


def test_the_control_and_its_ceiling() -> None:
    task = load_task("wic/control-wic")
    assert task.card.ceiling is not None
    generator = GENERATORS.get("control-wic")
    texts = []
    for split in task.splits:
        examples = task.split(split)
        assert generator.context_free_ceiling(examples) == pytest.approx(70.0)
        texts += [set(itertools.chain.from_iterable((e.first, e.second) for e in examples))]
        # Twins have one first sentence and opposite labels.
        firsts = [e.first for e in examples]
        assert all(firsts.count(first) == 2 for first in firsts)
    assert not texts[0] & texts[1]
    assert not texts[0] & texts[2]
    assert not texts[1] & texts[2]


def test_ceiling_of_a_case_by_hand() -> None:
    marks = ((0, 0), (1, 1))
    made = [
        MarkedPair(str(i), (first, "x"), ("y", second), marks, label)
        for i, (first, second, label) in enumerate(
            [("a", "a", "T"), ("a", "a", "T"), ("a", "a", "F"), ("b", "a", "F")]
        )
    ]
    assert marked_ceiling(made) == 75.0


@pytest.mark.slow
def test_a_run(tmp_path: Path) -> None:
    results = elmobench.run(
        {
            "name": "wic",
            "tasks": ["wic/control-wic"],
            "features": ["glove-mini", "elmo-mini"],
            "heads": ["linear", "threshold"],
            "overrides": [
                {
                    "when": {"head": "linear"},
                    "set": {"training.epochs": 8, "training.grid": {}, "training.lr": 0.03},
                }
            ],
        },
        results=tmp_path / "results",
        quiet=True,
        tracking_uri="none",
        limit=200,
    )
    tallies = TallyCache(RecordStore(results.folder))
    rows = compare(tallies, "elmo-mini", "glove-mini")
    assert {row.head for row in rows} == {"linear", "threshold"}
    assert all(row.estimate.variance is not None for row in rows)
    text = "The rusty [crane] jammed . ||| The hungry [crane] slept ."
    for record in tallies.records:
        ((_, label),) = Predictor(tallies.store, record.cell).predict([text], tokenized=True)
        assert label in ("T", "F")
