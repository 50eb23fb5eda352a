"""Cells: the points of an experiment's grid, with every option resolved, and their identity."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from elmobench.bench.experiment.schema import Axes, Experiment
from elmobench.core.digests import digest_of
from elmobench.core.errors import ConfigError
from elmobench.core.validation import validated
from elmobench.features.spec import PROVIDER_SETTINGS, PartSpec, parse_features
from elmobench.nn.mix_mode import MixMode
from elmobench.tasks.base import HeadOptions
from elmobench.tasks.head import HeadPreset, MixDefaults, OnePassHead, TrainingOptions
from elmobench.tasks.registries import get_head

PROTOCOL_VERSION = 1
"""Bumped by hand when the protocol changes in a way that changes results."""


class PartSettings(BaseModel):
    """One part of the features spec with its mix resolved.

    Attributes:
        name: the catalogue's name.
        label: unique in its cell; the key of its layer weights.
        trainable, mix, gamma, l2, norm, dropout: see
            :class:`~elmobench.nn.feature_mixer.PartConfig`.
        place: where the part enters the head; None for the cell's own placement.
        provider: settings that go to the provider (``state``, ``seed``).
        explicit: settings of the mix that were typed as suffixes of this part.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    label: str
    trainable: bool = False
    mix: str = "learned"
    gamma: bool = True
    l2: float = Field(default=0.0, ge=0)
    norm: Literal["none", "token"] = "none"
    dropout: float = Field(default=0.0, ge=0, lt=1)
    place: Literal["input", "output", "both"] | None = None
    provider: dict[str, str] = Field(default_factory=dict)
    explicit: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[Any, ...]:
        """What selects the provider."""
        return (self.name, tuple(sorted(self.provider.items())))


@dataclass(frozen=True)
class Cell:
    """One point of the grid.

    Attributes:
        task: card id.
        pipeline: of the card.
        features: the spec as typed.
        parts: its parts, resolved.
        head: preset name.
        preset: the preset.
        options, training, mix: the preset's with overrides applied.
        placement: ``input``, ``output`` or ``both``, for parts that have no place of their own.
        train_fraction, seed, threads, precision: see :class:`Experiment`.
        fold: of a task that is split by folds; None for others.
        axes: the point's values on the further axes, for tables; ``"preset"`` for the preset's.
    """

    task: str
    pipeline: str
    features: str
    parts: tuple[PartSettings, ...]
    head: str
    preset: HeadPreset
    options: HeadOptions
    training: TrainingOptions
    mix: MixDefaults
    placement: str
    train_fraction: float
    seed: int
    threads: int
    precision: str
    axes: dict[str, Any]
    fold: int | None = None

    @property
    def placements(self) -> tuple[str, ...]:
        """The placements in use."""
        return tuple(place for place in ("input", "output") if self.parts_at(place))

    def parts_at(self, placement: str) -> tuple[int, ...]:
        """Indices of the parts that enter at ``placement``."""
        return tuple(
            i
            for i, part in enumerate(self.parts)
            if placement in _places(part.place or self.placement)
        )

    @property
    def label(self) -> str:
        """One line for progress and messages."""
        varied = [f"{name}={value}" for name, value in self.axes.items()]
        return " · ".join([self.task, self.features, self.head, *varied, f"seed {self.seed}"])

    def identity(
        self,
        *,
        data_digest: str,
        card_version: int,
        metric: tuple[str, int],
        labels: Sequence[str],
        context_unit: str,
        fingerprints: Sequence[str],
        num_layers: Sequence[int],
    ) -> dict[str, Any]:
        """Everything the result depends on; its digest names the cell.

        Options equal to their class's default are left out, so that a new option with a
        neutral default does not rename old cells. A part with one layer has no mix, so what an
        axis says of the mix is left out for it; so is the fold of a task without folds.
        """
        mix = {"mix", "gamma", "norm", "l2"}
        other = {"name", "label", "provider", "explicit"}
        return {
            "protocol": PROTOCOL_VERSION,
            "task": self.task,
            "card_version": card_version,
            "data": data_digest,
            "labels": list(labels),
            "context_unit": context_unit,
            "metric": list(metric),
            "head": [self.pipeline, self.head, self.preset.version],
            "options": self.options.model_dump(mode="json", exclude_defaults=True),
            "training": self.training.model_dump(mode="json", exclude_defaults=True),
            "standardize": self.mix.standardize,
            "parts": [
                {
                    "fingerprint": fingerprint,
                    **part.model_dump(
                        mode="json",
                        exclude_defaults=True,
                        exclude=other if layers > 1 else other | mix,
                    ),
                }
                for part, fingerprint, layers in zip(
                    self.parts, fingerprints, num_layers, strict=True
                )
            ],
            "placement": self.placement,
            "train_fraction": self.train_fraction,
            "seed": self.seed,
            "threads": self.threads,
            "precision": self.precision,
            "device": "cpu",
            **({} if self.fold is None else {"fold": self.fold}),
        }


