"""The examples in docstrings run and print what they show."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from elmobench.features import frozen_features, provider, spec
from elmobench.features.catalog import catalog
from elmobench.features.store import feature_store


@pytest.mark.parametrize("module", [catalog, feature_store, frozen_features, provider, spec])
def test_examples(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
