"""Threads that wait must sleep; the variable that says so is set before torch is loaded."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

# An audit hook sees the import of torch begin, at whatever place of the program it is.
_PROGRAM = """
import os, sys
def look(event, arguments):
    if event == "import" and arguments[0] == "torch":
        print(os.environ.get("OMP_WAIT_POLICY"), os.environ.get("GOMP_SPINCOUNT"), flush=True)
        os._exit(0)
sys.addaudithook(look)
from elmobench.cli.entry import main
main()
"""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "None 1000"),
        ({"OMP_WAIT_POLICY": "active"}, "active None"),
        ({"GOMP_SPINCOUNT": "7"}, "None 7"),
    ],
    ids=str,
)
def test_waiting_threads_sleep_from_before_torch_is_loaded(
    given: dict[str, str], expected: str
) -> None:
    variables = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    environment = {k: v for k, v in os.environ.items() if k not in variables}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, "doctor"],
        env={**environment, **given},
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[-1:] == [expected], done.stderr
