"""``frozen_results.json``, and pre-training compared with it.

``test_second_device.py`` compares cells with it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import frozen_results
import pytest
from small_cells import NAMES
from small_models import MODELS

ROWS = json.loads(frozen_results.FILE.read_text("utf-8"))


def test_every_machine_of_the_file_has_every_head_and_model() -> None:
    for row in ROWS:
        assert sorted(row["cells"]) == NAMES
        assert sorted(row["models"]) == sorted(MODELS)
    assert len({json.dumps(row["machine"]) for row in ROWS}) == len(ROWS)


def test_the_file_is_of_the_pinned_versions() -> None:
    """With other versions only losses are compared, on every machine."""
    pins = (Path(__file__).parents[2] / "constraints.txt").read_text("utf-8")
    for name in ("torch", "numpy"):
        pinned = re.search(rf"^{name}==(\S+)$", pins, re.MULTILINE)
        assert pinned is not None
        versions = {row["machine"][name].partition("+")[0] for row in ROWS}
        assert pinned[1] in versions, "run tests/helpers/frozen_results.py with the new version"


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.slow] if n == "bert" else []) for n in sorted(MODELS)],
)
def test_pretraining_gives_the_bits_of_the_file(name: str, tmp_path: Path) -> None:
    frozen_results.check("models", name, frozen_results.of_model(name, tmp_path))


def test_a_result_that_differs_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    row = ROWS[-1]
    found = row["cells"]["ner/linear"]
    monkeypatch.setattr(frozen_results, "machine", lambda: row["machine"])
    frozen_results.check("cells", "ner/linear", found)
    with pytest.raises(AssertionError, match="other bits"):
        frozen_results.check("cells", "ner/linear", {**found, "digest": "0" * 64})
    monkeypatch.setattr(frozen_results, "machine", lambda: {"processor": "another"})
    frozen_results.check("cells", "ner/linear", {"digest": "", "loss": found["loss"] * 1.0005})
    with pytest.raises(AssertionError, match="ner/linear"):
        frozen_results.check("cells", "ner/linear", {"digest": "", "loss": found["loss"] * 1.01})
