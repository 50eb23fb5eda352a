"""A run that meets a damaged shard: its cells fail and say why, all others get their results."""

from __future__ import annotations

from pathlib import Path

import pytest

from elmobench.bench.run import RunSummary, run_experiment
from elmobench.data.cards.catalog import CardCatalog
from elmobench.features.store.feature_store import FeatureStore


@pytest.mark.slow
@pytest.mark.parametrize("place", [0.5, 20], ids=["vectors", "header"])
def test_a_damaged_shard(cards: Path, tiny: dict, tmp_path: Path, place: float) -> None:
    tiny = {**tiny, "features": ["elmo-random", "random"], "heads": ["linear"]}

    def go(seeds: list[int]) -> RunSummary:
        return run_experiment(
            {**tiny, "seeds": seeds},
            cards=CardCatalog([cards]),
            results=tmp_path / "results",
            store=tmp_path / "store",
            tracking_uri="none",
            quiet=True,
        )

    first = go([1])
    assert (first.trained, first.failed) == (2, 0)
    path = max(tmp_path.glob("store/*/tokens-*"), key=lambda found: found.stat().st_size)
    data = bytearray(path.read_bytes())
    data[int(place * len(data)) if place < 1 else int(place)] ^= 1
    path.write_bytes(data)
    second = go([1, 2])
    assert (second.trained, second.failed, second.skipped) == (1, 1, 2)
    (failed,) = [record for record in second.records if record.status == "failed"]
    assert failed.features == "elmo-random"
    assert failed.error is not None
    assert str(path) in failed.error
    assert "features verify --delete" in failed.error
    kept = {record.cell: record.result for record in second.records if record.status == "ok"}
    assert len(kept) == 3
    # As the error says.
    (deleted,) = FeatureStore(tmp_path / "store").verify(delete=True)
    assert deleted.startswith(str(path))
    third = go([1, 2])
    assert (third.trained, third.failed, third.skipped) == (1, 0, 3)
    assert {record.cell: record.result for record in third.records}.items() >= kept.items()
