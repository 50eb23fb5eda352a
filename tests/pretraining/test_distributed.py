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
from elmobench.pretraining.bilm.train import BilmTrainer, train_bilm
from elmobench.pretraining.distributed import ProcessGroup
from elmobench.pretraining.loop import LoopOptions

SCRIPT = """
import json
import sys
from pathlib import Path
import torch
sys.path.insert(0, sys.argv[1])
from small_corpus import small_corpus, small_options
from elmobench.pretraining.bilm.train import train_bilm
from elmobench.pretraining.distributed import ProcessGroup
from elmobench.pretraining.loop import LoopOptions

group = ProcessGroup.from_environment()
tensors = [torch.tensor([1.0 + group.rank]), torch.tensor([[2.0, 3.0 * group.rank]])]
group.all_reduce(tensors)
assert tensors[0].tolist() == [3.0] and tensors[1].tolist() == [[4.0, 3.0]]
rows = group.all_gather(torch.full((1 + group.rank, 2), float(group.rank)))
assert rows.tolist() == [[0.0, 0.0], [1.0, 1.0], [1.0, 1.0]]
assert group.any(group.rank == 1) and not group.any(False)
def train(out, steps):
    left = [steps]
    def stop_requested():
        left[0] -= 1
        return group.rank == 1 and left[0] == 0
    loop = LoopOptions(threads=1, report_steps=1, stop_requested=stop_requested)
    train_bilm(small_corpus(Path(sys.argv[2]), 300), small_options(dropout=0.0, n_epochs=1),
               Path(sys.argv[2]) / out, loop, group=group)
train("two", -1)
# One process requests a stop and both stop; then both resume from the files.
train("parts", 5)
last = (Path(sys.argv[2]) / "parts" / "log.jsonl").read_text().splitlines()[-1]
assert json.loads(last)["step"] == 5
train("parts", -1)
"""


def rows(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_two_processes_train_like_one(tmp_path: Path) -> None:
    corpus = small_corpus(tmp_path, 300)
    one = tmp_path / "one"
    loop = LoopOptions(threads=1, report_steps=1)
    train_bilm(corpus, small_options(dropout=0.0, n_epochs=1), one, loop)
    script = tmp_path / "two.py"
    script.write_text(SCRIPT)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    helpers = Path(__file__).parents[1] / "helpers"
    result = subprocess.run(
        [*command, "--nproc-per-node", "2", str(script), str(helpers), str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    for name in ("two", "parts"):
        perplexities, expected = (
            {row["step"]: row["perplexity"] for row in rows(folder) if "perplexity" in row}
            for folder in (tmp_path / name, one)
        )
        assert perplexities.keys() == expected.keys()
        for step, value in expected.items():
            assert perplexities[step] == pytest.approx(value, rel=2e-4)
        assert rows(tmp_path / name)[-1]["heldout"] == pytest.approx(
            rows(one)[-1]["heldout"], rel=1e-3
        )
        with (
            h5py.File(one / "weights.hdf5") as theirs,
            h5py.File(tmp_path / name / "weights.hdf5") as ours,
        ):
            key = "RNN_0/RNN/MultiRNNCell/Cell0/LSTMCell/W_0"
            np.testing.assert_allclose(ours[key][...], theirs[key][...], atol=2e-3)


def test_a_group_of_one_process_changes_nothing() -> None:
    group = ProcessGroup()
    tensor = torch.ones(3)
    group.all_reduce([tensor])
    assert torch.equal(group.all_gather(tensor), torch.ones(3))
    assert group.any(True)
    assert not group.any(False)
    assert group.my_rows(8) == slice(0, 8)
    assert ProcessGroup(1, 4).my_rows(8) == slice(2, 4)


def test_rows_must_divide_evenly_between_processes(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="batch_size 8 cannot be divided evenly between 3"):
        BilmTrainer(small_corpus(tmp_path), small_options(), group=ProcessGroup(0, 3))
