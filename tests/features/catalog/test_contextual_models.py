"""Which models are contextual: declared by the factory, held against the layers, or found out."""

from __future__ import annotations

from typing import Any

import pytest

from elmobench.core.errors import ModelError, UnknownNameError
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.features.provider import PROVIDERS, FeatureProvider, ProviderFactory
from elmobench.features.static.random_vectors import RandomStaticProvider

EXPECTED = {
    "random": False,
    "elmo-random": True,
    "glove-mini": False,
    "elmo-mini": True,
    "bert-mini": True,
}


class Plugin(ProviderFactory):
    def load(self, name: str, files: dict[str, Any], options: dict[str, Any]) -> FeatureProvider:
        return RandomStaticProvider(name, 4)


@pytest.mark.parametrize("name", EXPECTED)
def test_declared_as_the_layers_are(name: str) -> None:
    catalog = ModelCatalog()
    assert catalog.is_contextual(name) == EXPECTED[name]
    assert catalog.load(name).contextual == EXPECTED[name]


def test_every_known_model_is_declared() -> None:
    """So that no experiment needs a download to be planned."""
    catalog = ModelCatalog()
    kinds = {name: catalog.entry(name).provider for name in catalog.names()}
    assert {PROVIDERS.get(kind).contextual for kind in kinds.values()} == {True, False}
    static = {name for name in kinds if not catalog.is_contextual(name)}
    assert static == {name for name in kinds if name.startswith("glove-") or name == "random"}


def test_a_plug_in_that_declares_nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROVIDERS._entries, "plugin", Plugin())
    assert not ModelCatalog({"mine": {"provider": "plugin"}}).is_contextual("mine")


def test_a_wrong_declaration_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = Plugin()
    plugin.contextual = True
    monkeypatch.setitem(PROVIDERS._entries, "plugin", plugin)
    with pytest.raises(ModelError, match=r"declares contextual = True, but .* random \(type\)"):
        ModelCatalog({"mine": {"provider": "plugin"}}).load("mine")


def test_unknown_name() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'elmo-mini'"):
        ModelCatalog().is_contextual("elmo-mni")
