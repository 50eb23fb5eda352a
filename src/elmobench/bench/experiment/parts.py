"""The parts of a features spec, with the settings of their layer mixes resolved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from elmobench.core.errors import ConfigError
from elmobench.core.strict_model import StrictModel
from elmobench.core.validation import validated
from elmobench.features.spec import DRAWS, OWN_DRAW, PROVIDER_SETTINGS, UNTRAINED, PartSpec
from elmobench.nn.mix_mode import MixMode
from elmobench.tasks.head import MixDefaults


class PartSettings(StrictModel):
    """One part of the features spec with its mix resolved."""

    name: str
    """Name of the model in the catalog."""
    label: str
    """Name that is unique in the cell; the key of the part's layer weights."""
    trainable: bool = False
    """Whether a trainable embedding over the words of the data replaces the vectors."""
    finetuned: bool = False
    """Whether the model is not frozen: it is trained together with the head."""
    lowercase: bool | None = None
    """Whether the spellings of a word share a vector of a trainable part; None for other parts."""
    unknown: Literal["normal", "zero"] | None = None
    """Initial vector of unknown words in a trainable part; None for other parts."""
    mix: str = "learned"
    """Mode of the layer mix."""
    gamma: bool = True
    """Whether the scale γ is learned."""
    l2: float = Field(default=0.0, ge=0)
    """Weight λ of the penalty λ Σ w² on the layer weights."""
    norm: Literal["none", "token"] = "none"
    """``token`` applies a layer norm to each token's vector."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the output of the part."""
    unit: bool = False
    """Whether the vectors are scaled to length 1."""
    place: Literal["input", "output", "both"] | None = None
    """Where the part enters the head; None for the cell's placement."""
    provider: dict[str, str] = Field(default_factory=dict)
    """Settings of the provider (``state``, ``seed``)."""
    explicit: tuple[str, ...] = ()
    """Settings of the mix that were given as suffixes of this part."""

    @property
    def key(self) -> tuple[Any, ...]:
        """What determines the provider: name and settings."""
        return (self.name, tuple(sorted(self.provider.items())))


def resolve_parts(
    parts: Sequence[PartSpec],
    point: Mapping[str, Any],
    mix: MixDefaults,
    is_contextual: Callable[[str], bool],
) -> tuple[PartSettings, ...]:
    """The settings of each part.

    Values come from the axes, or from the preset where an axis is None; suffixes of a part
    replace both. The axis ``mix_dropout`` and the preset's ``dropout`` apply to contextual parts.
    A static part has the preset's ``static_dropout``, whatever the axis says: the axis is about
    the mix, and the baseline must stay the same along it.

    Args:
        parts: of the features spec.
        point: the values on the axes.
        mix: the preset's defaults.
        is_contextual: whether the model of a given name gives a word different vectors in
            different sentences; see :meth:`ModelCatalog.is_contextual`.

    Raises:
        ConfigError: for a suffix with a wrong value.
    """
    names = [_name(part) for part in parts]
    return tuple(
        _resolve_part(
            part,
            name if names.count(name) == 1 else f"{name}#{i + 1}",
            point,
            mix,
            contextual=is_contextual(part.name),
        )
        for i, (part, name) in enumerate(zip(parts, names, strict=True))
    )


def _name(part: PartSpec) -> str:
    """The name of a part, which says whether its model is untrained, or not frozen."""
    if part.finetuned:
        return f"{part.name}{part.mark}"
    draw = part.setting(UNTRAINED)
    return part.name if draw is None else f"{part.name}@{UNTRAINED}={draw}"


def with_own_draws(parts: Sequence[PartSettings], seed: int) -> tuple[PartSettings, ...]:
    """The parts of the run with this seed: draws of its own have the number of the seed."""
    return tuple(
        part.model_copy(
            update={
                "provider": {
                    key: str(seed) if key in DRAWS and value == OWN_DRAW else value
                    for key, value in part.provider.items()
                }
            }
        )
        for part in parts
    )


def _resolve_part(
    part: PartSpec, label: str, point: Mapping[str, Any], mix: MixDefaults, *, contextual: bool
) -> PartSettings:
    dropout = mix.static_dropout
    if contextual:
        dropout = mix.dropout if point["mix_dropout"] is None else point["mix_dropout"]
    values: dict[str, Any] = {
        "name": part.name,
        "label": label,
        "trainable": part.trainable,
        "finetuned": part.finetuned,
        "lowercase": mix.trainable_lowercase if part.trainable else None,
        "unknown": mix.trainable_unknown if part.trainable else None,
        "mix": point["mix"],
        "gamma": point["gamma"],
        "norm": point["norm"],
        "l2": mix.l2 if point["l2"] is None else point["l2"],
        "dropout": dropout,
        "unit": mix.static_unit and not contextual,
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
    MixMode.parse(settings.mix)  # a wrong mode is an error now, not in the middle of a run
    return settings


def untrained_mix(part: PartSettings, names: Mapping[str, str]) -> PartSettings:
    """``part`` for an untrained head: with the initial (uniform) mix, without γ, λ and dropout.

    Args:
        part: a part of the cell.
        names: ``pipeline``, ``head`` and ``features`` of the cell, for messages.

    Raises:
        ConfigError: if the part has weights that must be learned.
    """
    mode = MixMode.parse(part.mix)
    if part.trainable or part.finetuned or mode.kind in ("first", "without"):
        mark = "(finetuned)" if part.finetuned else "(trainable)"
        learned = mark if part.trainable or part.finetuned else f"mix {mode}"
        raise ConfigError(
            f"{part.name}: {learned} is learned, and head {names['pipeline']}/{names['head']} "
            "learns nothing",
            where=f"features {names['features']}",
            fix="use the vectors as they are, with mix uniform, layer=K, last or concat",
        )
    mix = "uniform" if mode.kind == "learned" else part.mix
    return part.model_copy(update={"mix": mix, "gamma": False, "l2": 0.0, "dropout": 0.0})
