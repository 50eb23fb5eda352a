"""A training that is killed at any place ends, when it is done again, as if it had not been."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from small_corpus import small_corpus

MODELS = {
    "glove": ["vectors.txt.gz"],
    "bilm": ["weights.hdf5", "softmax.safetensors", "options.json", "vocabulary.txt"],
    "bert": ["model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"],
}


def files_below(folder: Path) -> list[str]:
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.name != "calls"
    )


def facts(folder: Path) -> Any:
    card = yaml.safe_load((folder / "model_card.yaml").read_text())
    del card["seconds"], card["processor_seconds"]
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    measured = [(row["step"], row["heldout"]) for row in rows if row["heldout"] is not None]
    return card, measured, (folder / "models.yaml").read_bytes()


@pytest.mark.nightly
def test_every_phase_can_be_killed(tmp_path: Path) -> None:
    small_corpus(tmp_path, 200)
    program = Path(__file__).parents[1] / "helpers" / "kill_phases.py"
    done = subprocess.run([sys.executable, str(program), str(tmp_path)], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    killed = sorted(tmp_path.glob("killed-*"))
    assert len(killed) == 14
    for folder in killed:
        whole = tmp_path / f"whole-{folder.name.rpartition('-')[2]}"
        assert files_below(folder) == files_below(whole), folder.name
        assert not list(folder.rglob("*.part")), folder.name
        assert facts(folder / "m") == facts(whole / "m"), folder.name
        for name in MODELS[whole.name.removeprefix("whole-")]:
            assert (folder / "m" / name).read_bytes() == (whole / "m" / name).read_bytes(), name
