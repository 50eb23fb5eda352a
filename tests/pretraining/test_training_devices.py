"""Pre-training on a second kind of device gives what the processor gives; see ``second_device``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from second_device import FarTensor, second_device
from small_corpus import small_corpus, small_options
from small_models import MODELS, SmallRun
from torch import Tensor

from elmobench.core.errors import ConfigError, ElmobenchError
from elmobench.pretraining import device as device_module
from elmobench.pretraining.bilm import train as bilm_train
from elmobench.pretraining.bilm.mixed_precision import check_arithmetic, products
from elmobench.pretraining.bilm.optimizer import Optimizer
from elmobench.pretraining.bilm.sampled_softmax import SampledLoss
from elmobench.pretraining.bilm.train import train_bilm
from elmobench.pretraining.device import device_of_process, training_on
from elmobench.pretraining.distributed import ProcessGroup
from elmobench.pretraining.loop import LoopOptions

SLOW = {"bert", "bilm-adagrad"}


class NearOptimizer:
    """The optimizer on copies on the processor: sparse tensors cannot be on the second device."""

    def __init__(self, weights: dict[str, Tensor], *rest: Any) -> None:
        self._far = weights
        self._near = {k: w.detach().cpu().clone().requires_grad_() for k, w in weights.items()}
        self._optimizer = Optimizer(self._near, *rest)
        self.rate, self.state = self._optimizer.rate, self._optimizer.state

    def load(self, state: dict[str, Tensor]) -> None:
        self._optimizer.load(state)
        with torch.no_grad():
            for name, weight in self._far.items():
                self._near[name].copy_(weight.cpu())

    def gather(self, losses: Sequence[SampledLoss], scale: float, group: ProcessGroup) -> float:
        for name, weight in self._far.items():
            if weight.grad is not None:
                self._near[name].grad = weight.grad.cpu()
        for loss in losses:
            assert all(isinstance(value, FarTensor) for value in vars(loss).values())
        near = [SampledLoss(*(x.cpu() for x in vars(loss).values())) for loss in losses]
        return self._optimizer.gather(near, scale, group)

    def step(self, step: int, norm: float) -> None:
        self._optimizer.step(step, norm)
        with torch.no_grad():
            for name, weight in self._far.items():
                weight.copy_(self._near[name].to(weight.device))
                weight.grad = None


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.slow] if n in SLOW else []) for n in sorted(MODELS)],
)
def test_training_on_another_device_equals_the_processor(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, loss = MODELS[name](tmp_path / "here", SmallRun(lines=40, steps=2))
    monkeypatch.setattr(bilm_train, "Optimizer", NearOptimizer)
    with second_device():
        state, other = MODELS[name](tmp_path / "there", SmallRun("meta", 40, 2))
        near = {key: value.cpu() for key, value in state.items()}
    assert any(isinstance(value, FarTensor) for value in state.values())
    assert other == pytest.approx(loss, rel=1e-5)
    assert near.keys() == expected.keys()
    for key, value in expected.items():
        torch.testing.assert_close(near[key], value, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_a_training_resumes_on_its_kind_of_device_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bilm_train, "Optimizer", NearOptimizer)
    corpus, options = small_corpus(tmp_path, 40), small_options()

    def steps(count: int, folder: str, device: str = "meta") -> dict[str, Tensor]:
        left = [count]

        def stop() -> bool:
            left[0] -= 1
            return left[0] == 0

        loop = LoopOptions(threads=1, device=device, stop_requested=stop)
        result = train_bilm(corpus, options, tmp_path / folder, loop)
        return {name: value.cpu() for name, value in result.trainer.state().items()}

    with second_device():
        whole = steps(2, "whole")
        steps(1, "parts")
        resumed = steps(1, "parts")
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    with pytest.raises(ConfigError, match="device is 'meta' there and 'cpu' here"):
        steps(1, "parts", "cpu")


def test_each_process_takes_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert device_of_process("cpu") == "cpu"
    assert device_of_process("cuda:1") == "cuda:1"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_of_process("auto") == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device_of_process("auto") == "cuda"
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "2")
    assert device_of_process("auto") == device_of_process("cuda") == "cuda:2"
    assert device_of_process("cpu") == "cpu"
    with pytest.raises(ConfigError, match="cannot share cuda:1"):
        device_of_process("cuda:1")


def test_a_full_memory_is_an_error_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.are_deterministic_algorithms_enabled()
    monkeypatch.setattr(device_module, "use_device", lambda device: None)

    def train() -> None:
        with training_on("cuda:0", 1) as device:
            assert device == torch.device("cuda")
            assert torch.are_deterministic_algorithms_enabled()
            raise torch.OutOfMemoryError("out of memory. Tried to allocate 1 GiB")

    with pytest.raises(ElmobenchError, match=r"memory is full \(out of memory\)") as caught:
        train()
    assert "use a smaller batch_size" in str(caught.value)
    assert torch.are_deterministic_algorithms_enabled() == before


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_machine_without_a_gpu_says_so(tmp_path: Path) -> None:
    loop = LoopOptions(device="cuda")
    with pytest.raises(ConfigError, match="the device is to be cuda, and torch finds no CUDA"):
        train_bilm(small_corpus(tmp_path, 60), small_options(), tmp_path / "out", loop)


@pytest.mark.parametrize(("arithmetic", "device"), [("tf32", "cpu"), ("bf16", "meta")])
def test_arithmetic_of_another_device_is_refused(arithmetic: str, device: str) -> None:
    with pytest.raises(ConfigError, match="use arithmetic="):
        check_arithmetic(arithmetic, torch.device(device))


def test_products_in_tf32_are_allowed_inside_of_the_block_only() -> None:
    check_arithmetic("tf32", torch.device("cuda"))
    settings = torch.backends.cuda.matmul
    before = settings.allow_tf32
    with products("tf32"):
        assert settings.allow_tf32
    assert settings.allow_tf32 == before
