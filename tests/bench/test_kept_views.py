"""Of many representations of one task, only the last ones stay in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from elmobench.bench.context import RunContext
from elmobench.bench.experiment.schema import parse_experiment
from elmobench.features.store.feature_store import FeatureStore
from elmobench.training.part_sources import KEPT_VIEWS


def test_the_views_used_last_are_kept_and_others_are_read_again(tmp_path: Path) -> None:
    count = KEPT_VIEWS + 3
    experiment = {
        "name": "views",
        "tasks": ["ner/control-ner"],
        "features": [f"random@width=4@seed={seed}" for seed in range(count)],
        "heads": ["linear"],
        "seeds": [1],
    }
    context = RunContext(parse_experiment(experiment), store_root=tmp_path)
    cells = context.grid_cells
    rows = np.arange(5)
    expected = []
    for cell in cells:
        sentences = context.sentences(cell)
        FeatureStore(tmp_path).build(context.provider(cell.parts[0]), sentences)
        found = context.view(cell, cell.parts[0]).gather(rows, None)
        # (5, 1, T, 4): the vectors of the model itself
        own = context.provider(cell.parts[0]).encode(sentences[:5])
        for vectors, of_model in zip(found, own, strict=True):
            assert np.allclose(vectors[:, : of_model.shape[1]], of_model, atol=2e-3)
        expected.append(found)
        context.view(cells[0], cells[0].parts[0])
    prepared = context.prepared(cells[0])
    # The first one was used throughout.
    kept = [cells[0], *cells[-KEPT_VIEWS + 1 :]]
    fingerprints = {context.provider(cell.parts[0]).fingerprint for cell in kept}
    assert set(prepared.views) == fingerprints
    again = context.view(cells[1], cells[1].parts[0]).gather(rows, None)
    assert np.array_equal(again, expected[1])
    assert len(prepared.views) == KEPT_VIEWS
