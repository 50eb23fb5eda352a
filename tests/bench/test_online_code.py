"""Description length by the online code, against its definition and the paper's properties."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tiny_cards import CARD
from tiny_problems import batch_of, build, mixed_of, sentences

from elmobench.analysis.stats.comparable import comparison_key
from elmobench.bench.context import RunContext
from elmobench.bench.experiment.schema import parse_experiment
from elmobench.bench.online_code import known_labels, portion_ends
from elmobench.bench.plan import make_plan
from elmobench.bench.run import RunSummary, run_experiment
from elmobench.core import paths
from elmobench.core.errors import ConfigError, DataError
from elmobench.data.cards.catalog import CardCatalog
from elmobench.tasks.tagging.pipeline import POS
from elmobench.tasks.tagging.presets import POS_LINEAR
from elmobench.tracking.record import OnlineCode
from elmobench.training.batching import ExampleSet, SentenceTable

EXPERIMENT: dict[str, Any] = {
    "name": "online-code",
    "tasks": ["pos/control-pos"],
    "features": ["random", "elmo-random@layer=1"],
    "heads": ["linear"],
    "seeds": [1],
    "limit": 300,
    "overrides": [
        {"set": {"training.epochs": 15, "training.grid": {}, "training.lr": 0.01}},
        {"set": {"training.online_code": True}},
    ],
}

ON: list[dict[str, Any]] = [{"set": {"training.online_code": True}}]


def test_a_head_of_equal_probabilities_has_the_uniform_code() -> None:
    examples = sentences(20)
    head, mixer = build(POS, POS_LINEAR, examples)
    torch.nn.init.zeros_(head.output.weight)
    torch.nn.init.zeros_(head.output.bias)
    batch = batch_of(POS, examples, spare=2)
    nats = head.nats(batch, mixed_of(mixer, batch))
    tokens = sum(len(example.tokens) for example in examples)
    assert len(nats) == tokens
    bits = float(nats.sum()) / math.log(2)
    assert bits == pytest.approx(tokens * math.log2(len(head.codec.labels)), rel=1e-12)


def test_nats_are_those_of_the_softmax_of_every_token() -> None:
    torch.manual_seed(0)
    examples = sentences(6)
    head, mixer = build(POS, POS_LINEAR, examples)
    head.eval()
    batch = batch_of(POS, examples, spare=2)
    mixed = mixed_of(mixer, batch)
    expected = []
    for b, example in enumerate(examples):
        for t, tag in enumerate(example.tags):
            scores = (
                head.output.weight @ mixed["input"]["sentence"][b, t] + head.output.bias
            ).tolist()
            gold = scores[head.codec.labels.index(tag)]
            expected.append(math.log(sum(map(math.exp, scores))) - gold)
    assert head.nats(batch, mixed).tolist() == pytest.approx(expected, rel=1e-5)


def test_examples_of_dev_with_unknown_labels_are_left_out() -> None:
    examples = sentences(6)
    head, mixer = build(POS, POS_LINEAR, examples)
    strange = replace(examples[2], tags=("X?", *examples[2].tags[1:]))
    dev = ExampleSet(POS, [*examples[:2], strange, *examples[3:]], SentenceTable())
    model = SimpleNamespace(nats=lambda batch: head.nats(batch, mixed_of(mixer, batch)))
    model.eval = lambda: model
    collator = SimpleNamespace(
        batch=lambda data, indices: batch_of(POS, [data.examples[i] for i in indices])
    )
    data = SimpleNamespace(sets={"dev": dev}, collator=collator)
    assert known_labels(model, data, 4).examples == [*examples[:2], *examples[3:]]
    only = SimpleNamespace(
        sets={"dev": ExampleSet(POS, [strange], SentenceTable())}, collator=collator
    )
    with pytest.raises(DataError, match="no example of dev has labels that train has"):
        known_labels(model, only, 4)


def test_portions_are_nested_and_as_large_as_in_the_paper() -> None:
    ends = portion_ends(10_000, seed=3)
    assert [len(end) for end in ends] == [10, 20, 40, 80, 160, 320, 625, 1250, 2500, 5000, 10_000]
    assert all(set(a) < set(b) for a, b in itertools.pairwise(ends))
    assert [len(end) for end in portion_ends(10, seed=3)] == [1, 2, 5, 10]
    assert portion_ends(1, seed=3) == [[0]]


def ran(raw: dict[str, Any], folder: Path, cards: CardCatalog | None = None) -> RunSummary:
    """Run the experiment; its results and its vectors are in ``folder``."""
    return run_experiment(
        parse_experiment(raw),
        cards=cards,
        results=folder / raw["name"],
        store=folder / "store",
        tracking_uri="none",
        quiet=True,
    )


@pytest.fixture(scope="module")
def codes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    base: Path = tmp_path_factory.mktemp("code")
    plain = {**EXPERIMENT, "name": "no-code", "overrides": EXPERIMENT["overrides"][:1]}
    summaries = [ran(raw, base) for raw in (EXPERIMENT, plain)]
    found: dict[str, Any] = {}
    for name, summary in zip(("with", "without"), summaries, strict=True):
        found[name] = {record.features: record.result for record in summary.records}
        found[f"{name} records"] = {record.features: record for record in summary.records}
    return found


@pytest.mark.slow
def test_the_code_covers_every_label_of_train_once(codes: dict[str, Any]) -> None:
    task = RunContext(parse_experiment(EXPERIMENT)).task("pos/control-pos")
    train = task.split("train")
    tokens, classes = sum(len(e.tokens) for e in train), len(task.labels)
    for result in codes["with"].values():
        code: OnlineCode = result.online_code
        assert sum(portion.examples for portion in code.portions) == len(train)
        assert sum(portion.labels for portion in code.portions) == tokens
        assert code.uniform_bits == tokens * math.log2(classes)
        first = code.portions[0]
        assert first.bits == first.labels * math.log2(classes)
        assert code.bits == pytest.approx(sum(portion.bits for portion in code.portions))
        assert code.compression == code.uniform_bits / code.bits


@pytest.mark.slow
def test_description_length_ranks_representations_as_the_score_does(codes: dict[str, Any]) -> None:
    """A context-free vector cannot say which tag an ambiguous word has, so its code is longer."""
    results = codes["with"].values()
    by_score = sorted(results, key=lambda result: result.test["accuracy"])
    by_bits = sorted(results, key=lambda result: -result.online_code.bits)
    assert by_score[0].test["accuracy"] < by_score[-1].test["accuracy"] - 5
    assert [id(result) for result in by_score] == [id(result) for result in by_bits]


@pytest.mark.slow
@pytest.mark.shared
def test_layers_are_ranked_as_by_the_score_and_no_portion_costs_more_than_guessing(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 100 sentences of EWT the first portion is one sentence, of few words."""
    monkeypatch.setenv(paths.MIRROR_VARIABLE, str(shared / "mirror"))
    layers = ["elmo-mini@layer=0", "elmo-mini@layer=1"]
    raw = {
        **EXPERIMENT,
        "tasks": ["pos/ud-ewt"],
        "features": ["glove-mini", *layers],
        "limit": 100,
        # A rate that suits the score, and would be too high for the code.
        "overrides": [{"set": {"training.grid": {}, "training.lr": 0.1}}, *ON],
    }
    summary = ran(raw, tmp_path)
    results = {record.features: record.result for record in summary.records}
    by_score = sorted(results, key=lambda name: -results[name].test["accuracy"])
    by_bits = sorted(results, key=lambda name: results[name].online_code.bits)
    assert by_score == by_bits == ["elmo-mini@layer=1", "elmo-mini@layer=0", "glove-mini"]
    for result in results.values():
        for portion in result.online_code.portions:
            assert portion.bits < 1.5 * portion.labels * math.log2(17)


