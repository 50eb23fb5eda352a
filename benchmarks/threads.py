"""A run beside other work: how much longer it takes when waiting threads spin, and when they sleep.

One small cell is trained with two threads, alone and beside two processes that compute without end.
On two cores a fair share is half of the machine, so that the run takes twice as long as alone. What
is above that is lost to threads that wait while they hold a core. The command line and the workers
of a pool let them sleep soon (``GOMP_SPINCOUNT``). ``OMP_WAIT_POLICY=passive``, where they sleep at
once, is shown beside it. Wall time of training, medians of several rounds in turns. "Alone" needs a
machine that has nothing else to do.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import elmobench

ROUNDS, BUSY = 3, 2
POLICIES: dict[str, dict[str, str]] = {
    "the library's default": {},
    "GOMP_SPINCOUNT=1000 (elmobench)": {"GOMP_SPINCOUNT": "1000"},
    "OMP_WAIT_POLICY=passive": {"OMP_WAIT_POLICY": "passive"},
}
"""Variables of the environment, by the name that is shown."""

EXPERIMENT: dict[str, Any] = {
    "name": "threads",
    "tasks": ["ner/control-ner"],
    "features": ["random"],
    "heads": ["small"],
    "seeds": [1],
    "overrides": [{"set": {"training.epochs": 2}}],
    "settings": {"threads": 2},
}


def main() -> None:
    times: dict[tuple[str, bool], list[float]] = {}
    for _ in range(ROUNDS):
        for policy in POLICIES:
            times.setdefault((policy, False), []).append(seconds(POLICIES[policy]))
            with busy_loops(BUSY):
                times.setdefault((policy, True), []).append(seconds(POLICIES[policy]))
    print(f"{'waiting threads':<32}{'alone s':>10}{'beside s':>10}{'ratio':>8}")
    for policy in POLICIES:
        alone, beside = (statistics.median(times[policy, among]) for among in (False, True))
        print(f"{policy:<32}{alone:>10.2f}{beside:>10.2f}{beside / alone:>8.2f}")


def seconds(variables: dict[str, str]) -> float:
    """Wall time of the cell's training in a process of its own, with ``variables`` set."""
    others = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}
    environment = {k: v for k, v in os.environ.items() if k not in others} | variables
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.threads", "cell"],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout)


@contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """Processes that compute without end while the block runs."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def cell() -> None:
    """Train the cell and print its seconds. The library called from Python sets no variable."""
    with tempfile.TemporaryDirectory() as folder:
        results = elmobench.run(
            EXPERIMENT,
            results=Path(folder) / "results",
            store=Path(folder) / "store",
            tracking_uri="none",
            quiet=True,
        )
    (record,) = results.summary.records
    assert record.run is not None
    print(record.run.seconds["train"])


if __name__ == "__main__":
    cell() if "cell" in sys.argv else main()
