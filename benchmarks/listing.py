"""Does the command line answer at once? ``--help`` and ``list`` against a bare interpreter."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time


def seconds(command: list[str], runs: int = 7) -> float:
    """Median wall time, after one warm-up."""
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def main() -> None:
    bare = seconds([sys.executable, "-c", "pass"])
    print(f"bare interpreter      {bare:6.3f} s")
    for verb in (["--help"], ["list"]):
        taken = seconds([sys.executable, "-m", "elmobench", *verb])
        print(f"elmobench {verb[0]:<12}{taken:6.3f} s   {taken / bare:5.1f} times bare")
