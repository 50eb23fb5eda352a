"""Candidates that share batches end as they do alone, and each seed searches for itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from elmobench.bench import train_cell as module
from elmobench.bench.context import RunContext
from elmobench.bench.experiment.schema import parse_experiment
from elmobench.bench.plan import make_plan
from elmobench.bench.run import run_experiment
from elmobench.bench.train_cell import TrainedCell, prepare_data, train_cell
from elmobench.data.cards.catalog import CardCatalog

GRID = {"training.lr": [1e-3, 1e-2, 1e30], "options.dropout": [0.0, 0.5]}


@pytest.fixture
def experiment(tiny: dict) -> dict:
    changes = {"training.grid": GRID, "training.epochs": 5, "training.patience": 2}
    return {
        **tiny,
        "tasks": ["sentiment/tiny"],
        "features": ["random+elmo-random"],
        "heads": ["linear"],
        "overrides": [{"set": {**changes, "training.clip_norm": None}}],
    }


def trained(experiment: dict, cards: Path, store: Path, **changes: object) -> TrainedCell:
    settings = {**experiment, "overrides": [*experiment["overrides"], {"set": changes}]}
    catalog = CardCatalog([cards])
    run_experiment(
        {**settings, "heads": ["small"], "overrides": [{"set": {"training.epochs": 1}}]},
        results=store / "records",
        cards=catalog,
        store=store,
        tracking_uri="none",
        quiet=True,
    )
    context = RunContext(parse_experiment(settings), catalog, store)
    (planned,) = make_plan(context)
    return train_cell(planned.cell, context, prepare_data(planned.cell, context))


@pytest.mark.parametrize("lr", GRID["training.lr"][:2])
@pytest.mark.parametrize("dropout", GRID["options.dropout"])
def test_a_candidate_is_the_same_alone_and_with_others(
    experiment: dict,
    cards: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lr: float,
    dropout: float,
) -> None:
    seen: list = []
    group = module._train_group

    def watched(*given: object) -> list:
        outcomes = group(*given)  # type: ignore[arg-type]
        seen.append((given[0], outcomes))
        return outcomes

    monkeypatch.setattr(module, "_train_group", watched)
    trained(experiment, cards, tmp_path)
    cells, outcomes = seen[-1]
    assert len(outcomes) == 6
    place = next(
        i
        for i, cell in enumerate(cells)
        if (cell.training.lr, cell.options.dropout) == (lr, dropout)
    )
    together, training = outcomes[place]
    alone = trained(
        experiment,
        cards,
        tmp_path,
        **{"training.grid": {}, "training.lr": lr, "options.dropout": dropout},
    )
    assert alone.search is None
    assert [(e.train_loss, e.dev) for e in training.epochs] == [
        (e.train_loss, e.dev) for e in alone.training.epochs
    ]
    assert training.dev_predictions == alone.training.dev_predictions
    for name, weights in alone.model.state_dict().items():
        assert torch.equal(weights, together.state_dict()[name]), name


def test_large_models_are_trained_one_after_another(
    experiment: dict, cards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = trained(experiment, cards, tmp_path)
    sizes: list[int] = []
    together = module.train_together
    monkeypatch.setattr(
        module,
        "train_together",
        lambda models, *x: sizes.append(len(models)) or together(models, *x),
    )
    monkeypatch.setattr(module, "SHARED_PARAMETERS", 10)
    two = trained(experiment, cards, tmp_path)
    assert sizes[-6:] == [1] * 6
    assert two.search == one.search
    assert [e.dev for e in two.training.epochs] == [e.dev for e in one.training.epochs]


def test_a_diverging_candidate_does_not_end_the_others(
    experiment: dict, cards: Path, tmp_path: Path
) -> None:
    result = trained(experiment, cards, tmp_path)
    assert result.search is not None
    scores = {row.candidate["training.lr"]: row.score for row in result.search.scores}
    assert scores[1e30] is None
    assert scores[1e-2] is not None
    assert result.cell.training.lr == result.search.chosen["training.lr"]
    # The chosen candidate's training is the cell's.
    assert result.training.best.dev == result.search.scores[result.search.index].score
