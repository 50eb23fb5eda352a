"""The probe kit: cells that an experiment with ``probe_kit`` has in addition to its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from elmobench.core.errors import ConfigError
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.features.spec import FeaturesSpec, PartSpec, parse_features
from elmobench.tasks.registries import HEADS, PIPELINES, get_head

PROBES: Final = ("linear", "softmax", "linear-pairs", "mlp")
"""Heads that the kit is for."""

BASELINES: Final = ("majority", "most-frequent")
"""Heads without vectors, of which the kit adds the one that a pipeline has."""

_NO_MIX: Final = {
    **{"mix": ["learned"], "gamma": [True], "l2": [None], "norm": ["none"]},
    **{"mix_dropout": [None], "placement": ["input"], "labels": ["given"]},
}
"""Axes without an effect on a head that reads no vectors."""


@dataclass(frozen=True)
class Point:
    """A point of the main axes.

    Attributes:
        names: ``task``, ``pipeline``, ``features`` and ``head``, by which overrides choose it.
        features: the spec of its cells.
        default: options by path that apply unless an override sets them.
        fixed: axes by name, whatever the experiment and its overrides say.
        own_options: whether overrides of options apply.
    """

    names: Mapping[str, str]
    features: str
    default: Mapping[str, Any] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    own_options: bool = True


def with_kit(points: Sequence[Mapping[str, str]], catalog: ModelCatalog, where: str) -> list[Point]:
    """The points of an experiment with its probe kit.

    Each probe with features gets, where they exist: the online code of the given labels; control
    labels; the same features with layer 0 of each contextual model. Each task gets its baseline
    without vectors once, with the first model of the experiment.

    Args:
        points: of the main axes, in the order task, features, head.
        catalog: says which models are contextual, and how many layers they have.
        where: the experiment, for errors.

    Raises:
        ConfigError: no head of the experiment is a probe.
    """
    if not any(names["head"] in PROBES for names in points):
        raise ConfigError(
            "probe_kit is for probes, and the experiment has none among its heads",
            where=where,
            fix=f"add one of the heads {', '.join(PROBES)}, or remove probe_kit",
        )
    for names in points:
        if any(part.finetuned for part in parse_features(names["features"]).parts):
            raise ConfigError(
                f"probe_kit judges probes of frozen vectors, and {names['features']} is trained",
                where=where,
                fix="put features with (finetuned) into an experiment without probe_kit",
            )
    taken = {(names["task"], names["features"], names["head"]) for names in points}
    found: list[Point] = []
    for i, names in enumerate(points):
        found += _of_probe(names, taken, catalog) if names["head"] in PROBES else [_plain(names)]
        if i + 1 == len(points) or points[i + 1]["task"] != names["task"]:
            found += _baselines(names, points[0]["features"], taken)
    return found


def plain(points: Sequence[Mapping[str, str]]) -> list[Point]:
    """The points of an experiment without a kit."""
    return [_plain(names) for names in points]


def _plain(names: Mapping[str, str]) -> Point:
    return Point(names, names["features"])


def _of_probe(
    names: Mapping[str, str], taken: set[tuple[str, str, str]], catalog: ModelCatalog
) -> Iterator[Point]:
    given = {"labels": ["given"]}
    coded = get_head(names["pipeline"], names["head"]).head.gives_nats
    code = {"training.online_code": True} if coded else {}
    yield Point(names, names["features"], default=code, fixed=given)
    if PIPELINES.get(names["pipeline"]).has_control:
        yield Point(names, names["features"], fixed={"labels": ["control"]})
    spec = layer_zero(parse_features(names["features"]), catalog)
    if spec is not None and (names["task"], str(spec), names["head"]) not in taken:
        yield Point(names, str(spec), default=code, fixed=given)


def layer_zero(spec: FeaturesSpec, catalog: ModelCatalog) -> FeaturesSpec | None:
    """``spec`` with the context-free layer of each contextual part; None if that changes nothing.

    A part that sets its layer or its mix is left as it is, and so is one with a single layer.
    """
    changed = spec
    for i, part in enumerate(spec.parts):
        if part.setting("layer") or part.setting("mix") or not catalog.is_contextual(part.name):
            continue
        if catalog.entry(part.name).expect.layers != 1:
            kept = part.without_setting("gamma").without_setting("l2")
            changed = changed.with_part(i, kept.with_setting("layer", "0"))
    return None if changed == spec else changed


def _baselines(
    names: Mapping[str, str], features: str, taken: set[tuple[str, str, str]]
) -> Iterator[Point]:
    """The baseline of the pipeline of ``names`` that the experiment does not have already."""
    first = parse_features(features).parts[0]
    model = str(PartSpec(first.name, settings=tuple(first.provider_options.items())))
    for head in BASELINES:
        known = f"{names['pipeline']}/{head}" in HEADS
        if known and not any(t == names["task"] and h == head for t, _, h in taken):
            own = {**names, "features": model, "head": head}
            yield Point(own, model, fixed=_NO_MIX, own_options=False)
