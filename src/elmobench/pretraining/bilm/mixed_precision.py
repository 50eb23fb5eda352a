"""Matrix products of rounded factors; sums, weights and updates stay in single precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch

from elmobench.core.errors import ConfigError
from elmobench.pretraining.device import CPU

Arithmetic = Literal["fp32", "bf16", "tf32"]


def check_arithmetic(arithmetic: Arithmetic, device: torch.device = CPU) -> None:
    """Raise ConfigError if this device or this version of torch cannot use ``arithmetic``."""
    if arithmetic == "fp32":
        return
    if arithmetic == "tf32":
        if device.type == "cpu":
            raise ConfigError(
                "a processor has no products in tf32",
                fix="use arithmetic=fp32, or a GPU with --device cuda",
            )
        return
    if device.type != "cpu":
        raise ConfigError(
            "products in bf16 are for the processor",
            fix="use arithmetic=tf32, which a GPU computes many times as fast as fp32",
        )
    if getattr(_settings(), "fp32_precision", None) is None:
        raise ConfigError(
            f"torch {torch.__version__} has no setting for products in bf16",
            fix="use torch 2.9 or newer, or arithmetic=fp32",
        )
    if not has_bf16_products():
        raise ConfigError(
            "this processor has no products in bf16",
            fix="use arithmetic=fp32, which is as fast here",
        )


def has_bf16_products() -> bool:
    """Whether torch really rounds the factors of products to bf16 on this processor.

    On some processors that have the instructions torch still multiplies in fp32. So this function
    computes one product of 512 × 512 standard normal values: rounding to 8 bits changes it by
    about 0.4, a different order of summation by about 0.0001.
    """
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    left, right = torch.randn(2, 512, 512, generator=torch.Generator().manual_seed(0))
    with products("bf16"):
        rounded = left @ right
    return bool((rounded - left @ right).abs().max() > 0.01)


@contextmanager
def products(arithmetic: Arithmetic) -> Iterator[None]:
    """In this block factors of fp32 products are rounded, and their sums are in fp32.

    With ``bf16`` oneDNN rounds to 8 bits on a processor, with ``tf32`` cuBLAS to 11 on a GPU. The
    setting applies to all threads of the process.
    """
    if arithmetic == "fp32":
        yield
        return
    if arithmetic == "tf32":
        gpu: Any = torch.backends.cuda.matmul
        allowed = gpu.allow_tf32
        gpu.allow_tf32 = True
        try:
            yield
        finally:
            gpu.allow_tf32 = allowed
        return
    settings = _settings()
    before = settings.fp32_precision
    settings.fp32_precision = "bf16"
    try:
        yield
    finally:
        settings.fp32_precision = before


def _settings() -> Any:
    # Not in torch's type hints.
    return getattr(torch.backends.mkldnn, "matmul", None)
