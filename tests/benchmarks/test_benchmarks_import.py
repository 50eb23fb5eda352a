"""Every benchmark can be imported, so that a name that moved is noticed before a benchmark runs."""

from __future__ import annotations

from importlib import import_module

import pytest
from benchmarks.__main__ import NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_can_be_imported(name: str) -> None:
    assert callable(import_module(f"benchmarks.{name}").main)
