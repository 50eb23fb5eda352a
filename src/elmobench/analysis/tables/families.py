"""Families of representations: static vectors, ELMo, transformers, and combinations of them."""

from __future__ import annotations

from typing import Final

from elmobench.core.errors import ConfigError, UnknownNameError
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.features.catalog.entries import provider_name
from elmobench.features.spec import UNTRAINED, PartSpec, parse_features

_NAMES: Final = {
    "static": "static",
    "elmo": "ELMo",
    "allennlp-elmo": "ELMo",
    "transformer": "transformer",
    "sentence": "sentence vectors",
    "vectors": "vectors from files",
    "function": "Python functions",
    "random": "random vectors",
    "elmo-random": "untrained ELMo",
    "untrained-transformer": "untrained transformer",
}
"""Provider -> family."""
_UNTRAINED: Final = {
    "static": "random",
    "elmo": "elmo-random",
    "transformer": "untrained-transformer",
}
"""Provider of a trained model -> what it counts as if its weights are random ones."""
_NOT_FROZEN: Final = ", not frozen"
UNKNOWN: Final = "other"
"""The family of a representation whose model is unknown here."""


def provider_of(part: PartSpec, models: ModelCatalog) -> str:
    """Name of a part's provider; of the part, up to a colon, if its model is unknown here.

    >>> from elmobench.features.catalog.catalog import ModelCatalog
    >>> provider_of(parse_features("elmo-mini@untrained=2").parts[0], ModelCatalog())
    'elmo-random'
    """
    try:
        provider = models.entry(part.name).provider
    except (UnknownNameError, ConfigError):
        provider = provider_name(part.name.split(":")[0])
    return provider if part.setting(UNTRAINED) is None else _UNTRAINED.get(provider, provider)


def family_of(features: str, models: ModelCatalog) -> str:
    """The family of a features spec: those of its parts, joined, each once.

    >>> from elmobench.features.catalog.catalog import ModelCatalog
    >>> family_of("glove-mini+elmo-mini@layer=1", ModelCatalog())
    'static + ELMo'
    >>> family_of("bert-mini(finetuned)", ModelCatalog())
    'transformer, not frozen'

    Args:
        features: a features spec; one that is malformed is of the family :data:`UNKNOWN`.
        models: the models of the experiment.
    """
    try:
        parts = parse_features(features).parts
    except ConfigError:
        return UNKNOWN
    names = [
        _NAMES.get(provider_of(part, models), UNKNOWN) + (_NOT_FROZEN if part.finetuned else "")
        for part in parts
    ]
    return " + ".join(dict.fromkeys(names))


def family_rank(family: str) -> tuple[int, list[int]]:
    """Sorts families: single ones first, in a fixed order, then combinations of them."""
    order = [*dict.fromkeys(_NAMES.values()), UNKNOWN]
    parts = family.split(" + ")
    return len(parts), [order.index(part) if part in order else len(order) for part in parts]
