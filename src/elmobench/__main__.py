"""``python -m elmobench``."""

from elmobench.cli.entry import main

main()
