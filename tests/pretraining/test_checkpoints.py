"""Checkpoints and logs: every damage is noticed, and training goes on from what is whole."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from elmobench.core.errors import ConfigError, ElmobenchWarning, ModelError
from elmobench.pretraining.checkpoints import Checkpoint, CheckpointFolder
from elmobench.pretraining.log_file import LogFile

IDENTITY = {"kind": "test", "options": {"seed": 1}}


def write(folder: Path, *steps: int) -> CheckpointFolder:
    checkpoints = CheckpointFolder(folder, IDENTITY)
    for step in steps:
        tensors = {"x": torch.full((50,), float(step)), "n": torch.tensor(step)}
        checkpoints.write(step, tensors, {"seconds": step / 2})
    return checkpoints


def content(checkpoint: Checkpoint | None) -> Any:
    assert checkpoint is not None
    tensors = {name: tensor.tolist() for name, tensor in checkpoint.tensors.items()}
    return checkpoint.step, tensors, checkpoint.facts


def test_the_last_two_are_kept_and_the_newest_is_read(tmp_path: Path) -> None:
    assert CheckpointFolder(tmp_path, IDENTITY).last() is None
    folder = write(tmp_path, 1, 2, 3)
    assert [p.name for p in sorted(tmp_path.iterdir())] == [
        f"step-00000000{step}.safetensors" for step in (2, 3)
    ]
    assert content(folder.last()) == (3, {"x": [3.0] * 50, "n": 3}, {"seconds": 1.5})
    with pytest.raises(ConfigError, match=r"options\.seed is 1 there and 2 here"):
        CheckpointFolder(tmp_path, {"kind": "test", "options": {"seed": 2}}).last()


def test_a_damaged_newest_one_falls_back_to_the_one_before(tmp_path: Path) -> None:
    folder = write(tmp_path, 1, 2)
    newest = tmp_path / "step-000000002.safetensors"
    newest.write_bytes(newest.read_bytes()[:-50])
    with pytest.warns(ElmobenchWarning, match=r"000002\.safetensors: the checkpoint is damaged.*"):
        assert content(folder.last())[0] == 1
    # Training goes on from step 1: the damaged one does not survive the next one.
    write(tmp_path, 1)
    assert content(folder.last())[0] == 1
    newest.write_bytes(b"")
    (tmp_path / "step-000000001.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match=r"damaged(.|\n)*delete the folder to train from the star"):
        folder.last()


def test_every_changed_byte_is_noticed(tmp_path: Path) -> None:
    folder = write(tmp_path, 7)
    right = content(folder.last())
    path = tmp_path / "step-000000007.safetensors"
    whole = path.read_bytes()
    draw = random.Random(0)
    unnoticed = []
    for position in range(len(whole)):
        changed = bytearray(whole)
        changed[position] ^= 1 << draw.randrange(8)
        path.write_bytes(changed)
        try:
            unnoticed.append(content(folder.last()))
        except ModelError:
            continue
    # The padding of the header and the spelling of its JSON may differ.
    assert all(value == right for value in unnoticed)
    assert len(unnoticed) < 20


def test_one_of_another_step_or_of_an_earlier_version_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, 3)
    path = tmp_path / "step-000000003.safetensors"
    path.rename(tmp_path / "step-000000004.safetensors")
    with pytest.raises(ModelError, match="does not have the digest"):
        folder.last()
    tensors = load_file(tmp_path / "step-000000004.safetensors")
    metadata = {"identity": json.dumps(IDENTITY), "facts": "{}"}
    save_file(tensors, tmp_path / "step-000000004.safetensors", metadata)
    with pytest.raises(ModelError, match="of an earlier version"):
        folder.last()


def rows(log: LogFile) -> list[int]:
    return [json.loads(line)["step"] for line in log.path.read_text().splitlines()]


def test_a_log_is_cut_where_training_resumes(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log.jsonl")
    log.cut(log.state())
    assert not log.path.exists()
    for step in (1, 2, 3):
        log.append({"step": step})
    state = log.state()
    log.append({"step": 4})
    with log.path.open("a") as stream:
        stream.write('{"step": 5, "hel')
    log.cut(state)
    assert rows(log) == [1, 2, 3]
    log.cut(state)
    assert rows(log) == [1, 2, 3]
    log.cut(None)
    assert not log.path.exists()


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe", b'{"step": 1}\n{"step": 9}\n{"step": 3}\n'])
def test_a_damaged_log_is_put_aside(tmp_path: Path, damage: bytes) -> None:
    log = LogFile(tmp_path / "log.jsonl")
    for step in (1, 2, 3):
        log.append({"step": step})
    state = log.state()
    log.path.write_bytes(damage)
    with pytest.warns(ElmobenchWarning, match=r"log\.jsonl: is not the log that"):
        log.cut(state)
    assert (tmp_path / "log.jsonl.damaged-1").read_bytes() == damage
    log.append({"step": 4})
    assert rows(log) == [4]


def test_a_missing_log_is_a_warning(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log.jsonl")
    log.append({"step": 1})
    state = log.state()
    log.path.unlink()
    with pytest.warns(ElmobenchWarning, match=r"log\.jsonl: is missing, .* A new log begins"):
        log.cut(state)
    log.append({"step": 2})
    assert rows(log) == [2]


def test_values_of_all_types_have_a_digest(tmp_path: Path) -> None:
    tensors = {
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 3),
        "bool": torch.tensor([True, False]),
        "bf16": torch.ones(3, dtype=torch.bfloat16),
        "transposed": torch.from_numpy(np.arange(6.0).reshape(2, 3)).t(),
    }
    folder = CheckpointFolder(tmp_path, IDENTITY)
    folder.write(1, tensors, {})
    read = folder.last()
    assert read is not None
    for name, tensor in tensors.items():
        assert torch.equal(read.tensors[name], tensor)


def test_a_pipe_in_place_of_a_log_is_not_waited_for(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log.jsonl")
    log.append({"step": 1})
    state = log.state()
    log.path.unlink()
    os.mkfifo(log.path)
    for call in (log.state, lambda: log.cut(state)):
        with pytest.raises(ModelError, match=r"log\.jsonl: .*not a file, but a pipe"):
            call()
