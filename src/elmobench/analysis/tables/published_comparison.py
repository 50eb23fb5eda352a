"""Comparing the scores of an experiment with published ones, task by task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elmobench.analysis.stats.differences import without_chance
from elmobench.analysis.tables.published import (
    PublishedNumber,
    is_control,
    numbers_of_card,
    published_numbers,
)
from elmobench.analysis.tables.published_verdict import Interval, PublishedVerdict, decide
from elmobench.bench.experiment.options import apply_options
from elmobench.bench.experiment.parts import PartSettings, resolve_parts
from elmobench.bench.experiment.schema import Axes
from elmobench.core import paths
from elmobench.core.errors import ConfigError
from elmobench.core.registry import did_you_mean
from elmobench.data.cards.card import TaskCard
from elmobench.data.cards.matching_runs import MatchingRuns
from elmobench.data.cards.published_data import PUBLISHED_DATASETS
from elmobench.data.cards.source_kinds import GenerateSource
from elmobench.data.readers.base import READERS
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.features.spec import parse_features
from elmobench.tasks.head import MixDefaults
from elmobench.tasks.registries import HEADS
from elmobench.tracking.data_origin import same_as_of
from elmobench.tracking.record import RunRecord


@dataclass(frozen=True)
class Comparison:
    """A published number, and our scores if the same was measured.

    Attributes:
        number: the published number.
        task: our task.
        verdict: see :func:`~elmobench.analysis.tables.published_verdict.decide`; ``not
            comparable`` if none of our cells repeats the published system on the same data.
        reason: why it is not comparable, or what else a reader should know; None if nothing.
        same_data: whether the number is on our task's data.
        features: features spec of our cells; None if there are none.
        ours: our scores, one per seed; empty if there are none.
        difference: mean of our scores minus the published score.
        interval: 95 % interval of the difference.
        margin: differences below it count as no difference.
    """

    number: PublishedNumber
    task: str
    verdict: PublishedVerdict
    reason: str | None = None
    same_data: bool = True
    features: str | None = None
    ours: tuple[float, ...] = ()
    difference: float | None = None
    interval: Interval | None = None
    margin: float | None = None


def compare_with_published(
    records: Sequence[RunRecord],
    margin: float,
    numbers: Iterable[PublishedNumber] | None = None,
    cards: Mapping[str, TaskCard] | None = None,
) -> list[Comparison]:
    """Compare our scores with published ones.

    For each task the numbers that its card lists come first, then those on the published data set
    that it is (``same_as``), then those on other data of its pipeline. Tasks that do not ship with
    the package are not compared with other data.

    Args:
        records: records of one experiment.
        margin: points within which a number counts as reproduced, fixed before the run.
        numbers: published numbers; by default those that ship with the package.
        cards: task cards by id, those that are known. Their ``same_as`` replaces that of the
            records, which may be older.

    Raises:
        ConfigError: a number's ``like`` has a malformed features spec or an unknown axis.
    """
    numbers = published_numbers() if numbers is None else tuple(numbers)
    cards = cards or {}
    rows: list[Comparison] = []
    tasks = {record.task: record for record in records}
    for task, record in tasks.items():
        if is_control(task):
            continue  # controls are generated here; no publication has scores on them
        card = cards.get(task)
        same_as = same_as_of(record) if card is None else card.same_as
        done = [r for r in records if r.task == task and r.result is not None]
        own = [n for n in numbers if n.data is not None and n.data == same_as]
        for number in [*(numbers_of_card(card) if card is not None else ()), *own]:
            rows += _comparisons(number, task, done, margin, card)
        # Published scores on other data say nothing about a user's own data.
        if (paths.builtin("tasks") / f"{task}.yaml").is_file():
            rows += [
                Comparison(n, task, "not comparable", "other data", same_data=False)
                for n in numbers
                if n.pipeline == record.pipeline and n not in own
            ]
    return rows


def _comparisons(
    number: PublishedNumber,
    task: str,
    records: Sequence[RunRecord],
    margin: float,
    card: TaskCard | None,
) -> Iterator[Comparison]:
    """Yield one comparison per features spec that repeats ``number``, or say why there is none."""
    if number.like is None:
        yield Comparison(number, task, "not comparable", number.not_comparable)
        return
    other_reading = _read_otherwise(card, number.like.reader)
    if other_reading is not None:
        yield Comparison(number, task, "not comparable", other_reading)
        return
    # Points of the grid that are the same cell are one run.
    repeating = {r.cell: r for r in records if _repeats(r, number.like)}.values()
    reasons = [_obstacle(record, number) for record in repeating]
    comparable = [r for r, reason in zip(repeating, reasons, strict=True) if reason is None]
    if not comparable:
        reason = next(iter(reasons), f"no run of {_described(number.like)}")
        yield Comparison(number, task, "not comparable", reason)
        return
    specs = list(dict.fromkeys(record.features for record in comparable))
    # Of a head that reads no vectors, the scores are the same for all features.
    for features in specs if number.like.features else specs[:1]:
        runs = [record for record in comparable if record.features == features]
        ours = tuple(_scores(record, number)[number.metric] for record in runs)
        decision = decide(
            ours,
            number.score,
            sd=number.sd,
            seeds=number.seeds,
            margin=margin,
            exact=without_chance(runs),
        )
        yield Comparison(
            number,
            task,
            decision.verdict,
            decision.reason,
            features=features,
            ours=ours,
            difference=decision.difference,
            interval=decision.interval,
            margin=margin,
        )


def _read_otherwise(card: TaskCard | None, published: Mapping[str, Any]) -> str | None:
    """How a card's reader reads the test set otherwise than the publication; None if it does not.

    Args:
        card: the task's card; None if it is not known.
        published: options of the reader, see :class:`MatchingRuns`.
    """
    if not published:
        return None
    if card is None or card.reader is None:
        return "the task's card is not known here; give its folder with --include"
    reader = READERS.get(card.reader.name)
    for source in card.splits.get("test", card.splits.get("all", [])):
        if isinstance(source, GenerateSource) or source.reader is not None:
            return "a part of the test set has another reader than the card's"
        options = reader.options({**card.reader.options, **source.options}, card.id)
        for name, value in published.items():
            ours = getattr(options, name, None)
            if ours != value:
                return f"the reader's option {name} is {ours} here, {value} in the publication"
    return None


def _scores(record: RunRecord, number: PublishedNumber) -> dict[str, float]:
    assert record.result is not None
    # A card's "test" is the split that its publication reports: SQuAD's is its development set.
    return {"dev": record.result.dev, "test": record.result.test}.get(number.split, {})


def _obstacle(record: RunRecord, number: PublishedNumber) -> str | None:
    """Why a run that repeats the system is not comparable; None if it is."""
    assert record.result is not None
    if record.limit is not None:
        return f"a quick try on a part of the data (limit {record.limit})"
    if record.is_control:
        return "control labels, not those of the data"
    if number.metric not in _scores(record, number):
        return f"no score {number.metric} on {number.split} here"
    changed = _changed_settings(record, number.like.set if number.like else {})
    if changed:
        return f"other settings than the published system's: {', '.join(changed)}"
    if number.data is None:
        return None
    dataset = PUBLISHED_DATASETS[number.data]
    if record.result.metric != dataset.metric:
        return f"scored by {record.result.metric}, published by {dataset.metric}"
    examples = record.result.counts.get("test")
    return None if examples is None else dataset.size_mismatch(examples)


def _changed_settings(record: RunRecord, published_options: Mapping[str, Any]) -> list[str]:
    """Options of head, training and mix that differ from those of the published system.

    Those are the options of the head's preset, with ``published_options`` by path. None are known
    for a head of another version than the installed one, or that is not installed.
    """
    name = f"{record.pipeline}/{record.head}"
    if "head" not in record.identity or name not in HEADS:
        return []
    preset = HEADS.get(name)
    if list(record.identity["head"]) != [record.pipeline, record.head, preset.version]:
        return []
    options, training, mix = apply_options(
        published_options, preset.options, preset.training, preset.mix
    )
    changed = []
    for block, values in (("options", options), ("training", training)):
        published = values.model_dump(mode="json", exclude_defaults=True)
        ours = record.identity.get(block, {})
        changed += [
            f"{block}.{key}"
            for key in sorted({*published, *ours})
            if published.get(key) != ours.get(key)
        ]
    return changed + _changed_mix(record, mix)


_OF_A_PART = {
    "dropout": "dropout",
    "unit": "mix.static_unit",
    "lowercase": "mix.trainable_lowercase",
    "unknown": "mix.trainable_unknown",
}
"""Settings of a part that an experiment can override, as a reason names them."""


def _changed_mix(record: RunRecord, published: MixDefaults) -> list[str]:
    """Settings of the parts that differ from the published ones and are neither axes nor suffixes.

    λ is not among them: the identity of a part with one layer, which has no mix, leaves it out.
    """
    parts = record.identity.get("parts")
    if parts is None:
        return []
    catalog = ModelCatalog()
    spec = parse_features(record.features).parts
    if any(part.name not in catalog.names() for part in spec):
        return []  # of an experiment's own model the kind is unknown here
    axes = {**_DEFAULTS, **record.axes}
    point = {name: None if value == "preset" else value for name, value in axes.items()}
    wanted = resolve_parts(spec, point, published, catalog.is_contextual)
    changed = [
        f"{shown} of {theirs.label}" if name == "dropout" else shown
        for ours, theirs in zip(parts, wanted, strict=True)
        for name, shown in _OF_A_PART.items()
        if ours.get(name, PartSettings.model_fields[name].default) != getattr(theirs, name)
    ]
    if record.identity.get("standardize", published.standardize) != published.standardize:
        changed.append("mix.standardize")
    return list(dict.fromkeys(changed))


_DEFAULTS: Mapping[str, Any] = {
    name: "preset" if field.default[0] is None else field.default[0]
    for name, field in Axes.model_fields.items()
}


def _repeats(record: RunRecord, like: MatchingRuns) -> bool:
    unknown = sorted(set(like.axes) - set(_DEFAULTS))
    if unknown:
        raise ConfigError(
            f"'like' of a published number names an unknown axis {unknown[0]!r}",
            fix=did_you_mean(unknown[0], _DEFAULTS),
        )
    if record.head != like.head:
        return False
    ours = _placed(record.features, record.axes)
    if like.features and all(ours != _placed(spec, like.axes) for spec in like.features):
        return False
    names = {name for name in (*record.axes, *like.axes) if _matters(name, record)}
    if not like.features:
        names -= _OF_THE_MIX
    return all(
        record.axes.get(name, _DEFAULTS.get(name)) == like.axes.get(name, _DEFAULTS.get(name))
        for name in names
    )


def _placed(features: str, axes: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The parts of a spec, each with where it enters the head; the order has no meaning."""
    placement = axes.get("placement", _DEFAULTS["placement"])
    return sorted(
        (str(part.without_setting("place")), part.setting("place") or placement)
        for part in parse_features(features).parts
    )


_OF_THE_MIX = frozenset({"mix", "gamma", "norm", "l2"})


def _matters(name: str, record: RunRecord) -> bool:
    """Whether an axis has an effect that :func:`_placed` does not show.

    Those of the mix have none if there are no layers to mix.
    """
    if name in ("placement", "limit"):  # of a limit, _obstacle says so
        return False
    if name in _OF_THE_MIX and record.result is not None and record.axes.get("mix") != "concat":
        places = record.result.layer_weights.values()
        mixes = [mix for parts in places for mix in parts.values()]
        return not mixes or any(mix["s"] is not None for mix in mixes)
    return True


def _described(like: MatchingRuns) -> str:
    axes = ", ".join(f"{name} {value}" for name, value in like.axes.items())
    features = f"{like.features[0]} with " if like.features else ""
    return f"{features}head {like.head}" + (f", {axes}" if axes else "")
