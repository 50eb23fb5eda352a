"""``python -m elmobench``."""

from elmobench.cli.main import run

run()
