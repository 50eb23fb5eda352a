"""Threads and deterministic sums are set in the block and restored after it; kept memory."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from elmobench.training.machine import keep_memory, repeatable, torch_threads


def gradient() -> torch.Tensor:
    torch.manual_seed(0)
    table = torch.randn(2000, 50, requires_grad=True)
    rows = torch.randint(0, 300, (64, 200))
    (table[rows] * torch.randn(64, 200, 50)).sum().backward()
    assert table.grad is not None
    return table.grad


def test_gradients_of_indexing_are_the_same_to_the_bit_with_two_threads() -> None:
    with torch_threads(2):
        with repeatable():
            first = gradient()
            assert all(torch.equal(gradient(), first) for _ in range(5))
        # Without it they are not, on this machine; where they are, nothing is tested.
        if all(torch.equal(gradient(), first) for _ in range(20)):
            pytest.skip("this machine sums in one order anyway")


def test_settings_are_restored() -> None:
    before = torch.get_num_threads()
    with torch_threads(3), repeatable():
        assert torch.get_num_threads() == 3
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.utils.deterministic.fill_uninitialized_memory
    assert torch.get_num_threads() == before
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.utils.deterministic.fill_uninitialized_memory


@pytest.mark.parametrize("mode", ["default", "warn", "error"])
def test_any_mode_is_restored(mode: str) -> None:
    torch.set_deterministic_debug_mode(mode)
    before = torch.get_deterministic_debug_mode()
    try:
        with repeatable():
            assert torch.get_deterministic_debug_mode() == 2
        assert torch.get_deterministic_debug_mode() == before
    finally:
        torch.set_deterministic_debug_mode("default")


_COMPILER = """
import sys, torch
from elmobench.training.machine import repeatable
if sys.argv[1] == "before":
    import torch._inductor.config
with repeatable():
    assert ("torch._inductor" in sys.modules) == (sys.argv[1] == "before")
    import torch._inductor.config as config
    assert config.deterministic and torch.are_deterministic_algorithms_enabled()
assert not config.deterministic and not torch.are_deterministic_algorithms_enabled()
"""


@pytest.mark.slow
@pytest.mark.parametrize("imported", ["before", "inside"])
def test_the_compiler_is_deterministic_too_and_not_imported_for_it(imported: str) -> None:
    """A head of a plug-in may be compiled."""
    subprocess.run([sys.executable, "-c", _COMPILER, imported], check=True)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks glibc")
def test_memory_is_kept_where_the_c_library_is_glibc() -> None:
    import platform

    assert keep_memory() == (platform.libc_ver()[0] == "glibc")
