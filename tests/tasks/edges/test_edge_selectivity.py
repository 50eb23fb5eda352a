"""A probe with a hidden layer is less selective than a linear one (Hewitt and Liang 2019)."""

from __future__ import annotations

import itertools

import pytest
from tiny_problems import WORDS, batch_of, build, mixed_of, train

from elmobench.data.examples import Edge, EdgeText
from elmobench.metrics.base import get_metric
from elmobench.tasks.edges.pipeline import PIPELINE
from elmobench.tasks.registries import get_head


def texts() -> list[EdgeText]:
    """All pairs of 20 words; the label says which half of the words each of the two is from."""
    made = []
    for u, v in itertools.product(range(20), repeat=2):
        label = f"{u // 10}{v // 10}"
        made.append(
            EdgeText(f"{u}-{v}", ((WORDS[u], WORDS[v]),), (Edge(((0, 0), (1, 1)), (label,)),))
        )
    return made


def score(name: str, examples: list[EdgeText]) -> float:
    """Accuracy after training, on the pairs that were trained on: they are all pairs."""
    head, mixer = build(PIPELINE, get_head("edges", name), examples)
    train(PIPELINE, head, mixer, examples, 40, 0.01, size=100)
    batch = batch_of(PIPELINE, examples)
    gold = [PIPELINE.gold(example) for example in examples]
    predicted = head.predict(batch, mixed_of(mixer, batch))
    return get_metric("edge-accuracy").compute(gold, predicted).score


@pytest.mark.slow
def test_a_hidden_layer_makes_a_probe_less_selective() -> None:
    given = texts()
    control = PIPELINE.control_examples({"train": given}, ["00", "01", "10", "11"])["train"]
    scores = {name: (score(name, given), score(name, control)) for name in ("linear", "paper")}
    # Both find the labels of the data. A linear layer cannot remember 400 pairs, a hidden one can.
    assert min(given for given, _ in scores.values()) > 95
    selectivity = {name: given - control for name, (given, control) in scores.items()}
    assert selectivity["linear"] > selectivity["paper"] + 10
