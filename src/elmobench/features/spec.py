"""What a person types for features: ``glove-mini(trainable)+elmo-mini@layer=1``.

Grammar::

    spec    = part { "+" part }
    part    = name [ "(trainable)" ] { "@" key "=" value }
    name    = a catalogue name, or provider ":" path
    key     = one of SETTING_KEYS

Names and values hold no blanks and none of ``+ @ ( )``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from elmobench.core.errors import ConfigError
from elmobench.core.registry import did_you_mean

PROVIDER_SETTINGS: Final = ("state", "seed", "arithmetic", "device", "pieces", "revision")
"""Settings that change the vectors; all others are about what a task makes of them.

They become options of the provider, which refuses those it does not have.
"""

SETTING_KEYS: Final = (
    *("layer", "mix", "l2", "gamma", "norm", "dropout", "place"),
    *PROVIDER_SETTINGS,
)

_WORD = re.compile(r"[^\s+@()]+")
_TRAINABLE = "(trainable)"


@dataclass(frozen=True, slots=True)
class PartSpec:
    """One part of a features spec.

    Attributes:
        name: catalogue name, or ``provider:path``.
        trainable: whether it is an embedding in the head, initialised from the provider.
        settings: (key, value) pairs as typed, in order; no key stands twice.
    """

    name: str
    trainable: bool = False
    settings: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        suffixes = "".join(f"@{key}={value}" for key, value in self.settings)
        return f"{self.name}{_TRAINABLE if self.trainable else ''}{suffixes}"


@dataclass(frozen=True, slots=True)
class FeaturesSpec:
    """The parts whose mixed vectors are concatenated, in order."""

    parts: tuple[PartSpec, ...]

    def __str__(self) -> str:
        return "+".join(map(str, self.parts))


def parse_features(text: str) -> FeaturesSpec:
    """The parts of a features spec; ``str()`` of the result is ``text`` again.

    Raises:
        ConfigError: naming the part that is wrong and how to write it.
    """
    where = f"features {text!r}"
    if not text.strip():
        raise ConfigError("no features named", where=where, fix="name one, e.g. 'elmo-random'")
    parts = text.split("+")
    if not all(parts):
        raise ConfigError(
            "a part is empty",
            where=where,
            fix="write one '+' between two parts and none at the end",
        )
    return FeaturesSpec(tuple(_parse_part(part, where) for part in parts))


def _parse_part(text: str, where: str) -> PartSpec:
    head, *suffixes = text.split("@")
    trainable = head.endswith(_TRAINABLE)
    name = head.removesuffix(_TRAINABLE)
    if not name:
        raise ConfigError(f"{text!r} has no name", where=where, fix="write name@key=value")
    if "(" in name or ")" in name:
        raise ConfigError(
            f"{head!r} has parentheses that do not read '(trainable)'",
            where=where,
            fix="write name or name(trainable); settings come after it, as @key=value",
        )
    if not _WORD.fullmatch(name):
        raise ConfigError(
            f"the name {name!r} holds a blank",
            where=where,
            fix="give a path with blanks a name in a models: mapping",
        )
    settings: dict[str, str] = {}
    for suffix in suffixes:
        key, _, value = suffix.partition("=")
        if key not in SETTING_KEYS:
            raise ConfigError(
                f"unknown setting {key!r} in {text!r}",
                where=where,
                fix=did_you_mean(key, SETTING_KEYS),
            )
        if not _WORD.fullmatch(value):
            raise ConfigError(
                f"setting {key!r} in {text!r} has no usable value",
                where=where,
                fix=f"write @{key}=value, without blanks, '+' or parentheses",
            )
        if key in settings:
            raise ConfigError(f"{text!r} sets {key!r} twice", where=where, fix="keep one of them")
        settings[key] = value
    return PartSpec(name, trainable, tuple(settings.items()))
