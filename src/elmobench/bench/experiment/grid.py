"""The grid: every cell of an experiment, with all options resolved."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from elmobench.bench.experiment.cells import Cell, single_placements
from elmobench.bench.experiment.options import apply_options
from elmobench.bench.experiment.parts import (
    PartSettings,
    resolve_parts,
    untrained_mix,
    with_own_draws,
)
from elmobench.bench.experiment.probe_kit import plain, with_kit
from elmobench.bench.experiment.schema import MAX_POINTS, Axes, Experiment, Override
from elmobench.core.errors import ConfigError
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.features.spec import parse_features
from elmobench.tasks.head import HeadPreset, OnePassHead
from elmobench.tasks.registries import get_head
from elmobench.training.devices import device_kind, resolved_device

_AXIS_NAMES: Final = frozenset({*Axes.model_fields, "seeds"})


def grid(
    experiment: Experiment,
    pipelines: Mapping[str, str],
    folded: Collection[str] = (),
    catalog: ModelCatalog | None = None,
) -> Iterator[Cell]:
    """All cells, in the order tasks, features, heads, further axes, seeds.

    Args:
        experiment: the experiment.
        pipelines: card id -> pipeline, for the experiment's tasks in their order.
        folded: ids of the cards that are split by folds; the axis ``fold`` applies only to them.
        catalog: says which models are contextual; None for the built-in models and the
            experiment's own. No model is loaded, unless its provider does not declare its kind.

    Raises:
        ConfigError: for a wrong spec, head, option path, option value or placement, or a grid of
            more than :data:`~elmobench.bench.experiment.schema.MAX_POINTS` points.
        UnknownNameError: for features that are not in the catalog.
    """
    _check_size(experiment)
    catalog = catalog or ModelCatalog(experiment.models, experiment.base)
    points = [
        {"task": task, "pipeline": pipeline, "features": features, "head": head}
        for task, pipeline in pipelines.items()
        for features in experiment.features
        for head in experiment.heads
    ]
    experiment = experiment.model_copy(update={"overrides": _used_overrides(experiment, points)})
    where = f"experiment {experiment.name}"
    for point in with_kit(points, catalog, where) if experiment.probe_kit else plain(points):
        changes: dict[str, Any] = dict(point.default)
        for override in experiment.overrides:
            if override.matches(point.names):
                changes.update(override.set)
        if not point.own_options:
            changes = {path: value for path, value in changes.items() if path in _AXIS_NAMES}
        yield from _cells_of(
            experiment,
            {**point.names, "features": point.features},
            {**changes, **point.fixed},
            has_folds=point.names["task"] in folded,
            is_contextual=catalog.is_contextual,
        )


def _check_size(experiment: Experiment) -> None:
    if experiment.size > MAX_POINTS:
        raise ConfigError(
            f"the grid has {experiment.size:,} points, at most {MAX_POINTS:,} are planned",
            where=f"experiment {experiment.name}",
            fix="give its axes fewer values, or make several experiments",
        )


def _used_overrides(
    experiment: Experiment, points: Sequence[Mapping[str, str]]
) -> tuple[Override, ...]:
    """The overrides that match a point of the main axes.

    Raises:
        ConfigError: one that is not optional matches none, so a name in it is probably misspelt.
    """
    used = []
    for i, override in enumerate(experiment.overrides, start=1):
        if any(override.matches(names) for names in points):
            used.append(override)
        elif not override.optional:
            raise ConfigError(
                f"override {i} matches no cell: when {override.when}",
                where=f"experiment {experiment.name}",
                fix="name tasks, features and heads as the experiment does",
            )
    return tuple(used)


def _cells_of(
    experiment: Experiment,
    names: Mapping[str, str],
    changes: Mapping[str, Any],
    *,
    has_folds: bool,
    is_contextual: Callable[[str], bool],
) -> Iterator[Cell]:
    """The cells of one task, features spec and head: further axes times seeds.

    Args:
        experiment: the experiment.
        names: ``task``, ``pipeline``, ``features`` and ``head`` of the cells.
        changes: what the matching overrides set, by path.
        has_folds: whether the task is split by folds.
        is_contextual: see :func:`resolve_parts`.
    """
    spec = parse_features(names["features"])
    preset = get_head(names["pipeline"], names["head"])
    own = experiment.with_axes({p: value for p, value in changes.items() if p in _AXIS_NAMES})
    _check_size(own)
    options, training, mix = apply_options(
        {path: value for path, value in changes.items() if path not in _AXIS_NAMES},
        preset.options,
        preset.training,
        preset.mix,
    )
    shown = _shown_axes(experiment)
    device = device_kind(resolved_device(experiment.settings.device))
    limit = None if experiment.limit is None else str(experiment.limit)
    for point in own.axes.points():
        if not has_folds and point["fold"] != own.axes.fold[0]:
            continue  # the axis does not apply: one value of it is enough
        fold: int | None = point["fold"] if has_folds else None
        parts = _checked_parts(
            resolve_parts(spec.parts, point, mix, is_contextual), point, preset, names
        )
        for seed in own.seeds:
            yield Cell(
                task=names["task"],
                pipeline=names["pipeline"],
                features=names["features"],
                parts=with_own_draws(parts, seed),
                head=names["head"],
                preset=preset,
                options=options,
                training=training,
                mix=mix,
                placement=point["placement"],
                train_fraction=point["train_fraction"],
                seed=seed,
                threads=experiment.settings.threads,
                precision=experiment.settings.precision,
                axes={
                    name: "preset" if value is None else value
                    for name, value in point.items()
                    if name in shown and (name != "fold" or has_folds)
                }
                | ({} if limit is None else {"limit": limit}),
                fold=fold,
                limit=limit,
                device=device,
                labels=point["labels"],
            )


def _shown_axes(experiment: Experiment) -> set[str]:
    """The axes that tables show: those that vary, or are fixed to a value that is not the default.

    A table of results on a tenth of the data must say so.
    """
    overridden = {path for override in experiment.overrides for path in override.set}
    if experiment.probe_kit:
        overridden.add("labels")
    return {
        name
        for name, field in Axes.model_fields.items()
        if name in overridden or getattr(experiment.axes, name) != field.default
    }


def _checked_parts(
    parts: tuple[PartSettings, ...],
    point: Mapping[str, Any],
    preset: HeadPreset,
    names: Mapping[str, str],
) -> tuple[PartSettings, ...]:
    """The parts of a cell, after checking that the head takes each where it is placed."""
    for part in parts:
        placement = part.place or point["placement"]
        if any(place not in preset.placements for place in single_placements(placement)):
            raise ConfigError(
                f"head {names['pipeline']}/{names['head']} takes no features at {placement!r}",
                fix=f"it takes them at: {', '.join(preset.placements)}",
            )
    if issubclass(preset.head, OnePassHead):
        return tuple(untrained_mix(part, names) for part in parts)
    return parts
