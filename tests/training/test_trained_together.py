"""Linear probes of a search, trained together, end equal to the bit to probes trained alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from elmobench.bench.context import RunContext
from elmobench.bench.experiment.schema import parse_experiment
from elmobench.bench.plan import make_plan
from elmobench.bench.search import candidates, with_candidate
from elmobench.bench.train_cell import build_model, prepare_data, training_data
from elmobench.tasks.registries import HEADS
from elmobench.training.outcome import Training
from elmobench.training.streams import RandomStreams
from elmobench.training.trainer import train_together

PROBES = sorted(
    name.partition("/")[0] for name in HEADS.names() if name.partition("/")[2] == "linear"
)
QUICK = ("sentiment", "ner")
"""Pipelines whose probes are trained in the fast tests."""

GRID = {"training.lr": [1e-2, 3e-2], "options.dropout": [0.0, 0.3]}


@pytest.mark.parametrize(
    ("pipeline", "features"),
    [
        pytest.param(name, "random+elmo-random", marks=[] if name in QUICK else pytest.mark.slow)
        for name in PROBES
    ]
    # Without a learned mix the candidates share all that the head reads.
    + [
        pytest.param(name, "random", marks=[] if name in QUICK else pytest.mark.slow)
        for name in ("sentiment", "nli", "ner", "qa")
    ],
)
def test_probes_are_the_same_together_and_alone(
    pipeline: str, features: str, tmp_path: Path
) -> None:
    settings = parse_experiment(
        {
            "name": "together",
            "tasks": [f"{pipeline}/control-{pipeline}"],
            "features": [features],
            "heads": ["linear"],
            "seeds": [1],
            "limit": {"coref": 2, "wsd": 60}.get(pipeline, 6),
            "overrides": [
                {"set": {"training.epochs": 2, "training.batch_size": 4, "training.grid": GRID}}
            ],
        }
    )
    context = RunContext(settings, None, tmp_path)
    (planned,) = make_plan(context)
    cell = planned.cell
    for part in cell.parts:
        context.store.build(context.provider(part), context.sentences(cell))
    data = prepare_data(cell, context)
    sets = training_data(cell, context, data)
    cells = [with_candidate(cell, choice) for choice in candidates(cell.training)]
    together = [build_model(cells[0], context, data)]
    together += [build_model(one, context, data, together[0]) for one in cells[1:]]
    alone = [build_model(one, context, data) for one in cells]
    streams = RandomStreams(cell.seed)
    pairs = [(model, one.training) for model, one in zip(together, cells, strict=True)]
    outcomes = train_together(pairs, sets, streams)
    for one, model, own, outcome in zip(cells, together, alone, outcomes, strict=True):
        (expected,) = train_together([(own, one.training)], sets, streams)
        assert isinstance(outcome, Training)
        assert isinstance(expected, Training)
        assert [(e.train_loss, e.dev, e.layer_weights) for e in outcome.epochs] == [
            (e.train_loss, e.dev, e.layer_weights) for e in expected.epochs
        ]
        assert outcome.dev_predictions == expected.dev_predictions
        state = model.state_dict()
        for name, weights in own.state_dict().items():
            assert torch.equal(weights, state[name]), name
    # Four models that are not copies of one: else the test would show nothing.
    losses = {
        outcome.epochs[-1].train_loss for outcome in outcomes if isinstance(outcome, Training)
    }
    assert len(losses) == len(cells)
