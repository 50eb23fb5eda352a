"""Every process finds the same tests, so that several processes can share them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _collected(hash_seed: str) -> list[str]:
    """Names of all tests, in a process whose sets have another order for another ``hash_seed``."""
    out = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n", "0", "-o", "addopts="],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return [line for line in out.stdout.splitlines() if "::" in line]


@pytest.mark.slow
def test_names_of_tests_do_not_depend_on_the_process() -> None:
    first = _collected("1")
    assert len(first) > 1000
    assert first == _collected("2")
