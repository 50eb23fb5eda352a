from __future__ import annotations

import pytest

from elmobench.core.errors import ConfigError, UnknownNameError
from elmobench.core.registry import Registry


def test_duplicates_are_refused() -> None:
    registry: Registry[int] = Registry("number")
    registry.add("one", 1)
    with pytest.raises(ConfigError, match="number 'one' is registered twice"):
        registry.add("one", 2)
    with pytest.raises(ConfigError, match="twice"):
        registry.add_lazy("one", "math:pi")


def test_unknown_names_get_the_closest_ones() -> None:
    registry: Registry[int] = Registry("metric")
    registry.add("accuracy", 1)
    registry.add("span-f1", 2)
    with pytest.raises(UnknownNameError, match="did you mean 'accuracy'"):
        registry.get("acuracy")
    with pytest.raises(UnknownNameError, match="known: accuracy, span-f1"):
        registry.get("zzz")


def test_lazy_entries_are_imported_on_first_use() -> None:
    registry: Registry[float] = Registry("constant")
    registry.add_lazy("pi", "math:pi", "a ratio")
    assert registry.names() == ["pi"]
    assert registry.summary("pi") == "a ratio"
    assert registry.get("pi") == pytest.approx(3.14159, abs=1e-5)
    with pytest.raises(ConfigError, match=r"package\.module:attribute"):
        registry.add_lazy("bad", "math.pi")


def test_decorator() -> None:
    registry: Registry[type] = Registry("class")

    @registry.register("thing", "a thing")
    class Thing:
        pass

    assert registry.get("thing") is Thing
    assert "thing" in registry
    assert list(registry) == ["thing"]


def test_every_lazy_entry_of_the_package_resolves() -> None:
    from elmobench.bench.launchers.base import LAUNCHERS
    from elmobench.data.readers.base import READERS
    from elmobench.features.provider import PROVIDERS
    from elmobench.metrics.base import METRICS
    from elmobench.tasks.registries import HEADS, PIPELINES

    for registry in (LAUNCHERS, READERS, PROVIDERS, METRICS, HEADS, PIPELINES):
        assert registry.names()
        for name in registry.names():
            assert registry.get(name) is not None
            assert registry.summary(name), f"{registry.kind} {name} has no summary"
