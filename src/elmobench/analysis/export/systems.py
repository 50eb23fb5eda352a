"""The systems of an experiment with all their test scores: what every export is made from."""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from elmobench.analysis.stats.estimate import mean_interval
from elmobench.bench.experiment.schema import Axes
from elmobench.core.digests import canonical_json
from elmobench.core.errors import DataError
from elmobench.tracking.data_origin import corpus_of
from elmobench.tracking.plan_file import point_without_seed, seed_counts
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore

CONTROL_CAVEAT = "Control labels, drawn at random by word or pair of words: no score on the task."
"""A caveat of every system with control labels."""


@dataclass(frozen=True)
class SystemScores:
    """One representation with one head on one task, over its seeds.

    Attributes:
        experiment: name of the experiment.
        task, pipeline, features, head, axes: the point of the grid.
        corpus, same_as: corpus of the task's texts, and the published data set that they are.
        metric: name of the metric; ``primary``: its main score.
        seeds: the seeds, in the order of ``scores``.
        scores: name of a test score -> its value for each seed, in percent.
        examples: number of test examples.
        data: SHA-256 of the task's data, or of the part that was used.
        card_version: version of the task's card.
        limit: number or share of the examples that were used; None for all.
        caveats: warnings that hold for the scores.
        date: UTC time at which the last run began, ISO 8601.
        cells: the cells, in the order of the seeds.
    """

    experiment: str
    task: str
    pipeline: str
    features: str
    head: str
    axes: dict[str, Any]
    corpus: str
    same_as: str | None
    metric: str
    primary: str
    seeds: tuple[int, ...]
    scores: dict[str, tuple[float, ...]]
    examples: int | None
    data: str
    card_version: int | None
    limit: str | None
    caveats: tuple[str, ...]
    date: str | None
    cells: tuple[str, ...]

    def mean(self, score: str | None = None) -> float:
        """Mean over seeds of a score; without ``score`` of the main one."""
        return statistics.fmean(self.scores[score or self.primary])

    def sd(self, score: str | None = None) -> float | None:
        """Sample standard deviation over seeds; None for a single run."""
        values = self.scores[score or self.primary]
        return statistics.stdev(values) if len(values) > 1 else None

    def interval(self, score: str | None = None) -> tuple[float | None, float | None]:
        """Student's 95 % interval of the mean over seeds; twice None for fewer than three."""
        return mean_interval(list(self.scores[score or self.primary])) or (None, None)

    @property
    def is_control(self) -> bool:
        """Whether the labels are control labels, not those of the data."""
        return self.axes.get("labels") == "control"

    @property
    def variant(self) -> str:
        """Head and further axes: ``ner/small``, ``ner/small mix=last``."""
        return " ".join(filter(None, [self.head, self.other_axes]))

    @property
    def other_axes(self) -> str:
        """The further axes that have another value than their default: ``mix=last``."""
        default = {name: values[0] for name, values in Axes().model_dump().items()}
        return " ".join(
            f"{name}={value}"
            for name, value in self.axes.items()
            if name not in default or value != default[name]
        )


@dataclass(frozen=True)
class Exported:
    """Files to write, and what a reader of them should know.

    Attributes:
        files: path relative to the folder -> content.
        notes: what was left out, and why.
    """

    files: dict[str, str]
    notes: list[str] = field(default_factory=list)


def systems_of(store: RecordStore) -> tuple[list[SystemScores], list[str]]:
    """The systems in a results folder, in the order of the grid, and notes on what they lack.

    Raises:
        DataError: there are no records, or none of a cell that succeeded.
    """
    records = store.planned()
    groups: dict[tuple[str, ...], list[RunRecord]] = defaultdict(list)
    for record in records:
        if record.result is not None:
            axes = canonical_json(record.axes)
            groups[record.task, record.features, record.head, axes].append(record)
    if not groups:
        raise DataError(
            "no results to export",
            where=str(store.folder),
            fix="run the experiment first: elmobench run EXPERIMENT",
        )
    systems = [_system(group) for group in groups.values()]
    notes = [
        f"{r.task} {r.features} {r.head} seed {r.seed} failed and is left out: {r.error}"
        for r in records
        if r.result is None
    ]
    seeds = seed_counts(store.points())
    for system in systems:
        wanted = seeds.get(point_without_seed(vars(system)), 0)
        name = f"{system.task} {system.features} {system.variant}"
        if len(system.seeds) < wanted:
            notes.append(f"{name}: {len(system.seeds)} of {wanted} seeds have a result")
        if len(system.seeds) == 1:
            notes.append(f"{name}: a single run, so nothing is known about its spread")
        if system.limit is not None:
            notes.append(f"{name}: partial, a quick try on {system.limit} of the examples")
    return systems, notes


def _system(records: Sequence[RunRecord]) -> SystemScores:
    first = records[0]
    results = [record.result for record in records if record.result is not None]
    shared = [name for name in results[0].test if all(name in one.test for one in results)]
    dates = [record.run.started for record in records if record.run is not None]
    return SystemScores(
        experiment=first.experiment,
        task=first.task,
        pipeline=first.pipeline,
        features=first.features,
        head=first.head,
        axes=first.axes,
        corpus=corpus_of(first),
        same_as=first.same_as,
        metric=results[0].metric,
        primary=results[0].primary,
        seeds=tuple(record.seed for record in records),
        scores={name: tuple(one.test[name] for one in results) for name in shared},
        examples=results[0].counts.get("test"),
        data=str(first.identity.get("data", "")),
        card_version=first.identity.get("card_version"),
        limit=first.limit,
        caveats=tuple(
            dict.fromkeys(
                [text for record in records for text in record.caveats]
                + [CONTROL_CAVEAT] * first.is_control
            )
        ),
        date=max(dates, default=None),
        cells=tuple(record.cell for record in records),
    )


def file_name(text: str) -> str:
    """``text`` as the name of a file on any system.

    >>> file_name("ner/small mix=last")
    'ner__small_mix-last'
    """
    text = re.sub(r"[/\\]+", "__", text).replace(" ", "_").replace("=", "-")
    return re.sub(r"[^A-Za-z0-9._+@()-]", "_", text).strip(".") or "_"


def unique(names: Sequence[str]) -> list[str]:
    """Names of files with a number added to those that appear a second time."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return result
