"""Entries of a board: one representation in one column, with its scores and costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from elmobench.analysis.board.studies import Study
from elmobench.analysis.stats.estimate import mean_interval
from elmobench.analysis.tables.cost_table import EncodingCost, training_seconds
from elmobench.analysis.tables.results_frame import flags_text
from elmobench.analysis.tables.score_tables import flag_marks
from elmobench.tracking.plan_file import point_without_seed
from elmobench.tracking.record import RunRecord


@dataclass(frozen=True)
class Entry:
    """One representation in one column.

    Attributes:
        runs: the runs, by rising seed.
        studies: numbers of the studies that have one of them, counted from 1.
        scores: test scores in percent, in the order of the runs.
        wanted: the most seeds that one of its studies asks for; 0 if unknown.
        train_seconds: mean wall time of training a cell, with its search; None if unknown.
        encode_seconds: wall time of encoding the task once; None if it was not measured.
        bytes_per_token: stored bytes per token, or per word type for vectors without context; None
            if unknown.
        best: whether it is shown to be better than every other entry of its column.
    """

    runs: tuple[RunRecord, ...]
    studies: tuple[int, ...]
    scores: tuple[float, ...]
    wanted: int
    train_seconds: float | None
    encode_seconds: float | None
    bytes_per_token: float | None
    best: bool = False

    @property
    def mean(self) -> float:
        """Mean score over seeds."""
        return float(np.mean(self.scores))

    @property
    def sd(self) -> float | None:
        """Sample standard deviation over seeds; None for a single run."""
        return float(np.std(self.scores, ddof=1)) if len(self.scores) > 1 else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Student's 95 % interval of the mean over seeds; None for fewer than three."""
        return mean_interval(self.scores)

    @property
    def marks(self) -> str:
        """The marks of :data:`~elmobench.analysis.tables.score_tables.FLAGS_EXPLAINED`."""
        return flag_marks(flags_text(run) for run in self.runs)


def make_entry(runs: Mapping[int, RunRecord], of: Sequence[int], studies: Sequence[Study]) -> Entry:
    """Make the entry of ``runs`` (by seed) that the studies with the numbers ``of`` have."""
    ordered = tuple(runs[seed] for seed in sorted(runs))
    scores = [run.result.test[run.result.primary] for run in ordered if run.result is not None]
    infos = [run.run for run in ordered if run.run is not None]
    return Entry(
        runs=ordered,
        studies=tuple(sorted(of)),
        scores=tuple(scores),
        wanted=max(_wanted(ordered, studies[number - 1]) for number in of),
        train_seconds=float(np.mean([training_seconds(i) for i in infos])) if infos else None,
        encode_seconds=_encode_seconds(ordered[0], [studies[number - 1] for number in of]),
        bytes_per_token=sum(infos[0].bytes_per_token.values()) if infos else None,
    )


def _wanted(runs: Sequence[RunRecord], study: Study) -> int:
    """The most seeds that the study asks for of a point that one of the runs is."""
    return max(study.seeds.get(point_without_seed(vars(run)), 0) for run in runs)


def _encode_seconds(run: RunRecord, studies: Sequence[Study]) -> float | None:
    """Seconds of the first study that measured the encoding of all parts."""
    fingerprints = [part["fingerprint"] for part in run.identity.get("parts") or ()]
    for study in studies:
        costs = [study.costs.get((run.task, f), EncodingCost()).seconds for f in fingerprints]
        known = [seconds for seconds in costs if seconds is not None]
        if costs and len(known) == len(costs):
            return sum(known)
    return None
