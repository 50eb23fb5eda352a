"""The examples in docstrings run and print what they show."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from elmobench.nn import crf, layer_mix


@pytest.mark.parametrize("module", [crf, layer_mix])
def test_examples(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
