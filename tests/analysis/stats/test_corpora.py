"""The mean over corpora: tasks on the same texts count as one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import elmobench
from made_up import keep, predictions, record

from elmobench.analysis.stats.corpora import mean_over_corpora, means_by_head
from elmobench.analysis.stats.differences import compare
from elmobench.analysis.stats.tallies import TallyCache
from elmobench.tracking.record_store import RecordStore

GAINS = {"sentiment/sst5": 5, "sentiment/sst2": 11, "nli/cad-snli": 20}


@pytest.fixture
def store(tmp_path: Path) -> RecordStore:
    """Three tasks, two of them on the same reviews."""
    store = RecordStore(tmp_path / "results" / "some")
    for task, gain in GAINS.items():
        for seed in (1, 2, 3):
            for features, wrong in (("flat", 40), ("flat+deep", 40 - gain + seed)):
                predicted = predictions(wrong)
                keep(store, record(features, seed, predicted, task=task), predicted)
    return store


def test_corpora_have_equal_weight(store: RecordStore) -> None:
    tallies = TallyCache(store)
    rows = {row.task: row for row in compare(tallies, "flat+deep", "flat")}
    (mean,) = means_by_head(list(rows.values()), tallies).values()
    assert sorted(map(sorted, mean.corpora.values())) == [
        ["nli/cad-snli"],
        ["sentiment/sst2", "sentiment/sst5"],
    ]
    gains = [100 * (gain - 2) / 80 for gain in GAINS.values()]
    assert mean.estimate.value == pytest.approx(((gains[0] + gains[1]) / 2 + gains[2]) / 2)
    sst5, sst2, nli = (np.sqrt(rows[task].estimate.variance) for task in GAINS)
    assert mean.estimate.variance == pytest.approx((((sst5 + sst2) / 2) ** 2 + nli**2) / 4)
    # With a corpus for each task, they weigh the same.
    alone = mean_over_corpora(list(rows.values()), {task: task for task in GAINS})
    assert alone.estimate.value == pytest.approx(np.mean(gains))
    assert alone.estimate.variance == pytest.approx((sst5**2 + sst2**2 + nli**2) / 9)


def test_a_mean_needs_two_corpora(store: RecordStore) -> None:
    tallies = TallyCache(store)
    rows = compare(tallies, "flat+deep", "flat", where={"task": list(GAINS)[:2]})
    assert means_by_head(rows, tallies) == {}


def test_single_runs_are_named(store: RecordStore) -> None:
    for record_ in store:
        if record_.features == "flat" and record_.seed > 1:
            store.record_path(record_.cell).unlink()
    tallies = TallyCache(RecordStore(store.folder))
    (mean,) = means_by_head(compare(tallies, "flat+deep", "flat"), tallies).values()
    assert mean.scope == "runs"
    assert str(mean).endswith(", about these runs only)")


def test_the_command_prints_it(store: RecordStore) -> None:
    folder = store.folder.parents[1]
    out = elmobench("compare", "flat+deep", "flat", "--in", "some", cwd=folder)
    assert "Mean over 2 corpora, head linear: +15.00 (" in out.stdout
    lines = elmobench("compare", "flat+deep", "flat", "--in", "some", "--json", cwd=folder)
    output = json.loads(lines.stdout)
    (mean,) = output["means"]
    assert len(output["comparisons"]) == 3
    assert (mean["mean_over"], mean["difference"]) == ("corpora", pytest.approx(15.0))
