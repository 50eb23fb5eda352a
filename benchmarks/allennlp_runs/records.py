"""One record per run of one system on one task with one seed, and how they are compared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from pydantic import Field

from elmobench.analysis.stats.estimate import Estimate
from elmobench.analysis.stats.hierarchical import FoldInfluence, estimate_difference
from elmobench.core.errors import DataError
from elmobench.core.files import write_text
from elmobench.core.strict_model import StrictModel
from elmobench.metrics.base import get_metric
from elmobench.metrics.influence import summed_by_unit

System = Literal["allennlp", "elmobench"]
EXAMPLE: dict[str, tuple[list[Any], list[list[Any]]]] = {
    "accuracy": (["a"], [["a"]]),
    "span-f1": ([["B-A"]], [[["B-A"]]]),
    "srl-f1": ([["B-A"]], [[["B-A"]]]),
    "squad": ([["a"]], [["a"]]),
    "coref": ([[[[0, 0], [1, 1]]]], [[[[[0, 0], [1, 1]]]]]),
}
"""Metric -> gold and predictions of one example."""
SYSTEMS: tuple[System, ...] = ("allennlp", "elmobench")


class Seconds(StrictModel):
    """Seconds of one run, by the wall clock or of the processor.

    Attributes:
        run: the whole command from nothing, start of the program included.
        epoch: mean of an epoch with its score on dev.
        encoding: ELMo, over the whole run.
    """

    run: float
    epoch: float
    encoding: float


class Run(StrictModel):
    """The record of one run.

    Attributes:
        comparison, system, seed: which run.
        task, metric: card and metric.
        score, dev: in percent, of test and of dev; dev by the system's own program.
        epochs, best_epoch: number trained, and the one that was chosen, counted from 1.
        losses: training loss of each epoch, mean over batches, with the penalty of the mix.
        sizes, tokens: split -> examples, and their tokens.
        options: the cell's options that are not the preset's, by path.
        data, model: SHA-256 of the files that both systems read.
        wall, cpu: seconds.
        versions, host: of the system, and of the machine.
        gold: digest of ids and gold annotations of test.
        counts: (units, K) counts of the metric on test, summed within resampling units.
    """

    comparison: str
    system: System
    seed: int
    task: str
    metric: str
    score: float
    dev: float
    epochs: int
    best_epoch: int
    losses: list[float]
    sizes: dict[str, int]
    tokens: dict[str, int]
    options: dict[str, Any] = Field(default_factory=dict)
    data: dict[str, str]
    model: dict[str, str]
    wall: Seconds
    cpu: Seconds
    versions: dict[str, str]
    host: dict[str, Any]
    gold: str
    counts: list[list[float]]

    @property
    def key(self) -> tuple[str, str, int]:
        """Which run it is."""
        return (self.comparison, self.system, self.seed)


def write_run(file: Path, run: Run) -> None:
    """Add a record to ``file``, one line of JSON, in place of an earlier one of the same run.

    The file is replaced as a whole: an interrupted run leaves no record. Several processes may
    write records at the same time.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{file}.lock"):
        runs = {other.key: other for other in read_runs(file)}
        runs[run.key] = run
        lines = [_line(runs[key]) for key in sorted(runs)]
        write_text(file, "".join(lines))


def read_runs(file: Path) -> list[Run]:
    """All records, sorted by comparison, system and seed; none if there is no such file."""
    if not file.exists():
        return []
    lines = file.read_text("utf-8").splitlines()
    return sorted(map(Run.model_validate_json, lines), key=lambda run: run.key)


def _line(run: Run) -> str:
    content = run.model_dump(mode="json")
    # Most counts are whole numbers: half the size.
    content["counts"] = [[int(c) if c == int(c) else c for c in row] for row in run.counts]
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n"


def unit_counts(
    metric: str, gold: Sequence[Any], answers: Sequence[Any], units: Sequence[str]
) -> list[list[float]]:
    """(units, K) counts of a metric's tally, summed within resampling units."""
    tally = get_metric(metric).tally(gold, [answers])
    sums: list[list[float]] = summed_by_unit(tally.counts, units)[0].tolist()
    return sums


def difference(ours: Sequence[Run], theirs: Sequence[Run]) -> Estimate:
    """Our mean score minus theirs, over seeds and test units; runs are not paired.

    Raises:
        DataError: if the runs were scored on different test sets, or trained on different data.
    """
    first = ours[0]
    for run in (*ours, *theirs):
        if (run.gold, run.data, run.sizes) != (first.gold, first.data, first.sizes):
            raise DataError(
                f"{run.system} with seed {run.seed} had other data than {first.system}",
                where=f"results of {first.comparison}",
                fix="delete the records of this comparison and run it again",
            )

    def counts(runs: Sequence[Run]) -> NDArray[np.float64]:
        return np.array([run.counts for run in runs], dtype=np.float64)

    # A metric's score of sums does not depend on the examples.
    score = get_metric(first.metric).tally(*EXAMPLE[first.metric]).score
    return estimate_difference(
        [FoldInfluence.of_counts(counts(ours), counts(theirs), score)], paired=False
    )
