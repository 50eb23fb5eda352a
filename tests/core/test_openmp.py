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
        print("policy", os.environ.get("OMP_WAIT_POLICY"), flush=True)
        os._exit(0)
sys.addaudithook(look)
from elmobench.cli.entry import main
main()
"""


@pytest.mark.parametrize(("given", "expected"), [(None, "passive"), ("active", "active")])
def test_waiting_threads_sleep_from_before_torch_is_loaded(
    given: str | None, expected: str
) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    if given is not None:
        environment["OMP_WAIT_POLICY"] = given
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, "doctor"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[-1:] == [f"policy {expected}"], done.stderr