def cell_digest(identity: Mapping[str, Any]) -> str:
    """The cell's name: SHA-256 of its identity."""
    return digest_of(identity)


def grid(
    experiment: Experiment, pipelines: Mapping[str, str], folded: Collection[str] = ()
) -> Iterator[Cell]:
    """All cells, in the order tasks, features, heads, further axes, seeds.

    Args:
        pipelines: card id -> pipeline, for the experiment's tasks in their order.
        folded: ids of the cards that are split by folds; the axis ``fold`` is theirs alone.

    Raises:
        ConfigError: for a bad spec, head, option path, option value or placement.
    """
    axes = set(Axes.model_fields)
    varied = {path for override in experiment.overrides for path in override.set}
    # What every cell has in common is told as well where it is not the default: a table of a tenth
    # of the data must say so.
    shown = {
        name
        for name, field in Axes.model_fields.items()
        if name in varied or getattr(experiment.axes, name) != field.default
    }
    unused = set(range(len(experiment.overrides)))
    for task, pipeline in pipelines.items():
        for features in experiment.features:
            spec = parse_features(features)
            for head in experiment.heads:
                preset = get_head(pipeline, head)
                names = {"task": task, "pipeline": pipeline, "features": features, "head": head}
                changes: dict[str, Any] = {}
                for i, override in enumerate(experiment.overrides):
                    if override.matches(names):
                        unused.discard(i)
                        changes.update(override.set)
                group = experiment.with_axes(
                    {path: changes.pop(path) for path in list(changes) if path in {*axes, "seeds"}}
                )
                options, training, mix = apply_options(
                    changes, preset.options, preset.training, preset.mix
                )
                first = group.axes.fold[0]
                for point in group.axes.points():
                    fold: int | None = point["fold"]
                    if task not in folded:
                        if fold != first:
                            continue
                        fold = None
                    placement = point["placement"]
                    parts = _resolve_parts(spec.parts, point, mix)
                    for part in parts:
                        _check_placement(part.place or placement, preset, names)
                    if issubclass(preset.head, OnePassHead):
                        parts = tuple(_not_learned(part, names) for part in parts)
                    for seed in group.seeds:
                        yield Cell(
                            task=task,
                            pipeline=pipeline,
                            features=features,
                            parts=parts,
                            head=head,
                            preset=preset,
                            options=options,
                            training=training,
                            mix=mix,
                            placement=placement,
                            train_fraction=point["train_fraction"],
                            seed=seed,
                            threads=experiment.settings.threads,
                            precision=experiment.settings.precision,
                            axes={
                                name: "preset" if value is None else value
                                for name, value in point.items()
                                if name in shown and (name != "fold" or fold is not None)
                            },
                            fold=fold,
                        )
    for i in sorted(unused):
        when = experiment.overrides[i].when
        raise ConfigError(
            f"override {i + 1} matches no cell: when {when}",
            where=f"experiment {experiment.name}",
            fix="name tasks, features and heads as the experiment does",
        )