@pytest.mark.slow
def test_nothing_else_of_the_result_changes(codes: dict[str, Any]) -> None:
    for features, result in codes["without"].items():
        assert result.online_code is None
        other = codes["with"][features].model_copy(update={"online_code": None})
        assert other == result


@pytest.mark.slow
def test_vectors_that_contain_the_label_have_a_short_code(tmp_path: Path) -> None:
    """A control label is a function of the word, and a random vector names its word."""
    options = {"epochs": 1, "grid": {}, "online_code": True}
    raw = {
        **EXPERIMENT,
        "features": ["random"],
        "axes": {"labels": ["control"]},
        "overrides": [{"set": {f"training.{name}": value for name, value in options.items()}}],
    }
    summary = ran(raw, tmp_path)
    (record,) = summary.records
    assert record.result is not None
    code = record.result.online_code
    assert code is not None
    assert code.bits < 0.1 * code.uniform_bits


def test_it_is_left_out_of_identities_and_refused_by_other_heads() -> None:
    def planned(**changes: Any) -> list:
        return make_plan(RunContext(parse_experiment({**EXPERIMENT, **changes})))

    off = [{"set": {"training.online_code": False}}]
    assert [p.digest for p in planned(overrides=[])] == [p.digest for p in planned(overrides=off)]
    with pytest.raises(ConfigError, match="gives no likelihood of labels"):
        planned(tasks=["wsd/control-wsd"])
    (plain,), (coded,) = (planned(features=["random"], overrides=o) for o in (off, ON))
    assert plain.digest != coded.digest


def test_the_code_of_a_treebank_keeps_the_phrases_of_a_sentence_together(tmp_path: Path) -> None:
    trees = [f"(3 (2 a) (4 (2 b{i}) (1 (0 c) (2 d))))" for i in range(12)]
    for split in ("train", "dev", "test"):
        (tmp_path / f"tiny.sentiment.{split}").write_text("\n".join(trees) + "\n")
    (tmp_path / "trees.yaml").write_text(
        CARD.format(
            name="trees",
            pipeline="sentiment",
            files="tiny.sentiment",
            reader="{name: sst, options: {granularity: five}}",
            metric="accuracy",
        )
    )
    changes = {"training.epochs": 1, "training.grid": {}, "training.online_code": True}
    raw = {
        **EXPERIMENT,
        "tasks": ["sentiment/trees"],
        "features": ["random"],
        "overrides": [{"set": {**changes, "options.phrases": "all"}}],
    }
    summary = ran(raw, tmp_path, CardCatalog([tmp_path]))
    (record,) = summary.records
    assert record.result is not None, record.error
    code = record.result.online_code
    assert code is not None
    # A sentence of four words has seven phrases, itself included.
    assert [portion.labels for portion in code.portions] == [
        7 * portion.examples for portion in code.portions
    ]
    assert sum(portion.examples for portion in code.portions) == len(trees)
    assert code.uniform_bits == 7 * len(trees) * math.log2(5)


@pytest.mark.slow
def test_cells_that_differ_in_the_code_alone_are_compared(codes: dict[str, Any]) -> None:
    with_code, without = (codes[f"{name} records"]["random"] for name in ("with", "without"))
    assert with_code.cell != without.cell
    assert comparison_key(with_code) == comparison_key(without)
