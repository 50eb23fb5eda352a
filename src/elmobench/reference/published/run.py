"""Run published heads. It is a script of the reference environment, on Python 3.8 to 3.10.

``run.py FOLDER SEED HEAD [HEAD ...]`` writes ``FOLDER/HEAD.npz`` for each module of this package.
"""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from pathlib import Path
from types import ModuleType

PACKAGE = "elmobench.reference.published"


def main() -> None:
    """Write the arrays of the heads that the command line names."""
    folder, seed, *heads = sys.argv[1:]
    warnings.simplefilter("ignore")
    # The project is not installed here and its other packages would not import: make this package
    # importable under its own name, and nothing around it.
    own = Path(__file__).parent
    for name, path in (
        ("elmobench", own.parents[1]),
        ("elmobench.reference", own.parent),
    ):
        package = ModuleType(name)
        package.__path__ = [str(path)]
        sys.modules[name] = package
    import numpy as np
    import torch

    torch.set_num_threads(1)
    for head in heads:
        arrays = import_module(f"{PACKAGE}.{head}").arrays(int(seed))
        np.savez(str(Path(folder) / f"{head}.npz"), **arrays)


if __name__ == "__main__":
    main()
