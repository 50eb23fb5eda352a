"""Results of the processor that must stay equal to the bit, and the machines they are of.

``tests/bench/frozen_results.json`` has, for each machine type, the digest of the ``result`` block
of one small cell per head, and of the weights of small models after a few steps of pre-training.
The last bits depend on the processor and on the versions of torch and NumPy. So digests are
compared on machines that the file lists, and losses, to three decimals, on all others.

    python tests/helpers/frozen_results.py

adds the results of this machine to the file, or replaces them. Do so after an upgrade of torch or
NumPy, from a checkout whose tests pass with the versions before, and after a change that is meant
to change results, together with the version (of the head, metric or protocol) that explains it.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# As in tests/conftest.py; before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from small_cells import NAMES, trained_here
from small_models import MODELS, SmallRun

from elmobench.core.digests import digest_of
from elmobench.pretraining.checkpoints import tensors_digest
from elmobench.tracking.host import host_info
from elmobench.tracking.record import Result

FILE = Path(__file__).parents[1] / "bench" / "frozen_results.json"


def machine() -> dict[str, Any]:
    """What the last bits of a result depend on besides the code.

    MKL and oneDNN, which compute products of matrices, choose instructions and the order of sums
    by the model of the processor; torch and NumPy choose by its instructions.
    """
    return {
        "processor": host_info(1)["processor"],
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }


def of_result(result: Result) -> dict[str, Any]:
    """The digest of a ``result`` block, and the loss of its last epoch."""
    loss = result.curve[-1].train_loss
    # A field that came later is left out where it is empty, so that the digests stay.
    later = {"online_code"} if result.online_code is None else set()
    return {"digest": digest_of(result.model_dump(mode="json", exclude=later)), "loss": loss}


def of_model(name: str, folder: Path) -> dict[str, Any]:
    """The digest of the small model ``name`` and its optimizer after training, and its loss."""
    state, loss = MODELS[name](folder, SmallRun())
    return {"digest": tensors_digest(state, {}), "loss": loss}


def check(kind: str, name: str, found: Mapping[str, Any]) -> None:
    """Compare with the file: the digest on a machine that it lists, else the loss.

    Raises:
        AssertionError: if they differ.
    """
    rows = json.loads(FILE.read_text("utf-8"))
    here = machine()
    for row in rows:
        if row["machine"] == here:
            assert found == row[kind][name], f"{name}: other bits on a machine of the file"
            return
    expected = rows[-1][kind][name]["loss"]
    assert (found["loss"] is None) == (expected is None)
    if expected is not None:
        assert abs(found["loss"] - expected) <= 1e-3 * max(1.0, abs(expected)), name


def renew(file: Path) -> None:
    """Write the results of this machine into ``file``; those of other machines stay."""
    rows = json.loads(file.read_text("utf-8")) if file.exists() else []
    here = machine()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        cells = {name: of_result(trained_here(name, folder).result) for name in NAMES}
        models = {name: of_model(name, folder / name) for name in MODELS}
    rows = [row for row in rows if row["machine"] != here]
    rows.append({"machine": here, "cells": cells, "models": models})
    file.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    renew(FILE)
