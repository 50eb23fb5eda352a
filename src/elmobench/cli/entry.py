"""The entry point of the package: handles signals before anything that takes time is imported."""

from __future__ import annotations

from elmobench.cli.interrupts import Interrupts


def main() -> None:
    """Run the command line, as a program."""
    interrupts = Interrupts()
    interrupts.install()
    from elmobench.cli.main import run

    run(interrupts)
