"""What the candidates of a search share: a linear probe's search together and one by one.

Eight candidates (learning rate x dropout) on the controls, with vectors of one layer and of an
untrained ELMo, in processor seconds. ``together`` is what a cell does; ``alone`` trains the same
models one after another, each with a pass of its own. Both run in this process, and their results
are compared to the bit.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import torch

from elmobench.bench.context import RunContext
from elmobench.bench.experiment.cells import Cell
from elmobench.bench.experiment.schema import parse_experiment
from elmobench.bench.plan import make_plan
from elmobench.bench.search import candidates, with_candidate
from elmobench.bench.train_cell import CellData, build_model, prepare_data, training_data
from elmobench.training.machine import keep_memory, repeatable, torch_threads
from elmobench.training.model import BenchModel
from elmobench.training.outcome import Training
from elmobench.training.streams import RandomStreams
from elmobench.training.trainer import train_together

TASKS = ("sentiment", "nli", "ner", "pos", "srl", "qa")
FEATURES = ("random", "elmo-random")
EXAMPLES, EPOCHS = 300, 2


def main() -> None:
    keep_memory()
    print(f"processor seconds of 8 candidates, {EPOCHS} epochs; ratio: alone / together")
    with tempfile.TemporaryDirectory() as folder, torch_threads(1), repeatable():
        for pipeline in TASKS:
            for features in FEATURES:
                _measure(pipeline, features, Path(folder))


def _measure(pipeline: str, features: str, store: Path) -> None:
    changes = {"training.epochs": EPOCHS, "training.patience": EPOCHS}
    settings = {
        "name": "probe-search",
        "tasks": [f"{pipeline}/control-{pipeline}"],
        "features": [features],
        "limit": EXAMPLES,
        "overrides": [{"set": changes}],
    }
    context = RunContext(parse_experiment(settings), None, store)
    (planned,) = make_plan(context)
    cell = planned.cell
    for part in cell.parts:
        context.store.build(context.provider(part), context.sentences(cell))
    data = prepare_data(cell, context)
    sets = training_data(cell, context, data)
    cells = [with_candidate(cell, choice) for choice in candidates(cell.training)]
    seconds = {}
    found = []
    for name in ("warm-up", "together", "alone"):
        models = _models(cells, context, data)
        pairs = [(model, one.training) for model, one in zip(models, cells, strict=True)]
        groups = [[pair] for pair in pairs] if name == "alone" else [pairs]
        start = time.process_time()
        outcomes = [
            outcome
            for group in groups
            for outcome in train_together(group, sets, RandomStreams(cell.seed))
        ]
        seconds[name] = time.process_time() - start
        found.append([_content(model, out) for model, out in zip(models, outcomes, strict=True)])
    assert found[1] == found[2], f"{pipeline}: the results differ"
    ratio = seconds["alone"] / seconds["together"]
    print(
        f"{pipeline:10} {features:12} together {seconds['together']:6.2f}  "
        f"alone {seconds['alone']:6.2f}  ratio {ratio:4.2f}",
        flush=True,
    )


def _models(cells: list[Cell], context: RunContext, data: CellData) -> list[BenchModel]:
    first = build_model(cells[0], context, data)
    return [first, *(build_model(cell, context, data, first) for cell in cells[1:])]


def _content(model: BenchModel, outcome: object) -> object:
    """What must be equal to the bit."""
    assert isinstance(outcome, Training)
    weights = {name: value.numpy().tobytes() for name, value in model.state_dict().items()}
    curve = [(epoch.train_loss, epoch.dev) for epoch in outcome.epochs]
    return weights, curve, outcome.dev_predictions


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
