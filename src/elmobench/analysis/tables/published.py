"""Published scores, and whether ours reproduce them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from elmobench.core import paths
from elmobench.core.strict_model import StrictModel
from elmobench.core.validation import validated
from elmobench.core.yaml_files import read_yaml
from elmobench.features.spec import parse_features
from elmobench.tracking.record import RunRecord

_FILE = Path(__file__).with_name("published.yaml")

Verdict = Literal["reproduced", "missed", "undecided", "other data", "other model"]


class MatchingRuns(StrictModel):
    """The cells that repeat a published system.

    Attributes:
        features: features specs; any of them matches.
        head: head preset.
        axes: values of further axes that differ from their defaults.
    """

    features: tuple[str, ...]
    head: str
    axes: dict[str, Any] = Field(default_factory=dict)


class PublishedNumber(StrictModel):
    """A published score, in percent.

    Attributes:
        pipeline: pipeline of the task.
        dataset: the dataset's name in the publication.
        card: task card of the same data, if there is one.
        split: the split that was scored.
        metric: key of the score.
        score, sd, seeds: mean, sample standard deviation over seeds and number of seeds, if
            they were published.
        system: the model, in words.
        source: the publication.
        table: number of the table in it.
        note: what a reader of the number should know.
        like: the cells that repeat it; None if no cell can.
    """

    pipeline: str
    dataset: str
    card: str | None = None
    split: Literal["dev", "test"] = "test"
    metric: str
    score: float
    sd: float | None = None
    seeds: int | None = None
    system: str
    source: str
    table: str | None = None
    note: str | None = None
    like: MatchingRuns | None = None

    @property
    def place(self) -> str:
        """Source and table in a few words, without a web address."""
        source = self.source.split(", http")[0]
        return f"{source}, table {self.table}" if self.table else source


class _File(StrictModel):
    sources: dict[str, str]
    notes: dict[str, str]
    numbers: tuple[PublishedNumber, ...]


@cache
def published_numbers() -> tuple[PublishedNumber, ...]:
    """All published numbers that ship with the package, in file order."""
    return validated(_File, read_yaml(_FILE), str(_FILE)).numbers


@dataclass(frozen=True)
class Comparison:
    """A published number, and our scores if the same was measured.

    Attributes:
        number: the published number.
        task: our task.
        verdict: ``reproduced``: the 90 % interval of the difference lies within the margin (two
            one-sided tests). ``missed``: its 95 % interval excludes zero. ``undecided``: neither.
            ``other data``, ``other model``: none of our cells repeats the published system.
        ours: our scores by seed; empty unless the same was measured.
        difference: mean of our scores minus the published score.
        low, high: 95 % interval of the difference.
        margin: differences below it count as no difference.
    """

    number: PublishedNumber
    task: str
    verdict: Verdict
    ours: tuple[float, ...] = ()
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    margin: float | None = None


def compare_with_published(
    records: Sequence[RunRecord],
    margin: float,
    numbers: Iterable[PublishedNumber] | None = None,
) -> list[Comparison]:
    """Compare our scores with published ones, task by task.

    For each task the numbers on the same data come first, then those on other data of its
    pipeline. Tasks that do not ship with the package are not compared with other data.

    Args:
        records: records of one experiment.
        margin: points within which a number counts as reproduced, fixed before the run.
        numbers: published numbers; by default those that ship with the package.
    """
    numbers = published_numbers() if numbers is None else tuple(numbers)
    rows = []
    tasks = {record.task: record.pipeline for record in records}
    for task, pipeline in tasks.items():
        if is_control(task):
            continue  # controls are generated here; no publication has scores on them
        of_pipeline = [n for n in numbers if n.pipeline == pipeline]
        done = [r for r in records if r.task == task and r.result is not None]
        rows += [_comparison(n, task, done, margin) for n in of_pipeline if n.card == task]
        # Published scores on other data say nothing about a user's own data.
        if (paths.builtin("tasks") / f"{task}.yaml").is_file():
            rows += [Comparison(n, task, "other data") for n in of_pipeline if n.card != task]
    return rows


def is_control(task: str) -> bool:
    """Whether a task is a generated control with a known ceiling."""
    return task.split("/")[-1].startswith("control-")


def _comparison(
    number: PublishedNumber, task: str, records: Sequence[RunRecord], margin: float
) -> Comparison:
    # Points of the grid that are the same cell are one run.
    runs = {record.cell: record for record in records if _repeats(record, number)}
    ours = [_score(record, number) for record in runs.values()]
    scores = [score for score in ours if score is not None]
    if not scores:
        return Comparison(number, task, "other model")
    difference = float(np.mean(scores)) - number.score
    inner = _interval(scores, number, difference, 0.90)
    outer = _interval(scores, number, difference, 0.95)
    verdict: Verdict = "undecided"
    if inner is not None and outer is not None:
        if -margin < inner[0] and inner[1] < margin:
            verdict = "reproduced"
        elif outer[0] > 0 or outer[1] < 0:
            verdict = "missed"
    low, high = outer or (None, None)
    return Comparison(number, task, verdict, tuple(scores), difference, low, high, margin)


def _score(record: RunRecord, number: PublishedNumber) -> float | None:
    assert record.result is not None
    # A card's "test" is the split that its publication reports: SQuAD's is its development set.
    scores = record.result.dev if number.split == "dev" else record.result.test
    return scores.get(number.metric)


_DEFAULTS: Mapping[str, Any] = {
    "mix": "learned",
    "gamma": True,
    "norm": "none",
    "l2": "preset",
    "placement": "input",
    "train_fraction": 1.0,
    "fold": 0,
}


def _repeats(record: RunRecord, number: PublishedNumber) -> bool:
    like = number.like
    if like is None or record.head != like.head or record.features not in like.features:
        return False
    names = {name for name in (*record.axes, *like.axes) if _matters(name, record)}
    return all(
        record.axes.get(name, _DEFAULTS.get(name)) == like.axes.get(name, _DEFAULTS.get(name))
        for name in names
    )


_OF_THE_MIX = frozenset({"mix", "gamma", "norm", "l2"})


def _matters(name: str, record: RunRecord) -> bool:
    """Whether an axis has an effect on a run's features.

    It has none if there are no layers to mix, or if every part names its own placement.
    """
    if name == "placement":
        return any(part.setting("place") is None for part in parse_features(record.features).parts)
    if name in _OF_THE_MIX and record.result is not None and record.axes.get("mix") != "concat":
        places = record.result.layer_weights.values()
        mixes = [mix for parts in places for mix in parts.values()]
        return not mixes or any(mix["s"] is not None for mix in mixes)
    return True


def _interval(
    ours: Sequence[float], number: PublishedNumber, difference: float, level: float
) -> tuple[float, float] | None:
    """Welch's interval of the difference; a published number without a spread counts as exact."""
    from scipy.stats import t

    n = len(ours)
    if n < 2:
        return None
    our_variance = float(np.var(ours, ddof=1)) / n
    their_variance = 0.0
    freedom = float(n - 1)
    if number.sd is not None and number.seeds is not None and number.seeds > 1:
        their_variance = number.sd**2 / number.seeds
        if our_variance + their_variance > 0:
            freedom = (our_variance + their_variance) ** 2 / (
                our_variance**2 / (n - 1) + their_variance**2 / (number.seeds - 1)
            )
    half = float(t.ppf(0.5 + level / 2, freedom)) * math.sqrt(our_variance + their_variance)
    return difference - half, difference + half
