"""Which GPU each worker gets, on a machine whose GPUs are made up."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from elmobench.bench.context import RunContext
from elmobench.bench.experiment.schema import parse_experiment
from elmobench.bench.launchers import processes
from elmobench.bench.launchers.base import LaunchOptions
from elmobench.bench.launchers.local import failure_text
from elmobench.core.errors import ConfigError
from elmobench.tracking.record_store import RecordStore
from elmobench.training.devices import check_device, device_kind, own_devices, resolved_device


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


class MadeUpWorker:
    """A worker that never starts."""

    def __init__(self, args: object, folder: Path, device: str | None) -> None:
        self.device = device
        self.alive = True
        self.process = SimpleNamespace(is_alive=lambda: self.alive)


def context(device: str, tmp_path: Path) -> RunContext:
    values = {"name": "x", "tasks": ["ner/control-ner"], "features": ["random"]}
    return RunContext(parse_experiment({**values, "settings": {"device": device}}), None, tmp_path)


def test_a_worker_has_a_gpu_of_its_own_and_its_successor_the_same(
    two_gpus: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(processes, "ProcessWorker", MadeUpWorker)
    launcher = processes.ProcessPoolLauncher(LaunchOptions(workers=2))
    factory: Any = launcher.worker_factory(context("cuda", tmp_path), RecordStore(tmp_path))
    first, second = factory.start_worker(), factory.start_worker()
    assert [first.device, second.device] == ["cuda:0", "cuda:1"]
    first.alive = False
    assert factory.start_worker().device == "cuda:0"


def test_there_are_no_more_workers_than_gpus(
    two_gpus: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    sizes = {
        device: processes.ProcessPoolLauncher(LaunchOptions()).default_size(
            context(device, tmp_path)
        )
        for device in ("cpu", "cuda", "cuda:1")
    }
    assert sizes == {"cpu": 8, "cuda": 2, "cuda:1": 1}
    launcher = processes.ProcessPoolLauncher(LaunchOptions(workers=3))
    with pytest.raises(ConfigError, match="3 workers, and 2 GPUs"):
        launcher.worker_factory(context("cuda", tmp_path), RecordStore(tmp_path))


def test_what_a_setting_means(two_gpus: None) -> None:
    assert [resolved_device(name) for name in ("auto", "cpu", "cuda:1")] == [
        "cuda",
        "cpu",
        "cuda:1",
    ]
    assert own_devices("cuda") == ["cuda:0", "cuda:1"]
    assert own_devices("cpu") == []
    assert device_kind("cuda:1") == "cuda"
    check_device("cuda:1")
    with pytest.raises(ConfigError, match="cuda:2, and torch finds 2 CUDA devices"):
        check_device("cuda:2")


def test_without_a_gpu_auto_is_the_processor_and_cuda_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolved_device("auto") == "cpu"
    with pytest.raises(ConfigError, match="no CUDA device"):
        check_device("cuda")


@pytest.mark.parametrize("wrong", ["gpu", "cuda:", "cuda:-1", "meta", "cuda:1234", 0])
def test_other_devices_are_an_error(wrong: object) -> None:
    values = {"name": "x", "tasks": ["ner/control-ner"], "features": ["random"]}
    with pytest.raises(ConfigError, match="device"):
        parse_experiment({**values, "settings": {"device": wrong}})


def test_a_full_gpu_is_named_with_advice() -> None:
    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has …")
    text = failure_text(error)
    assert text.startswith("the GPU's memory is full (CUDA out of memory)")
    assert "training.batch_size" in text
    assert failure_text(ValueError("x")) == "ValueError: x"