def apply_options(
    changes: Mapping[str, Any], options: HeadOptions, training: TrainingOptions, mix: MixDefaults
) -> tuple[HeadOptions, TrainingOptions, MixDefaults]:
    """The three option blocks with ``changes`` (by path: ``training.lr``, …) applied.

    A path that is set is no longer searched: it leaves ``training.grid``.

    Raises:
        ConfigError: for an unknown block or option, or a value of the wrong kind.
    """
    blocks: dict[str, BaseModel] = {"options": options, "training": training, "mix": mix}
    new: dict[str, dict[str, Any]] = {}
    for path, value in changes.items():
        block, _, name = path.partition(".")
        if block not in blocks or not name:
            raise ConfigError(
                f"no option path {path!r}",
                fix="paths begin with 'options.', 'training.' or 'mix.', e.g. training.epochs; "
                "or name an axis, e.g. train_fraction or seeds",
            )
        new.setdefault(block, {})[name] = value
    searched = training.grid
    if "training.grid" not in changes and any(path in searched for path in changes):
        left = {path: values for path, values in searched.items() if path not in changes}
        new.setdefault("training", {})["grid"] = left
    for block, values in new.items():
        model = type(blocks[block])
        merged = {**blocks[block].model_dump(), **values}
        blocks[block] = validated(model, merged, f"{block} ({model.__name__})")
    result_options, result_training, result_mix = blocks.values()
    assert isinstance(result_options, HeadOptions)
    assert isinstance(result_training, TrainingOptions)
    assert isinstance(result_mix, MixDefaults)
    return result_options, result_training, result_mix


def _places(placement: str) -> tuple[str, ...]:
    return ("input", "output") if placement == "both" else (placement,)


def _check_placement(placement: str, preset: HeadPreset, names: Mapping[str, str]) -> None:
    if any(place not in preset.placements for place in _places(placement)):
        raise ConfigError(
            f"head {names['pipeline']}/{names['head']} takes no features at {placement!r}",
            fix=f"it takes them at: {', '.join(preset.placements)}",
        )


def _not_learned(part: PartSettings, names: Mapping[str, str]) -> PartSettings:
    """A part below a head that learns nothing: its mix as it would start, without γ and λ."""
    mode = MixMode.parse(part.mix)
    if part.trainable or mode.kind == "first":
        what = "(trainable)" if part.trainable else f"mix {mode}"
        raise ConfigError(
            f"{part.name}: {what} is learned, and head {names['pipeline']}/{names['head']} "
            "learns nothing",
            where=f"features {names['features']}",
            fix="use the vectors as they are, with mix uniform, layer=K, last or concat",
        )
    mix = "uniform" if mode.kind == "learned" else part.mix
    return part.model_copy(update={"mix": mix, "gamma": False, "l2": 0.0, "dropout": 0.0})


def _resolve_parts(
    parts: Sequence[PartSpec], point: Mapping[str, Any], mix: MixDefaults
) -> tuple[PartSettings, ...]:
    names = [part.name for part in parts]
    return tuple(
        _resolve_part(
            part,
            part.name if names.count(part.name) == 1 else f"{part.name}#{i + 1}",
            point,
            mix,
        )
        for i, part in enumerate(parts)
    )


def _resolve_part(
    part: PartSpec, label: str, point: Mapping[str, Any], mix: MixDefaults
) -> PartSettings:
    """Axes first, then the preset's defaults for None, then the part's own suffixes."""
    values: dict[str, Any] = {
        "name": part.name,
        "label": label,
        "trainable": part.trainable,
        "mix": point["mix"],
        "gamma": point["gamma"],
        "norm": point["norm"],
        "l2": mix.l2 if point["l2"] is None else point["l2"],
        "dropout": mix.dropout if point["mix_dropout"] is None else point["mix_dropout"],
        "provider": {},
        "explicit": tuple(key for key, _ in part.settings if key not in PROVIDER_SETTINGS),
    }
    for key, value in part.settings:
        if key in PROVIDER_SETTINGS:
            values["provider"][key] = value
        elif key == "layer":
            values["mix"] = f"layer={value}"
        else:
            values[key] = value
    settings = validated(PartSettings, values, f"features {part}")
    MixMode.parse(settings.mix)  # a bad mode is an error now, not in the middle of a grid
    return settings
