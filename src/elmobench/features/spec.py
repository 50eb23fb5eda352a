"""Features specs: parse, query and change ``glove-mini(trainable)+elmo-mini@layer=1``.

Grammar::

    spec    = part { "+" part }
    part    = name [ "(trainable)" | "(finetuned)" ] { "@" key "=" value }
    name    = a catalog name, or provider ":" path
    key     = one of SETTING_KEYS

Names and values contain no blanks and none of ``+ @ ( )``. This module is the only one that knows
the grammar; everything else goes through `parse_features`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from elmobench.core.errors import ConfigError
from elmobench.core.registry import did_you_mean

PROVIDER_SETTINGS: Final = (
    *("state", "seed", "arithmetic", "device", "pieces", "revision"),
    *("case", "unknown", "width", "untrained"),
)
"""Settings that change the vectors. They become options of the provider, which refuses those that
it does not have. All other settings are about how a task's head uses the vectors.
"""

UNTRAINED: Final = "untrained"
"""The setting that replaces the learned values of a model by a numbered draw of random ones."""

DRAWS: Final = ("seed", UNTRAINED)
"""Settings whose value is the number of a random draw, or :data:`OWN_DRAW`."""

OWN_DRAW: Final = "run"
"""The value of a draw's number that means: the seed of the run, so that each run has its own."""

SETTING_KEYS: Final = (
    *("layer", "mix", "l2", "gamma", "norm", "dropout", "place"),
    *PROVIDER_SETTINGS,
)

_WORD = re.compile(r"[^\s+@()]+")
MAX_LENGTH: Final = 4_096
"""Characters of a features spec; it is repeated in names, tables and messages."""
_LAYER = re.compile(r"[0-9]{1,6}")
_RANGE = re.compile(rf"(@(?:{'|'.join(DRAWS)})=|-seed)([0-9]{{1,6}})\.\.([0-9]{{1,6}})(?=[@+(]|$)")
_MOST_DRAWS: Final = 1_000
_TRAINABLE = "(trainable)"
_FINETUNED = "(finetuned)"
_FROZEN_ONLY: Final = {
    "layer": "a model is trained as a whole, and its head reads a mix of all layers",
    "mix": "a model is trained as a whole, and its head reads a learned mix of all layers",
    UNTRAINED: "it would be training from the start, not fine-tuning",
    "seed": "random weights are not a model to start from",
    "state": "every sentence starts from zeros in training",
    "arithmetic": "weights are trained in float32",
}
"""Settings that do not go with ``(finetuned)``, and why."""


@dataclass(frozen=True, slots=True)
class PartSpec:
    """One part of a features spec.

    Attributes:
        name: catalog name, or ``provider:path``.
        trainable: whether the head has an embedding of its own, initialised from the provider.
        settings: (key, value) pairs in the order in which they were typed; keys are distinct.
        finetuned: whether the model is not frozen: it is trained together with the head.
    """

    name: str
    trainable: bool = False
    settings: tuple[tuple[str, str], ...] = ()
    finetuned: bool = False

    def __str__(self) -> str:
        suffixes = "".join(f"@{key}={value}" for key, value in self.settings)
        return f"{self.name}{self.mark}{suffixes}"

    @property
    def mark(self) -> str:
        """``(trainable)``, ``(finetuned)``, or nothing.

        >>> parse_features("bert-mini(finetuned)").parts[0].mark
        '(finetuned)'
        """
        if self.finetuned:
            return _FINETUNED
        return _TRAINABLE if self.trainable else ""

    @property
    def provider_options(self) -> dict[str, str]:
        """The settings that change the vectors: options of the provider."""
        return {key: value for key, value in self.settings if key in PROVIDER_SETTINGS}

    @property
    def head_settings(self) -> dict[str, str]:
        """The settings about how a task's head uses the vectors."""
        return {key: value for key, value in self.settings if key not in PROVIDER_SETTINGS}

    @property
    def own_draws(self) -> tuple[tuple[str, str], ...]:
        """The settings by which every run has a random draw of its own.

        >>> PartSpec("elmo-mini", settings=(("untrained", "run"), ("layer", "1"))).own_draws
        (('untrained', 'run'),)
        """
        return tuple(pair for pair in self.settings if pair[0] in DRAWS and pair[1] == OWN_DRAW)

    def setting(self, key: str) -> str | None:
        """Return the value of a setting, as typed; None if the part does not set it.

        >>> part = PartSpec("elmo-mini", settings=(("layer", "1"),))
        >>> part.setting("layer"), part.setting("mix")
        ('1', None)
        """
        return dict(self.settings).get(key)

    def with_setting(self, key: str, value: str) -> PartSpec:
        """Return the part with a setting changed in place, or added at the end.

        >>> str(PartSpec("elmo-mini", settings=(("layer", "1"),)).with_setting("state", "warm"))
        'elmo-mini@layer=1@state=warm'
        """
        return replace(self, settings=tuple({**dict(self.settings), key: value}.items()))

    def without_setting(self, key: str) -> PartSpec:
        """Return the part without a setting; the same part if it does not set it.

        >>> str(PartSpec("elmo-mini", settings=(("layer", "1"),)).without_setting("layer"))
        'elmo-mini'
        """
        return replace(self, settings=tuple(pair for pair in self.settings if pair[0] != key))


