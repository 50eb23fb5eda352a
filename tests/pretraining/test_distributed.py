"""Two processes that train one model: the losses of one process with the same global batch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from small_corpus import small_corpus, small_options

from elmobench.core.errors import ConfigError
from elmobench.pretraining.bilm.train import Bilm, train_bilm
from elmobench.pretraining.distributed import Group

SCRIPT = """
import sys
from pathlib import Path
import torch
sys.path.insert(0, sys.argv[1])
from small_corpus import small_corpus, small_options
from elmobench.pretraining.bilm.train import train_bilm
from elmobench.pretraining.distributed import Group

group = Group.of_environment()
tensors = [torch.tensor([1.0 + group.rank]), torch.tensor([[2.0, 3.0 * group.rank]])]
group.add_up(tensors)
assert tensors[0].tolist() == [3.0] and tensors[1].tolist() == [[4.0, 3.0]]
rows = group.concatenated(torch.full((1 + group.rank, 2), float(group.rank)))
assert rows.tolist() == [[0.0, 0.0], [1.0, 1.0], [1.0, 1.0]]
assert group.any(group.rank == 1) and not group.any(False)
left = [5]
def stop():
    left[0] -= 1
    return sys.argv[4] == "stop" and group.rank == 1 and left[0] == 0
train_bilm(small_corpus(Path(sys.argv[2])), small_options(dropout=0.0, n_epochs=1),
           Path(sys.argv[3]), group=group, threads=1, report_steps=1, stop=stop)
"""


def rows(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_two_processes_are_as_one(tmp_path: Path) -> None:
    corpus = small_corpus(tmp_path)
    one = tmp_path / "one"
    train_bilm(corpus, small_options(dropout=0.0, n_epochs=1), one, threads=1, report_steps=1)
    script = tmp_path / "two.py"
    script.write_text(SCRIPT)

    def two(out: str, mode: str) -> None:
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        arguments = [Path(__file__).parents[1] / "helpers", tmp_path, tmp_path / out, mode]
        result = subprocess.run(
            [*command, "--nproc-per-node", "2", str(script), *map(str, arguments)],
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stderr

    two("two", "whole")
    # One process asks to stop, both do; and both go on.
    two("parts", "stop")
    assert rows(tmp_path / "parts")[-1]["step"] == 5
    two("parts", "whole")
    for name in ("two", "parts"):
        found, expected = (
            {row["step"]: row["perplexity"] for row in rows(folder) if "perplexity" in row}
            for folder in (tmp_path / name, one)
        )
        assert found.keys() == expected.keys()
        for step, value in expected.items():
            assert found[step] == pytest.approx(value, rel=2e-4)
        assert rows(tmp_path / name)[-1]["heldout"] == pytest.approx(
            rows(one)[-1]["heldout"], rel=1e-3
        )
        with (
            h5py.File(one / "weights.hdf5") as theirs,
            h5py.File(tmp_path / name / "weights.hdf5") as ours,
        ):
            key = "RNN_0/RNN/MultiRNNCell/Cell0/LSTMCell/W_0"
            np.testing.assert_allclose(ours[key][...], theirs[key][...], atol=2e-3)


def test_alone_everything_is_as_it_was() -> None:
    group = Group()
    tensor = torch.ones(3)
    group.add_up([tensor])
    assert torch.equal(group.concatenated(tensor), torch.ones(3))
    assert group.any(True)
    assert not group.any(False)
    assert group.mine(8) == slice(0, 8)
    assert Group(1, 4).mine(8) == slice(2, 4)


def test_rows_must_be_shared_out_evenly(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="batch_size 8 cannot be shared out to 3"):
        Bilm(small_corpus(tmp_path), small_options(), 1, group=Group(0, 3))
