"""The entry point of the package: what must come before the imports that take time."""

from __future__ import annotations

from elmobench.cli.interrupts import Interrupts
from elmobench.core.openmp import let_waiting_threads_sleep


def main() -> None:
    """Run the command line, as a program."""
    interrupts = Interrupts()
    interrupts.install()
    let_waiting_threads_sleep()
    from elmobench.cli.main import run

    run(interrupts)