@dataclass(frozen=True, slots=True)
class FeaturesSpec:
    """The parts of a features spec, in order; their vectors are concatenated after mixing.

    A parsed spec has at least one part. `without` may leave none.
    """

    parts: tuple[PartSpec, ...]

    def __str__(self) -> str:
        return "+".join(map(str, self.parts))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parts, without settings.

        >>> parse_features("glove-mini(trainable)+elmo-mini@layer=1").names
        ('glove-mini', 'elmo-mini')
        """
        return tuple(part.name for part in self.parts)

    @property
    def frozen(self) -> bool:
        """Whether no part is trained together with a head.

        >>> parse_features("elmo-mini").frozen, parse_features("elmo-mini(finetuned)").frozen
        (True, False)
        """
        return not any(part.finetuned for part in self.parts)

    def contains(self, other: FeaturesSpec) -> bool:
        """Whether every part of another spec, with its settings, is one of this spec's parts.

        >>> parse_features("glove-mini+elmo-mini").contains(parse_features("elmo-mini"))
        True
        """
        return set(other.parts) <= set(self.parts)

    def without(self, part: PartSpec) -> FeaturesSpec:
        """Return the spec without all parts that equal ``part``, settings included.

        >>> spec = parse_features("glove-mini+elmo-mini@layer=1")
        >>> str(spec.without(spec.parts[1]))
        'glove-mini'
        """
        return FeaturesSpec(tuple(kept for kept in self.parts if kept != part))

    def with_part(self, index: int, part: PartSpec) -> FeaturesSpec:
        """Return the spec with another part at ``index``.

        >>> spec = parse_features("glove-mini+elmo-mini@layer=1")
        >>> str(spec.with_part(1, spec.parts[1].without_setting("layer")))
        'glove-mini+elmo-mini'
        """
        return FeaturesSpec((*self.parts[:index], part, *self.parts[index + 1 :]))

    def single_layer(self) -> tuple[int, int] | None:
        """Return the index of the only part that sets ``layer``, and that layer.

        None if no part or several parts set it, or if its value is not the number of a layer.

        >>> parse_features("glove-mini+elmo-mini@layer=2").single_layer()
        (1, 2)
        """
        layers = [(i, part.setting("layer")) for i, part in enumerate(self.parts)]
        chosen = [(i, layer) for i, layer in layers if layer is not None]
        if len(chosen) != 1 or not _LAYER.fullmatch(chosen[0][1]):
            return None
        return chosen[0][0], int(chosen[0][1])


def expand_draws(text: str) -> list[str]:
    """The specs that a spec with a range of draws stands for, in order.

    >>> expand_draws("glove-mini+elmo-mini@untrained=1..3")[1:]
    ['glove-mini+elmo-mini@untrained=2', 'glove-mini+elmo-mini@untrained=3']
    >>> expand_draws("elmo-mini")
    ['elmo-mini']

    Several ranges give all combinations. A range may also end the name of a model that was trained
    with several seeds: ``elmo-seed1..3``.

    Raises:
        ConfigError: a range is empty, or stands for more than 1,000 draws.
    """
    found = _RANGE.search(text)
    if found is None:
        return [text]
    first, last = int(found[2]), int(found[3])
    if not 0 <= last - first < _MOST_DRAWS:
        raise ConfigError(
            f"{found[0]!r} stands for {max(0, last - first + 1):,} draws",
            where=f"features {text!r}",
            fix=f"write the smaller number first, and at most {_MOST_DRAWS:,} draws",
        )
    before, after = text[: found.start()], text[found.end() :]
    return [
        before + f"{found[1]}{number}" + rest
        for number in range(first, last + 1)
        for rest in expand_draws(after)
    ]


def split_last_part(text: str) -> tuple[str, str]:
    """The beginning of a spec that is being typed, and its last part.

    >>> split_last_part("glove-mini+elm"), split_last_part("elm")
    (('glove-mini+', 'elm'), ('', 'elm'))
    """
    before, plus, last = text.rpartition("+")
    return before + plus, last


def parse_features(text: str) -> FeaturesSpec:
    """Parse a features spec; ``str()`` of the result is ``text`` again.

    >>> parse_features("glove-mini+elmo-mini@layer=1").parts[1].settings
    (('layer', '1'),)

    Raises:
        ConfigError: naming the part that is wrong and how to write it.
        TypeError: if ``text`` is not a string.
    """
    if not isinstance(text, str):
        raise TypeError(
            f"features are named by a string such as 'glove-mini+elmo-mini', not by {text!r:.40}"
        )
    if len(text) > MAX_LENGTH:
        raise ConfigError(
            f"a spec of {len(text):,} characters is too long; {MAX_LENGTH:,} are allowed",
            where=f"features {text[:60]!r}…",
            fix="give long paths short names in a models: mapping",
        )
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
    trainable, finetuned = head.endswith(_TRAINABLE), head.endswith(_FINETUNED)
    name = head.removesuffix(_FINETUNED) if finetuned else head.removesuffix(_TRAINABLE)
    if not name:
        raise ConfigError(f"{text!r} has no name", where=where, fix="write name@key=value")
    if "(" in name or ")" in name:
        raise ConfigError(
            f"{head!r} has parentheses that do not read '(trainable)' or '(finetuned)'",
            where=where,
            fix="write name, name(trainable) or name(finetuned); settings come after it, as "
            "@key=value",
        )
    if not _WORD.fullmatch(name):
        raise ConfigError(
            f"the name {name!r} contains a blank",
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
    for key in settings if finetuned else ():
        if key in _FROZEN_ONLY:
            raise ConfigError(
                f"@{key} does not go with (finetuned): {_FROZEN_ONLY[key]}",
                where=where,
                fix=f"remove @{key}, or (finetuned)",
            )
    return PartSpec(name, trainable, tuple(settings.items()), finetuned)
